import { recentMap } from '../base/recent.js'
import { secretHash } from './digest.js'
import type { Claims, Tokens } from './token.js'

/** What an authentic access token says, with its secret as the store knows it. */
export interface KnownClaims extends Omit<Claims, 'secret'> {
  readonly secretHash: Uint8Array
}

/** The claims of an authentic access token with the hash of its secret, or null. */
export type VerifyAccess = (token: string) => KnownClaims | null

/**
 * Verifies access tokens and remembers the last `most` that were authentic, since a client sends one for half an hour.
 * The whole token is the key, and nothing but its own text is remembered: whether its session lives is read every time.
 */
export function rememberAccess(tokens: Tokens, most = 10_000): VerifyAccess {
  const known = recentMap<KnownClaims>(most)
  return token => {
    const before = known.get(token)
    if (before) return before
    const claims = tokens.verify('access', token)
    if (!claims) return null
    const { sessionId, generation, secret } = claims
    const found = { sessionId, generation, secretHash: secretHash(secret) }
    known.set(token, found)
    return found
  }
}
