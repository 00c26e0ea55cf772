import { describe, expect, test } from 'vitest'
import { rateLimits } from '../../src/extensions/rate-limits/rate-limits.js'
import { resolveRules } from '../../src/extensions/rate-limits/rules.js'
import { parseRateLimits } from '../../src/extensions/rate-limits/setting.js'

/** What a setting comes to, as text: `60/600000 100/86400000`. */
function ruled(text: string): Record<string, string> {
  const { options } = parseRateLimits(text)
  rateLimits(options)
  return Object.fromEntries(
    Object.entries(resolveRules(options)).map(([name, windows]) => [
      name,
      windows.map(({ count, ms }) => `${count}/${ms / 1000}s`).join(' '),
    ]),
  )
}

const DEFAULT = {
  'sign_in.account': '100/86400s',
  'sign_in.address': '600/600s',
  'sign_in.global': '60000/600s',
  current_password: '100/86400s',
  'registration.address': '600/600s',
  'registration.global': '60000/600s',
  'mail.address': '600/600s',
  'mail.global': '60000/600s',
}
const all = (value: string) => Object.fromEntries(Object.keys(DEFAULT).map(name => [name, value]))

describe('what an operator may write', () => {
  test.each(['off', 'OFF', ' false ', 'none', 'disabled', '0', 'unlimited', 'no'])('%j turns all off', text => {
    expect(parseRateLimits(text).options).toBe('off')
    expect(parseRateLimits(text).weaker).toHaveLength(8)
    expect(parseRateLimits(text).weaker[0]).toBe('the rate limit sign_in.account is off')
  })

  test.each(['on', 'true', 'Default'])('%j is the default, and nothing of it is weaker', text => {
    expect(ruled(text)).toEqual(DEFAULT)
    expect(parseRateLimits(text).weaker).toEqual([])
  })

  test('a number is every count, and the windows stay', () => {
    expect(ruled('1000000')).toEqual({
      ...all('1000000/600s'),
      'sign_in.account': '1000000/86400s',
      current_password: '1000000/86400s',
    })
    expect(parseRateLimits('5').weaker).toEqual([])
    expect(parseRateLimits('1000000').weaker).toContain(
      'the rate limit sign_in.account lets 1000000 pass in 24h, where 100 is the default',
    )
  })

  test.each(['x10', 'X10', '10x', '*10'])('%j is ten times as much', text => {
    expect(ruled(text)).toMatchObject({ 'sign_in.account': '1000/86400s', 'mail.address': '6000/600s' })
    expect(parseRateLimits(text).weaker).toHaveLength(8)
  })

  test.each(['20/10m', '20 / 10m', '20/10min', '20/10minutes'])('%j is one window for all', text => {
    expect(ruled(text)).toEqual(all('20/600s'))
  })

  test.each(['20/10m+100/24h', '20/10m,100/24h', '100/day; 20/10m', '100/1d 20/10m'])('%j is two for all', text => {
    expect(ruled(text)).toEqual(all('20/600s 100/86400s'))
  })

  test.each([
    'sign_in.account=20/10m+50/1h,registration.address=off',
    'sign_in.account=50/hour+20/10m; registration.address=none',
    ' signIn.account = 20/10m + 50/1h  Registration.Address = 0 ',
    'sign-in.account=20/10m+50/1h\nregistration.address=unlimited',
  ])('%j changes only those', text => {
    expect(ruled(text)).toEqual({ ...DEFAULT, 'sign_in.account': '20/600s 50/3600s', 'registration.address': '' })
  })

  test('a group is all of its rules, and what comes later wins', () => {
    expect(ruled('registration=off,current_password=5')).toEqual({
      ...DEFAULT,
      'registration.address': '',
      'registration.global': '',
      current_password: '5/86400s',
    })
    expect(ruled('off sign_in.account=7')).toEqual({ ...all(''), 'sign_in.account': '7/86400s' })
    expect(ruled('x2,sign_in=x3')).toMatchObject({ 'sign_in.address': '3600/600s', 'mail.address': '1200/600s' })
  })

  test.each([
    '',
    ' ',
    '-1',
    '1.5',
    'x0',
    '0/10m',
    '20/',
    '20/10w',
    '20/0m',
    '20/100ms',
    '20/90d',
    'sign_in',
    'a=b',
    'sign_in.acount=5',
    'sign_in.account=',
    '=5',
    'sign_in.account=5=6',
    '20/10m,off2',
    'mail.address=20/10m+off',
    '9999999999/1h',
    'on,sign_in.account=maybe',
    '{}',
    'NaN',
    'Infinity',
    '1e3',
  ])('%j is refused by a message that says what to write', text => {
    expect(() => parseRateLimits(text)).toThrow(TypeError)
    expect(() => parseRateLimits(text)).toThrow(
      /rate limits cannot be '.*': write off, a number.*x10.*20\/10m.*sign_in\.account=/s,
    )
  })
})
