/** What comparing a password with a stored hash found. */
export interface Verdict {
  readonly matches: boolean
  /** The hash is of an older or weaker kind: replace it now that the password is at hand. */
  readonly outdated: boolean
  /** The stored hash is of no known kind. Never matches; somebody should look at it. */
  readonly unreadable: boolean
}

/** Turns passwords into hashes that may be stored. */
export interface PasswordHasher {
  /** A PHC string. */
  hash(password: string): Promise<string>
  /** Takes as long for a null or unreadable hash as for a real one, so that time tells nobody who exists. */
  verify(password: string, hash: string | null): Promise<Verdict>
}
