import { recentMap } from '../base/recent.js'
import { secretHash } from './digest.js'
import type { Claims, TokenKind, Tokens } from './token.js'

/** What an authentic token says, with its secret as the store knows it. */
export interface KnownClaims extends Omit<Claims, 'secret'> {
  readonly secretHash: Uint8Array
}

/** The claims of an authentic token of a tenant with the hash of its secret, or null. */
export type VerifyKnown = (token: string, tenant: string) => KnownClaims | null

/**
 * Verifies tokens of a kind and remembers the last `most` that were authentic, since a client sends one for half an hour.
 * The whole token is the key, and nothing but its own text is remembered: whether its session lives is read every time.
 */
export function rememberClaims(tokens: Tokens, kind: TokenKind, most = 10_000): VerifyKnown {
  const known = recentMap<KnownClaims>(most)
  return (token, tenant) => {
    const key = tenant === '' ? token : `${tenant}\n${token}`
    const before = known.get(key)
    if (before) return before
    const claims = tokens.verify(kind, token, tenant)
    if (!claims) return null
    const { sessionId, generation, secret } = claims
    const found = { sessionId, generation, secretHash: secretHash(secret) }
    known.set(key, found)
    return found
  }
}
