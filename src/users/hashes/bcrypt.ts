import type { ReadHash, StoredHash } from '../stored-hash.js'

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/
const LEAST_COST = 4
/** Each step doubles the time: 15 takes some two seconds, 31 takes days. */
const MOST_COST = 15
/** All that bcrypt ever sees. */
const MOST_BYTES = 72

/** Reads a bcrypt hash of what `secretOf` makes of a password. Null for any other, and for a cost above 15. */
export function readBcrypt(
  hash: string,
  secretOf: (password: string) => string = password => password,
): StoredHash | null {
  const [known, cost] = BCRYPT.exec(hash) ?? []
  if (known === undefined || Number(cost) < LEAST_COST || Number(cost) > MOST_COST) return null
  return {
    // What replaces it sees the whole password.
    outdated: true,
    async matches(password) {
      const { verify } = await import('@node-rs/bcrypt')
      return verify(Buffer.from(secretOf(password)).subarray(0, MOST_BYTES), known)
    },
  }
}

/**
 * For `reads`: bcrypt as nearly everybody writes it, `$2a$`, `$2b$` and `$2y$`. Needs the package `@node-rs/bcrypt`; where
 * that is missing, these hashes cannot be read.
 */
export const bcryptHashes: ReadHash = hash => readBcrypt(hash)

/** For `reads`, before or in place of `bcryptHashes`: bcrypt of Devise with its `pepper`, which follows the password. */
export function deviseHashes({ pepper }: { readonly pepper: string }): ReadHash {
  if (typeof pepper !== 'string' || pepper === '') {
    throw new TypeError(
      '`pepper` is missing: pass what `config.pepper` says, or use `bcryptHashes` where there is none',
    )
  }
  return hash => readBcrypt(hash, password => password + pepper)
}
