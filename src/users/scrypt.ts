import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { type HashLimits, limitHashes } from './hash-limits.js'
import type { PasswordHasher } from './password-hasher.js'
import { readPow } from './pow.js'
import { type ReadHash, type StoredHash, verdictOf } from './stored-hash.js'

export interface ScryptOptions extends HashLimits {
  /** N, a power of two; a hash takes `128 * cost * blockSize` bytes of memory. Default: 32768, which makes 32 MiB. */
  cost?: number
  /** r, at least 8. Default: 8. */
  blockSize?: number
  /** p, passes over the memory, one after the other. Default: 3. */
  parallelization?: number
}

export type ScryptParameters = Required<Pick<ScryptOptions, 'cost' | 'blockSize' | 'parallelization'>>

/** The fewest passes by log2 of the cost: OWASP's list of what is equally strong (Password Storage Cheat Sheet). */
const LEAST_PASSES: Readonly<Record<number, number>> = { 13: 10, 14: 5, 15: 3, 16: 2 }
/** What a stored hash may ask for at most, so that a hostile row takes neither all memory nor a core for long. */
const MOST_MEMORY = 256 * 1024 * 1024
const MOST_WORK = 8 * MOST_MEMORY

const SCRYPT = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/
const SALT_BYTES = 16
const KEY_BYTES = 32

const memoryOf = ({ cost, blockSize }: ScryptParameters): number => 128 * cost * blockSize
const workOf = (parameters: ScryptParameters): number => memoryOf(parameters) * parameters.parallelization

/** True for parameters that can be, and that need at most 256 MiB a pass and 2 GiB in all. */
export function isWithinReach(parameters: ScryptParameters): boolean {
  const { cost, blockSize, parallelization } = parameters
  const whole = [cost, blockSize, parallelization].every(value => Number.isSafeInteger(value) && value >= 1)
  const isPower = cost >= 2 && Number.isInteger(Math.log2(cost))
  return whole && isPower && memoryOf(parameters) <= MOST_MEMORY && workOf(parameters) <= MOST_WORK
}

/** No weaker than the least that OWASP asks for. */
function isStrong({ cost, blockSize, parallelization }: ScryptParameters): boolean {
  const log = Math.log2(cost)
  return blockSize >= 8 && log >= 13 && parallelization >= (LEAST_PASSES[log] ?? 1)
}

function checkStrength(parameters: ScryptParameters): void {
  const { cost, blockSize, parallelization } = parameters
  const given = `cost ${cost}, blockSize ${blockSize}, parallelization ${parallelization}`
  if (!isWithinReach(parameters)) {
    throw new TypeError(
      `these are no parameters for scrypt: ${given}; use a power of two and whole numbers that need at most 256 MiB a pass` +
        ' and 2 GiB in all',
    )
  }
  if (isStrong(parameters)) return
  throw new TypeError(
    `password hashing is too weak: ${given}; use at least 32768, 8, 3, or another of the equals that OWASP lists`,
  )
}

/** The key that scrypt derives of a password, off the main thread. */
export function scryptKey(
  password: string,
  salt: Uint8Array,
  length: number,
  parameters: ScryptParameters,
): Promise<Buffer> {
  const { cost, blockSize, parallelization } = parameters
  // OpenSSL counts the blocks of all passes and some of its own.
  const maxmem = memoryOf(parameters) + 128 * blockSize * (parallelization + 2)
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, { cost, blockSize, parallelization, maxmem }, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })
}

const base64 = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '')

/**
 * Reads a PHC string of scrypt. Null for any other, and for one that needs more than 256 MiB a pass or 2 GiB in all.
 * `isOutdated` is asked about parameters that are as strong as OWASP wants them; weaker ones are outdated anyway.
 */
export function readScrypt(hash: string, isOutdated: (parameters: ScryptParameters) => boolean): StoredHash | null {
  const [known, log, blockSize, parallelization, salt = '', key = ''] = SCRYPT.exec(hash) ?? []
  if (known === undefined) return null
  const parameters = { cost: 2 ** Number(log), blockSize: Number(blockSize), parallelization: Number(parallelization) }
  if (!isWithinReach(parameters)) return null
  const expected = Buffer.from(key, 'base64')
  return {
    outdated: !isStrong(parameters) || isOutdated(parameters),
    matches: async password =>
      timingSafeEqual(await scryptKey(password, Buffer.from(salt, 'base64'), expected.length, parameters), expected),
  }
}

/** For `reads` of `argon2Hasher`: hashes of scrypt verify, and are replaced. */
export const scryptHashes: ReadHash = hash => readScrypt(hash, () => true)

/**
 * Hashes with scrypt, a few at a time, on any runtime that has `node:crypto`: no native package is needed.
 * Verifies PBKDF2 hashes made by Pow as well and reports them outdated; hashes of Argon2 are unreadable to it.
 * Throws `TypeError` when told to hash weakly, or with more than 256 MiB.
 */
export function scryptHasher(options: ScryptOptions = {}): PasswordHasher {
  const { cost = 2 ** 15, blockSize = 8, parallelization = 3 } = options
  const parameters = { cost, blockSize, parallelization }
  checkStrength(parameters)
  const enqueue = limitHashes(options)
  const prefix = `$scrypt$ln=${Math.log2(cost)},r=${blockSize},p=${parallelization}`
  // More memory may stand for fewer passes.
  const isOutdated = (stored: ScryptParameters) => workOf(stored) < workOf(parameters)
  // Nothing random in it: some runtimes have no randomness before the first request, and nobody sees the result.
  const dummy = (password: string) => scryptKey(password, new Uint8Array(SALT_BYTES), KEY_BYTES, parameters)

  return {
    hash: password =>
      enqueue(async () => {
        const salt = randomBytes(SALT_BYTES)
        return `${prefix}$${base64(salt)}$${base64(await scryptKey(password, salt, KEY_BYTES, parameters))}`
      }),
    verify: (password, hash) =>
      enqueue(() => {
        const stored = hash === null ? null : (readScrypt(hash, isOutdated) ?? readPow(hash))
        return verdictOf(password, hash, stored, dummy)
      }),
  }
}
