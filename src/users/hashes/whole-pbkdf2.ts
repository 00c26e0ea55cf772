import { storedPbkdf2 } from '../pow.js'
import type { StoredHash } from '../stored-hash.js'

const DIGEST_BYTES: Readonly<Record<string, number>> = { sha1: 20, sha256: 32, sha512: 64 }

/** A PBKDF2 hash whose key is as long as its digest. One cut short would still match: null for it. */
export function wholePbkdf2(digest: string, rounds: number, salt: Uint8Array, key: Uint8Array): StoredHash | null {
  return key.length === DIGEST_BYTES[digest] ? storedPbkdf2(digest, rounds, salt, key) : null
}
