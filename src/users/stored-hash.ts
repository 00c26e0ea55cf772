import type { Verdict } from './password-hasher.js'

/** A stored hash of a kind we can read. */
export interface StoredHash {
  /** Of an older kind, or weaker than what is hashed now. */
  readonly outdated: boolean
  /** Rejects where the hash cannot be computed. */
  matches(password: string): Promise<boolean>
}

/** Reads a stored hash of one kind. Null for any other. */
export type ReadHash = (hash: string) => StoredHash | null

/**
 * Compares a password with what was read of a stored hash; null for one of no known kind, and for no hash.
 * Where there is nothing to compute, `dummy` takes its time instead.
 */
export async function verdictOf(
  password: string,
  hash: string | null,
  stored: StoredHash | null,
  dummy: (password: string) => Promise<unknown>,
): Promise<Verdict> {
  // A hash that cannot be computed is one we cannot read, not a server error that tells accounts apart.
  const matches = stored ? await stored.matches(password).catch(() => null) : null
  if (matches === null) await dummy(password)
  return {
    matches: matches === true,
    outdated: stored?.outdated ?? false,
    unreadable: hash !== null && matches === null,
  }
}
