import { pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { hashQueue } from './hash-queue.js'
import type { PasswordHasher, Verdict } from './password-hasher.js'

export interface Argon2Options {
  /** Memory in KiB. Default: 19456. */
  memoryKiB?: number
  /** Passes over the memory. Default: 2. */
  iterations?: number
  /** Lanes. Default: 1. */
  parallelism?: number
  /** Hashes computed at once. Default: one less than there are cores, at least 1, at most 3. */
  concurrency?: number
  /** Hashes that may wait; more answer `busy` (503). Default: 128. */
  queue?: number
}

type Parameters = Required<Pick<Argon2Options, 'memoryKiB' | 'iterations' | 'parallelism'>>

const ARGON2 = /^\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,5}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}$/
// A key cut short would match too much: no fewer than 16 bytes of it count.
const POW = /^\$pbkdf2-(sha256|sha384|sha512)\$(\d{1,8})\$([A-Za-z0-9+/]{8,}={0,2})\$([A-Za-z0-9+/]{22,}={0,2})$/

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

/** A hash in the shape of a real one that no password has, so that an unknown user costs what a known one does. */
function dummyHash({ memoryKiB, iterations, parallelism }: Parameters): string {
  const base64 = (bytes: number) => randomBytes(bytes).toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${memoryKiB},t=${iterations},p=${parallelism}$${base64(16)}$${base64(32)}`
}

function verifyPow(password: string, [, digest, rounds, salt, key]: RegExpExecArray): Promise<boolean> {
  const expected = Buffer.from(key as string, 'base64')
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, actual: Buffer) =>
      error ? reject(error) : resolve(timingSafeEqual(actual, expected))
    pbkdf2(password, Buffer.from(salt as string, 'base64'), Number(rounds), expected.length, digest as string, done)
  })
}

/**
 * Hashes with Argon2id, off the main thread, a few at a time.
 * Verifies PBKDF2 hashes made by Pow as well and reports them outdated. Throws `TypeError` when told to hash weakly.
 */
export function argon2Hasher(options: Argon2Options = {}): PasswordHasher {
  const { memoryKiB = 19_456, iterations = 2, parallelism = 1, queue = 128 } = options
  const { concurrency = Math.min(3, Math.max(1, availableParallelism() - 1)) } = options
  const parameters = { memoryKiB, iterations, parallelism }
  checkStrength(parameters)
  const isCount = Number.isSafeInteger(concurrency) && Number.isSafeInteger(queue)
  if (!isCount || concurrency < 1 || queue < 0) {
    throw new TypeError('`password.concurrency` must be 1 or more, and `password.queue` 0 or more')
  }
  const enqueue = hashQueue(concurrency, queue)
  const dummy = dummyHash(parameters)
  const argon2 = import('@node-rs/argon2')
  argon2.catch(() => {}) // Whoever hashes first is told.

  /** Weaker on the whole: more memory may stand for fewer passes. */
  function isOutdated([, memory, passes]: RegExpExecArray): boolean {
    return Number(memory) * Number(passes) < memoryKiB * iterations
  }

  async function compare(password: string, hash: string | null): Promise<Verdict> {
    const pow = hash === null ? null : POW.exec(hash)
    const known = pow ?? (hash === null ? null : ARGON2.exec(hash))
    const { verify } = await argon2
    // A hash that cannot be computed is one we cannot read, not a server error that tells accounts apart.
    const matches = await (pow ? verifyPow(password, pow) : verify(known?.[0] ?? dummy, password)).catch(() => null)
    return {
      matches: matches === true && known !== null,
      outdated: pow !== null || (known !== null && isOutdated(known)),
      unreadable: matches === null || (hash !== null && known === null),
    }
  }

  return {
    hash(password) {
      return enqueue(async () => {
        const { hash } = await argon2
        return hash(password, { memoryCost: memoryKiB, timeCost: iterations, parallelism })
      })
    },
    verify: (password, hash) => enqueue(() => compare(password, hash)),
  }
}
