import { expect, test } from 'vitest'
import { argon2Hasher } from '../src/index.js'

test('a hash of Pow that was cut short matches nothing', async () => {
  const hasher = argon2Hasher()
  const salt = 'MDEyMzQ1Njc4OWFiY2RlZg=='
  for (const key of ['A', 'AA==', 'AAAA', 'A'.repeat(21)]) {
    const verdict = await hasher.verify('anything', `$pbkdf2-sha512$1$${salt}$${key}`)
    expect(verdict, key).toEqual({ matches: false, outdated: false, unreadable: true })
  }
})

test('a hash made by Pow verifies and is outdated', async () => {
  const hash =
    '$pbkdf2-sha512$1$MDEyMzQ1Njc4OWFiY2RlZg==$ZF3zWgP09zwFYfmVusWU3ar+OsrLdl/AG1eudqV0ruCZZODwgDkAxXZNWl5gvcegwO2/Hgc0BfP3v32HLgABGg=='
  expect(await argon2Hasher().verify('secret1234', hash)).toEqual({ matches: true, outdated: true, unreadable: false })
  expect((await argon2Hasher().verify('secret1235', hash)).matches).toBe(false)
})

test('a queue without a place to work, or without an end, is refused at start', () => {
  for (const options of [{ concurrency: 0 }, { concurrency: Number.NaN }, { queue: -1 }, { queue: Number.NaN }]) {
    expect(() => argon2Hasher(options)).toThrow(/password\.(concurrency|queue)/)
  }
})
