import { pbkdf2, timingSafeEqual } from 'node:crypto'
import type { StoredHash } from './stored-hash.js'

// A key cut short would match too much: no fewer than 16 bytes of it count.
const POW = /^\$pbkdf2-(sha256|sha384|sha512)\$(\d{1,8})\$([A-Za-z0-9+/]{8,}={0,2})\$([A-Za-z0-9+/]{22,}={0,2})$/

/** Reads a PBKDF2 hash made by Pow, always outdated. Null for any other. */
export function readPow(hash: string): StoredHash | null {
  const [known, digest = '', rounds, salt = '', key = ''] = POW.exec(hash) ?? []
  if (known === undefined) return null
  const expected = Buffer.from(key, 'base64')
  return {
    outdated: true,
    matches: password =>
      new Promise((resolve, reject) => {
        const done = (error: Error | null, actual: Buffer) =>
          error ? reject(error) : resolve(timingSafeEqual(actual, expected))
        pbkdf2(password, Buffer.from(salt, 'base64'), Number(rounds), expected.length, digest, done)
      }),
  }
}
