import { createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createMac } from '../src/tokens/mac.js'
import { newSessionId } from '../src/tokens/random.js'
import { rememberClaims } from '../src/tokens/remember.js'
import { createTokens, type Tokens } from '../src/tokens/token.js'

const SECRETS = ['the first secret of the tests of tokens', 'the second secret of the tests of tokens'] as const

function newClaims() {
  return {
    sessionId: newSessionId('user'),
    generation: randomBytes(4).readUInt32BE(),
    secret: new Uint8Array(randomBytes(16)),
  }
}

test('the mac is HMAC-SHA-256 as Node computes it, call after call', () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 64 })
  const messages = fc.array(fc.uint8Array({ minLength: 42, maxLength: 42 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(key, messages, (key, messages) => {
      const write = createMac(key, 42)
      for (const message of messages) {
        const target = Buffer.alloc(32)
        write(message, target)
        expect(target).toEqual(createHmac('sha256', key).update(message).digest())
      }
    }),
  )
  expect(() => createMac(new Uint8Array(65), 42)).toThrow(RangeError)
})

test('a token is laid out as the design says, and its key is derived as it says', () => {
  const claims = newClaims()
  for (const [kind, prefix] of [
    ['access', 'pwa1'],
    ['renewal', 'pwr1'],
  ] as const) {
    const token = createTokens(SECRETS).issue(kind, claims)
    expect(token).toMatch(new RegExp(`^${prefix}_[A-Za-z0-9_-]{92}$`))
    const bytes = Buffer.from(token.slice(5), 'base64url')
    const derive = (info: string, length: number) =>
      Buffer.from(hkdfSync('sha256', SECRETS[0], '', `pawl/${info}`, length))
    expect(bytes.subarray(0, 1)).toEqual(derive('key-id', 1))
    expect(bytes.subarray(1, 17).toString('hex')).toBe(claims.sessionId.replaceAll('-', ''))
    expect(bytes.readUInt32BE(17)).toBe(claims.generation)
    expect(new Uint8Array(bytes.subarray(21, 37))).toEqual(claims.secret)
    const signed = Buffer.concat([Buffer.from(`${prefix}_`), bytes.subarray(0, 37)])
    expect(bytes.subarray(37)).toEqual(createHmac('sha256', derive(prefix, 32)).update(signed).digest())
  }
})

test('two secrets that share a key id are told apart by the mac', () => {
  const idOf = (secret: string) => Buffer.from(hkdfSync('sha256', secret, '', 'pawl/key-id', 1)).readUInt8()
  const first = SECRETS[0]
  let other = ''
  for (let n = 0; other === '' || idOf(other) !== idOf(first); n++) other = `a secret that is like the first one ${n}`
  const claims = newClaims()
  const both = createTokens([first, other])
  for (const secret of [first, other]) {
    expect(both.verify('access', createTokens([secret]).issue('access', claims))).toEqual(claims)
  }
  expect(createTokens([other]).verify('access', createTokens([first]).issue('access', claims))).toBeNull()
})

test('order of secrets changes who signs and nothing else', () => {
  const claims = newClaims()
  const [first, second] = SECRETS
  const token = createTokens([first, second]).issue('renewal', claims)
  expect(createTokens([second, first]).verify('renewal', token)).toEqual(claims)
  expect(createTokens([second]).verify('renewal', token)).toBeNull()
  expect(createTokens([second, first]).issue('renewal', claims)).not.toBe(token)
})

test('what is remembered is authentic, whole, and bounded', () => {
  const tokens = createTokens(SECRETS)
  let asked = 0
  const counting: Tokens = {
    ...tokens,
    verify(kind, token) {
      asked++
      return tokens.verify(kind, token)
    },
  }
  const remembered = rememberClaims(counting, 'access', 2)
  const verify = (token: string) => remembered(token, '')
  const [a, b, c] = [newClaims(), newClaims(), newClaims()]
  const told = ({ sessionId, generation }: typeof a) => ({ sessionId, generation })
  const [ta, tb, tc] = [a, b, c].map(claims => tokens.issue('access', claims)) as [string, string, string]
  expect(verify(ta)).toMatchObject(told(a))
  expect(verify(ta)?.secretHash).toEqual(new Uint8Array(createHash('sha256').update(a.secret).digest()))
  expect(asked).toBe(1)
  expect(verify(ta)).not.toHaveProperty('secret')
  const changed = ta.slice(0, -1) + (ta.endsWith('A') ? 'B' : 'A')
  expect([verify(changed), verify(changed), verify(tokens.issue('renewal', a))]).toEqual([null, null, null])
  expect(asked).toBe(4)
  expect([verify(tb), verify(tc)]).toMatchObject([told(b), told(c)])
  expect(verify(ta)).toMatchObject(told(a))
  expect(asked).toBe(7)
})

test('session ids are UUIDs of version 8, alike in their first 32 bits for one user and random after', () => {
  const ids = Array.from({ length: 1000 }, () => newSessionId('one user'))
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(new Set(ids.map(id => id.slice(0, 8))).size).toBe(1)
  expect(new Set(ids).size).toBe(1000)
  expect(newSessionId('another user').slice(0, 8)).not.toBe(ids[0]?.slice(0, 8))
})
