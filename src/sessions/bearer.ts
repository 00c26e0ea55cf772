import type { Claims } from '../tokens/token.js'
import type { Account, BaseUser } from '../users/user.js'
import type { Context, IssuedTokens } from './context.js'
import { createLifecycle, type Lifecycle } from './lifecycle.js'
import { ownSessions } from './own.js'
import type { LifecycleParts } from './parts.js'
import { retryKey } from './retry-key.js'
import type { Sessions, SignInFacts } from './sessions.js'

/** One `Bearer` in any letter case and one space (RFC 6750, 2.1). */
const SCHEME = /^bearer $/i
const SCHEME_LENGTH = 'bearer '.length

/** The token in `Authorization`; null when there is none, two, or one in another scheme. */
export function bearerToken(ctx: Context): string | null {
  const header = ctx.request.header('authorization')
  // A comma joins two headers: then neither counts.
  if (header === null || header === '' || header.includes(',')) return null
  const space = header.lastIndexOf(' ')
  if (space === -1) return header
  return space === SCHEME_LENGTH - 1 && SCHEME.test(header.slice(0, SCHEME_LENGTH)) ? header.slice(SCHEME_LENGTH) : null
}

/** The token in `Authorization`; null, with the reason noted, when there is none or it is not one. */
function presented(ctx: Context): string | null {
  const token = bearerToken(ctx)
  if (token === null && ctx.request.header('authorization') !== null) ctx.refusal = 'malformed'
  return token
}

/** Carries tokens in the `Authorization` header, for APIs. */
export function bearerSessions<User extends BaseUser>(parts: LifecycleParts<User>): Sessions<User> {
  return bearerOver(parts, createLifecycle(parts))
}

/** The same over a lifecycle that is at hand. */
export function bearerOver<User extends BaseUser>(
  parts: LifecycleParts<User>,
  lifecycle: Lifecycle<User>,
): Sessions<User> & { create(ctx: Context<User>, account: Account<User>, facts: SignInFacts): IssuedTokens } {
  const { tokens, times } = parts

  function show(ctx: Context<User>, claims: Claims): IssuedTokens {
    ctx.tokens = {
      accessToken: tokens.issue('access', claims, ctx.tenant),
      renewalToken: tokens.issue('renewal', claims, ctx.tenant),
    }
    return ctx.tokens
  }

  return {
    fetch(ctx) {
      const token = presented(ctx)
      return token === null ? null : lifecycle.check(ctx, token)
    },
    create: (ctx, account, facts) => show(ctx, lifecycle.start(ctx, account, facts, times.renewalMs)),
    async renew(ctx) {
      const token = bearerToken(ctx)
      const claims = token === null ? null : await lifecycle.renew(ctx, token, retryKey(ctx))
      if (claims === null) return null
      show(ctx, claims)
      return ctx.user
    },
    delete(ctx) {
      const token = bearerToken(ctx) ?? ''
      const claims = tokens.verify('access', token, ctx.tenant) ?? tokens.verify('renewal', token, ctx.tenant)
      lifecycle.end(ctx, claims)
    },
    own: ownSessions(parts, lifecycle),
  }
}
