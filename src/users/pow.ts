import { pbkdf2, timingSafeEqual } from 'node:crypto'
import type { StoredHash } from './stored-hash.js'

const POW = /^\$pbkdf2-(sha256|sha384|sha512)\$(\d{1,8})\$([A-Za-z0-9+/]{8,}={0,2})\$([A-Za-z0-9+/]{22,}={0,2})$/

/** What a stored hash may ask for at most: seconds of a core. A hostile row that asks for more is not computed. */
const MOST_ROUNDS = 5_000_000
/** A key cut short would match too much, and each 20 to 64 bytes of a long one cost all rounds again. */
const LEAST_KEY = 16
const MOST_KEY = 64

/** A PBKDF2 hash, always outdated. Null for one that asks for too much, or whose key is too short or too long. */
export function storedPbkdf2(digest: string, rounds: number, salt: Uint8Array, key: Uint8Array): StoredHash | null {
  if (rounds < 1 || rounds > MOST_ROUNDS || key.length < LEAST_KEY || key.length > MOST_KEY) return null
  return {
    outdated: true,
    matches: password =>
      new Promise((resolve, reject) => {
        const done = (error: Error | null, actual: Uint8Array) =>
          error ? reject(error) : resolve(timingSafeEqual(actual, key))
        pbkdf2(password, salt, rounds, key.length, digest, done)
      }),
  }
}

/** Reads a PBKDF2 hash made by Pow, always outdated. Null for any other. */
export function readPow(hash: string): StoredHash | null {
  const [known, digest = '', rounds, salt = '', key = ''] = POW.exec(hash) ?? []
  if (known === undefined) return null
  return storedPbkdf2(digest, Number(rounds), Buffer.from(salt, 'base64'), Buffer.from(key, 'base64'))
}
