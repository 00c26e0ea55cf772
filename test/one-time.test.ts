import { describe, expect, test } from 'vitest'
import { oneTimeTokens } from '../src/extensions/one-time.js'
import { fifty, testClock } from '../src/testing/suite.js'
import { newOneTimeToken, oneTimeHash } from '../src/tokens/one-time.js'
import { createSeal } from '../src/tokens/seal.js'
import { STORES } from './support/stores.js'

const HOUR = 3_600_000
const NONES = [
  null,
  undefined,
  7,
  {},
  [],
  '',
  'pwo1_',
  `pwo1_${'A'.repeat(42)}`,
  `pwo1_${'A'.repeat(44)}`,
  `pwa1_${'A'.repeat(43)}`,
]

describe.each(STORES)('tokens for one use in $name', ({ make }) => {
  const open = async () => {
    const clock = testClock()
    const { store } = await make({ now: clock.now })
    return { clock, store, tokens: oneTimeTokens<{ id: string }>(store.values, 'reset', HOUR) }
  }

  test('of fifty uses of one token one succeeds', async () => {
    const { tokens } = await open()
    const token = await tokens.issue('', { id: 'me' })
    expect(await tokens.look('', token)).toEqual({ id: 'me' })
    const taken = await fifty(() => tokens.take('', token))
    expect(taken.filter(value => value !== null)).toEqual([{ id: 'me' }])
    expect(await tokens.look('', token)).toBe(null)
  })

  test('one that is over, of another purpose or of another tenant is none', async () => {
    const { tokens, store, clock } = await open()
    const token = await tokens.issue('acme', { id: 'me' })
    expect(await oneTimeTokens(store.values, 'confirm', HOUR).take('acme', token)).toBe(null)
    for (const tenant of ['', 'other', 'acme:']) expect(await tokens.take(tenant, token)).toBe(null)
    clock.advance(HOUR - 1)
    expect(await tokens.look('acme', token)).toEqual({ id: 'me' })
    clock.advance(1)
    expect(await tokens.take('acme', token)).toBe(null)
  })

  test('one that is given back is good once more', async () => {
    const { tokens } = await open()
    const token = await tokens.issue('', { id: 'me' })
    const value = await tokens.take('', token)
    await tokens.giveBack('', token, value as { id: string })
    expect((await fifty(() => tokens.take('', token))).filter(Boolean)).toHaveLength(1)
  })

  test('what is no token asks nobody and is none', async () => {
    const { tokens } = await open()
    for (const none of NONES) {
      expect(await tokens.look('', none)).toBe(null)
      expect(await tokens.take('', none)).toBe(null)
    }
  })
})

test('a token is 32 random bytes that a scanner for secrets knows, and its hash tells nothing of it', () => {
  const made = Array.from({ length: 1000 }, newOneTimeToken)
  expect(new Set(made).size).toBe(1000)
  for (const token of made.slice(0, 10)) {
    expect(token).toMatch(/^pwo1_[\w-]{43}$/)
    expect(oneTimeHash(token)).toMatch(/^[\w-]{43}$/)
    expect(token).not.toContain(oneTimeHash(token))
  }
})

describe('sealed text', () => {
  const [key, older, other] = [1, 2, 3].map(byte => new Uint8Array(32).fill(byte)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  const text = 'a token and an address, me@exämple.com'

  test('opens with a key of the list, wherever it stands in it', () => {
    const sealed = createSeal([older]).seal(text, 'row 1')
    expect(createSeal([key, older]).open(sealed, 'row 1')).toBe(text)
    expect(sealed).not.toContain('token')
  })

  test('does not open elsewhere, with another key, or changed anywhere', () => {
    const { seal, open } = createSeal([key])
    const sealed = seal(text, 'row 1')
    expect(open(sealed, 'row 2')).toBe(null)
    expect(createSeal([other]).open(sealed, 'row 1')).toBe(null)
    const bytes = Buffer.from(sealed, 'base64url')
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ 1
      expect(open(changed.toString('base64url'), 'row 1')).toBe(null)
    }
    for (const none of ['', 'A', 'A'.repeat(37), '!!!']) expect(open(none, 'row 1')).toBe(null)
  })

  test('one text sealed twice looks like two', () => {
    const { seal } = createSeal([key])
    expect(seal(text, 'a')).not.toBe(seal(text, 'a'))
  })
})
