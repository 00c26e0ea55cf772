const USERNAME = /^[a-z0-9](?:[a-z0-9._-]{1,30})[a-z0-9]$/

/** The one spelling of a username, for writing and for looking up: trimmed, in lower case. */
export function normalizeUsername(text: string): string {
  return text.length > 1024 ? '' : text.trim().toLowerCase()
}

/**
 * True for a username in its normal form: 3 to 32 of `a` to `z`, `0` to `9`, `.`, `_` and `-`, the first and the last a
 * letter or a digit. No other letters, since some of them look alike, and no `@`, so that it is no address.
 */
export function isUsername(username: string): boolean {
  return USERNAME.test(username)
}
