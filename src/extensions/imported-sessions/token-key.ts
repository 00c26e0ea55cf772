import { keyedHash } from '../../tokens/digest.js'

/** A session of before as the store keeps it. */
export type ImportedSession = {
  readonly user_id: string
  /** The user's when it was imported: whoever ended all sessions since has ended this one. */
  readonly epoch: number
  /** In ms since 1970. */
  readonly expires_at: number
}

/** What the keys that hash tokens are derived for. */
export const PURPOSE = 'imported_sessions'

/**
 * Where the session of a token is. Some tools' tokens are short enough to be guessed from a plain hash, so it is keyed: a
 * copy of the store tells none.
 */
export function tokenKey(key: Uint8Array, tenant: string, token: string): string {
  return `imported_sessions:${keyedHash(key, JSON.stringify([tenant, token]))}`
}

/** Where it says that a token was used: the same file may be imported again. */
export function usedKey(tokenKey: string): string {
  return `${tokenKey}:used`
}
