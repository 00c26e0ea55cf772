import { timingSafeEqual } from 'node:crypto'
import type { StoredHash } from '../stored-hash.js'

/** A stored key, always outdated, with how it is derived of a password. */
export function derivedKey(key: Uint8Array, derive: (password: string) => Promise<Uint8Array>): StoredHash {
  return {
    outdated: true,
    async matches(password) {
      const actual = await derive(password)
      return actual.length === key.length && timingSafeEqual(actual, key)
    },
  }
}
