import { MOST_ARGON2_MEMORY, MOST_ARGON2_WORK } from '../argon2.js'
import type { ReadHash } from '../stored-hash.js'

const ARGON2 =
  /^\$(argon2(?:id|i|d))(?:\$v=(16|19))?(\$m=(\d{1,7}),t=(\d{1,5}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,})$/

/**
 * For `reads`: Argon2i and Argon2d, and Argon2id of the older version, as PHC strings. Null for one that needs more than
 * 256 MiB, or 2 GiB in all its passes.
 */
export const argon2Hashes: ReadHash = hash => {
  const [known, kind, version = '16', rest, memory, passes] = ARGON2.exec(hash) ?? []
  if (known === undefined) return null
  const isWithinReach =
    Number(memory) <= MOST_ARGON2_MEMORY && Number(memory) * Number(passes) <= MOST_ARGON2_WORK && Number(passes) >= 1
  if (!isWithinReach) return null
  // A string without a version is of the first.
  const whole = `$${kind}$v=${version}${rest}`
  return {
    outdated: true,
    matches: async password => (await import('@node-rs/argon2')).verify(whole, password),
  }
}
