import { describe, expect, test } from 'vitest'
import { argon2Hasher, type PasswordHasher, scryptHasher, scryptHashes } from '../src/index.js'

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
  for (const hasher of [argon2Hasher(), scryptHasher()]) {
    expect(await hasher.verify('secret1234', hash)).toEqual({ matches: true, outdated: true, unreadable: false })
    expect((await hasher.verify('secret1235', hash)).matches).toBe(false)
  }
})

test('a queue without a place to work, or without an end, is refused at start', () => {
  for (const makeHasher of [argon2Hasher, scryptHasher])
    for (const options of [{ concurrency: 0 }, { concurrency: Number.NaN }, { queue: -1 }, { queue: Number.NaN }]) {
      expect(() => makeHasher(options)).toThrow(/password\.(concurrency|queue)/)
    }
})

const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
const scryptOf = (parameters: string, key = 'A'.repeat(43)) => `$scrypt$${parameters}$${'A'.repeat(22)}$${key}`

/** RFC 7914, section 12: cost 16384, block size 8, parallelization 1. */
const RFC_KEY =
  '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887'
const RFC_HASH = `$scrypt$ln=14,r=8,p=1$${base64(Buffer.from('SodiumChloride'))}$${base64(Buffer.from(RFC_KEY, 'hex'))}`

/** As strong as the default, and quicker. */
const quick = scryptHasher({ cost: 2 ** 13, parallelization: 10 })
const unreadable = { matches: false, outdated: false, unreadable: true }

describe('scryptHasher', () => {
  test('makes PHC strings with a salt of their own, which match their password alone', async () => {
    const hasher = scryptHasher()
    const [hash, other] = await Promise.all([hasher.hash('secret1234'), hasher.hash('secret1234')])
    expect(hash).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(hash).not.toBe(other)
    expect(await hasher.verify('secret1234', hash)).toEqual({ matches: true, outdated: false, unreadable: false })
    expect(await hasher.verify('secret1235', hash)).toEqual({ matches: false, outdated: false, unreadable: false })
    expect(await hasher.verify('', null)).toEqual({ matches: false, outdated: false, unreadable: false })
  })

  test('reads the test vector of RFC 7914, which is weaker than what is hashed now', async () => {
    expect(await quick.verify('pleaseletmein', RFC_HASH)).toEqual({ matches: true, outdated: true, unreadable: false })
    expect((await quick.verify('pleaseletmeout', RFC_HASH)).matches).toBe(false)
  })

  test('refuses parameters that are weaker than those OWASP lists, no parameters, and too much memory', () => {
    for (const [cost, parallelization] of [
      [17, 1],
      [16, 2],
      [15, 3],
      [14, 5],
      [13, 10],
      [18, 1],
    ] as const) {
      expect(() => scryptHasher({ cost: 2 ** cost, parallelization })).not.toThrow()
      const weaker = [{ parallelization: parallelization - 1 }, { parallelization, blockSize: 7 }]
      for (const options of weaker) expect(() => scryptHasher({ cost: 2 ** cost, ...options })).toThrow(TypeError)
    }
    expect(() => scryptHasher({ cost: 2 ** 12, parallelization: 20 })).toThrow(/too weak: cost 4096/)
    const wrong = [{ cost: 2 ** 15 + 1 }, { cost: 2 ** 19 }, { blockSize: 8.5 }, { blockSize: 128 }]
    for (const options of [...wrong, { parallelization: 1000 }, { cost: Number.NaN }]) {
      expect(() => scryptHasher(options), JSON.stringify(options)).toThrow(/no parameters for scrypt/)
    }
  })

  test('reports a hash of less work outdated, and one of as much or more not', async () => {
    const outdated = async (hasher: PasswordHasher, parameters: string) =>
      (await hasher.verify('x', scryptOf(parameters))).outdated
    expect(await outdated(quick, 'ln=13,r=8,p=9')).toBe(true)
    expect(await outdated(quick, 'ln=13,r=8,p=10')).toBe(false)
    expect(await outdated(quick, 'ln=15,r=8,p=3')).toBe(false)
    expect(await outdated(scryptHasher(), 'ln=13,r=8,p=10')).toBe(true)
    // Many passes over little memory are work, and yet no strength.
    expect(await outdated(quick, 'ln=10,r=8,p=100')).toBe(true)
    expect(await outdated(quick, 'ln=14,r=4,p=20')).toBe(true)
  })

  test('takes no memory for a stored hash that asks for much, nor for one that cannot be', async () => {
    const hostile = ['ln=18,r=16,p=1', 'ln=20,r=8,p=1', 'ln=99,r=8,p=1', 'ln=15,r=999,p=1', 'ln=15,r=8,p=999']
    for (const parameters of [...hostile, 'ln=0,r=8,p=1', 'ln=15,r=0,p=1', 'ln=15,r=8,p=0', 'ln=15']) {
      expect(await quick.verify('x', scryptOf(parameters)), parameters).toEqual(unreadable)
    }
    for (const key of ['', 'A', 'A'.repeat(21), 'A'.repeat(1000), '!'.repeat(43)]) {
      expect(await quick.verify('x', scryptOf('ln=13,r=8,p=10', key)), key).toEqual(unreadable)
    }
    // Within all bounds, and yet more than scrypt itself allows: N has to be below 2^(16 r).
    expect(await quick.verify('x', scryptOf('ln=17,r=1,p=1'))).toEqual({ ...unreadable, outdated: true })
  })

  test('computes as much for nobody, and for a hash it cannot read, as for one it can', async () => {
    const hash = await quick.hash('secret1234')
    // What the process computed, on all its threads: a clock on the wall would count what others do as well.
    const workOf = async (stored: string | null) => {
      const works: number[] = []
      for (let round = 0; round < 5; round++) {
        const start = process.cpuUsage()
        await quick.verify('x', stored)
        const { user, system } = process.cpuUsage(start)
        works.push(user + system)
      }
      return Math.min(...works)
    }
    const real = await workOf(hash)
    for (const stored of [
      null,
      '$2b$10$abcdefghijklmnopqrstuv',
      scryptOf('ln=31,r=8,p=1'),
      scryptOf('ln=17,r=1,p=1'),
    ]) {
      expect(await workOf(stored), String(stored)).toBeGreaterThan(real / 2)
    }
  })

  test('lets a few hash at once, a few wait, and no more', async () => {
    const hasher = scryptHasher({ cost: 2 ** 13, parallelization: 10, concurrency: 1, queue: 1 })
    const answers = await Promise.allSettled([hasher.hash('a'), hasher.verify('a', null), hasher.hash('a')])
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(answers[2]).toMatchObject({ reason: { code: 'busy' } })
  })
})

test('an app can move from one hasher to the other', async () => {
  const argon2 = argon2Hasher({ reads: [scryptHashes] })
  const hash = await quick.hash('secret1234')
  expect(await argon2Hasher().verify('secret1234', hash)).toEqual(unreadable)
  expect(await argon2.verify('secret1234', hash)).toEqual({ matches: true, outdated: true, unreadable: false })
  expect((await argon2.verify('secret1235', hash)).matches).toBe(false)
  expect(await argon2.verify('x', scryptOf('ln=31,r=8,p=1'))).toEqual(unreadable)
  expect(await quick.verify('secret1234', await argon2.hash('secret1234'))).toEqual(unreadable)
})
