import { type HashLimits, limitHashes } from './hash-limits.js'
import type { PasswordHasher } from './password-hasher.js'
import { readPow } from './pow.js'
import { type ReadHash, type StoredHash, verdictOf } from './stored-hash.js'

export interface Argon2Options extends HashLimits {
  /** Memory in KiB. Default: 19456. */
  memoryKiB?: number
  /** Passes over the memory. Default: 2. */
  iterations?: number
  /** Lanes. Default: 1. */
  parallelism?: number
  /** Other kinds of stored hashes that verify, and are replaced at sign-in: `scryptHashes`. Default: none but Pow's. */
  reads?: readonly ReadHash[]
}

type Parameters = Required<Pick<Argon2Options, 'memoryKiB' | 'iterations' | 'parallelism'>>

const ARGON2 = /^\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,5}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}$/

/** What a stored hash may ask for at most, in KiB, unless ours are made so: a hostile row takes not all memory. */
export const MOST_ARGON2_MEMORY: number = 256 * 1024
/** The same of all passes together. */
export const MOST_ARGON2_WORK: number = 8 * MOST_ARGON2_MEMORY

/** OWASP's least: 19 MiB and two passes, or 46 MiB and one (Password Storage Cheat Sheet). */
function checkStrength({ memoryKiB, iterations, parallelism }: Parameters): void {
  const whole = [memoryKiB, iterations, parallelism].every(value => Number.isSafeInteger(value) && value >= 1)
  const strong = (memoryKiB >= 19_456 && iterations >= 2) || memoryKiB >= 47_104
  if (!whole || !strong) {
    throw new TypeError(
      `password hashing is too weak: memoryKiB ${memoryKiB}, iterations ${iterations}, parallelism ${parallelism};` +
        ' use at least 19456, 2, 1',
    )
  }
}

/**
 * A hash in the shape of a real one, so that an unknown user costs what a known one does. Nothing random in it: some
 * runtimes have no randomness before the first request, and what it matches is nobody's.
 */
function dummyHash({ memoryKiB, iterations, parallelism }: Parameters): string {
  return `$argon2id$v=19$m=${memoryKiB},t=${iterations},p=${parallelism}$${'A'.repeat(22)}$${'A'.repeat(43)}`
}

/**
 * Hashes with Argon2id, off the main thread, a few at a time.
 * Verifies PBKDF2 hashes made by Pow, and what `reads` reads, as well and reports them outdated.
 * Throws `TypeError` when told to hash weakly.
 */
export function argon2Hasher(options: Argon2Options = {}): PasswordHasher {
  const { memoryKiB = 19_456, iterations = 2, parallelism = 1, reads = [] } = options
  const parameters = { memoryKiB, iterations, parallelism }
  checkStrength(parameters)
  const enqueue = limitHashes(options)
  const dummy = dummyHash(parameters)
  const argon2 = import('@node-rs/argon2')
  argon2.catch(() => {}) // Whoever hashes first is told.

  const verify = async (password: string, hash: string) => (await argon2).verify(hash, password)

  function readArgon2(hash: string): StoredHash | null {
    const [known, memory, passes] = ARGON2.exec(hash) ?? []
    if (known === undefined) return null
    const isWithinReach =
      Number(memory) <= Math.max(MOST_ARGON2_MEMORY, memoryKiB) &&
      Number(memory) * Number(passes) <= Math.max(MOST_ARGON2_WORK, memoryKiB * iterations)
    if (!isWithinReach) return null
    // Weaker on the whole: more memory may stand for fewer passes.
    const outdated = Number(memory) * Number(passes) < memoryKiB * iterations
    return { outdated, matches: password => verify(password, known) }
  }

  function read(hash: string): StoredHash | null {
    for (const kind of [readArgon2, readPow, ...reads]) {
      const stored = kind(hash)
      if (stored) return stored
    }
    return null
  }

  return {
    hash: password =>
      enqueue(async () => {
        const { hash } = await argon2
        return hash(password, { memoryCost: memoryKiB, timeCost: iterations, parallelism })
      }),
    verify: (password, hash) =>
      enqueue(() => verdictOf(password, hash, hash === null ? null : read(hash), typed => verify(typed, dummy))),
  }
}
