import { Problem } from '../base/problem.js'
import type { BaseUser } from '../users/user.js'
import { bearerOver, bearerToken } from './bearer.js'
import type { Context } from './context.js'
import { type CookieSessionOptions, cookieOver } from './cookie.js'
import { createLifecycle } from './lifecycle.js'
import type { LifecycleParts } from './parts.js'
import type { Sessions } from './sessions.js'

/** The digits of a session id that depend on its user alone. */
const USER_TAG = 8
const HEADER = 'session-transport'

/** True for a sign-in that asks for a cookie. Throws `invalid_request` for one that asks for something else. */
function asksForCookie(ctx: Context): boolean {
  const asked = ctx.request.header(HEADER)
  if (asked === null || asked === 'bearer') return false
  if (asked === 'cookie') return true
  throw new Problem('invalid_request', { message: 'Session-Transport must be cookie or bearer' })
}

/**
 * Takes both: tokens from apps, and a cookie from browsers. A sign-in gets tokens, unless it asks for a cookie with the
 * header `Session-Transport: cookie`. A request that carries both, of different users, is nobody's.
 */
export function bearerOrCookieSessions<User extends BaseUser>(
  options: CookieSessionOptions = {},
): (parts: LifecycleParts<User>) => Sessions<User> {
  return parts => {
    const { tokens } = parts
    const lifecycle = createLifecycle(parts)
    const bearer = bearerOver(parts, lifecycle)
    const cookie = cookieOver(parts, lifecycle, options)
    const hasHeader = (ctx: Context) => ctx.request.header('authorization') !== null

    /** True when the header and the cookie are of different users. */
    function isAmbiguous(ctx: Context<User>): boolean {
      const kept = cookie.claimsOf(ctx)
      if (!kept) return false
      const token = bearerToken(ctx) ?? ''
      const sent = tokens.verify('access', token, ctx.tenant) ?? tokens.verify('renewal', token, ctx.tenant)
      return sent !== null && sent.sessionId.slice(0, USER_TAG) !== kept.sessionId.slice(0, USER_TAG)
    }

    return {
      fetch(ctx) {
        if (!hasHeader(ctx)) return cookie.fetch(ctx)
        if (!isAmbiguous(ctx)) return bearer.fetch(ctx)
        ctx.refusal = 'ambiguous'
        return null
      },
      create: (ctx, account, facts) => (asksForCookie(ctx) ? cookie : bearer).create(ctx, account, facts),
      renew(ctx) {
        if (!hasHeader(ctx)) return cookie.renew(ctx)
        return isAmbiguous(ctx) ? null : bearer.renew(ctx)
      },
      async delete(ctx) {
        // One that was made earlier in this request ends as well, whichever carries it.
        const hasCookie = cookie.jar.read(ctx) !== null || (ctx.began && ctx.tokens === null)
        if (hasHeader(ctx) || !hasCookie) await bearer.delete(ctx)
        if (hasCookie) await cookie.delete(ctx)
      },
      ...(bearer.own && { own: bearer.own }),
      cookie: { name: cookie.jar.name, only: false },
    }
  }
}
