import { type Awaitable, chain } from '../base/awaitable.js'
import { type Duration, milliseconds } from '../base/duration.js'
import { recentMap } from '../base/recent.js'
import type { Session } from '../stores/session-store.js'
import { equalBytes } from '../tokens/digest.js'
import { rememberClaims } from '../tokens/remember.js'
import type { Claims } from '../tokens/token.js'
import type { BaseUser } from '../users/user.js'
import type { Context } from './context.js'
import { type CookieJar, type CookieOptions, cookieJar } from './cookie-jar.js'
import { createLifecycle, type Lifecycle } from './lifecycle.js'
import { requireOwnOrigin } from './origin.js'
import { ownSessions } from './own.js'
import type { LifecycleParts } from './parts.js'
import type { Checked } from './reading.js'
import type { Sessions } from './sessions.js'

export interface CookieSessionOptions {
  cookie?: CookieOptions
  /** How old a cookie's token grows before a request exchanges it. Default: `'15m'`. */
  rotateAfter?: Duration
  /** Other origins whose pages may send requests that change something: `https://app.example.com`. Default: none. */
  trustedOrigins?: readonly string[]
}

/** Sessions in a cookie, with what a carrier of two kinds needs to know of them. */
export interface CookieCarrier<User extends BaseUser> extends Sessions<User> {
  readonly jar: CookieJar
  /** What the request's cookie says, if it is authentic. Asks nobody. */
  claimsOf(ctx: Context<User>): Claims | null
}

function rotateMsOf(rotateAfter: Duration): number {
  const ms = milliseconds(rotateAfter)
  if (ms === null) throw new TypeError(`\`rotateAfter\` must be a duration like '15m', not '${rotateAfter}'`)
  return ms
}

function checkOrigins(origins: readonly string[]): readonly string[] {
  const wrong = origins.find(origin => !URL.canParse(origin) || new URL(origin).origin !== origin)
  if (wrong === undefined) return origins
  throw new TypeError(`\`trustedOrigins\` must be origins like 'https://app.example.com', not '${wrong}'`)
}

/**
 * Carries sessions in one cookie, for browsers. The cookie's token is exchanged now and then by a request of the page;
 * the one it replaces is good until the browser has shown the new one, so that a lost answer signs nobody out.
 */
export function cookieSessions<User extends BaseUser>(
  options: CookieSessionOptions = {},
): (parts: LifecycleParts<User>) => Sessions<User> {
  return parts => cookieOver(parts, createLifecycle(parts), options)
}

/** The same over a lifecycle that is at hand. */
export function cookieOver<User extends BaseUser>(
  parts: LifecycleParts<User>,
  lifecycle: Lifecycle<User>,
  { cookie, rotateAfter = '15m', trustedOrigins = [] }: CookieSessionOptions,
): CookieCarrier<User> {
  const { store, tokens, times, now, emit } = parts
  const { reading } = lifecycle
  const { sessions, refuse } = reading
  const jar = cookieJar(cookie)
  const rotateMs = rotateMsOf(rotateAfter)
  const trusted = checkOrigins(trustedOrigins)
  const verify = rememberClaims(tokens, 'cookie')
  /** Generations whose cookie was seen by this process. */
  const seen = recentMap<number>(10_000)

  const claimsOf = (ctx: Context<User>) => tokens.verify('cookie', jar.read(ctx) ?? '', ctx.tenant)
  const unseenKey = (id: string, generation: number) => `cookie-unseen:${id}:${generation}`

  /** Gives the response the cookie of a session at a generation. */
  function give(ctx: Context<User>, claims: Claims, session: Session): void {
    const isRemembered = session.renewalExpiresAt > session.accessExpiresAt
    const maxAge = isRemembered ? session.renewalExpiresAt - now() : null
    ctx.setCookie(jar.write(tokens.issue('cookie', claims, ctx.tenant), maxAge))
  }

  /** Exchanges the cookie. The winner of a race and its losers give the browser the same one. */
  async function rotate(ctx: Context<User>, claims: Claims, session: Session): Promise<void> {
    const { id, generation } = session
    const next = lifecycle.next(ctx, session, null)
    // Before the step, so that whatever becomes of its answer the cookie at hand stays good.
    await store.values.put(unseenKey(id, next.generation), true, Math.max(1, next.renewalExpiresAt - now()))
    const advanced = await sessions.advance(id, generation, next)
    if (advanced) emit(ctx, 'session.renewed', { userId: advanced.userId, sessionId: id })
    const current = advanced ?? (await sessions.find(id))
    if (current?.generation === next.generation) give(ctx, { ...claims, generation: next.generation }, current)
  }

  /** The browser has the new cookie: from now on the one before is a replay. */
  async function noteSeen({ id, generation }: Session): Promise<void> {
    await store.values.delete(unseenKey(id, generation))
    seen.set(id, generation)
  }

  /** What is to be done with the cookie of a request that was let in; null for nothing. */
  function upkeep(ctx: Context<User>, session: Session, sent: number): (() => Promise<void>) | null {
    const { id, generation, renewedAt } = session
    if (sent < generation) return async () => give(ctx, { ...(claimsOf(ctx) as Claims), generation }, session)
    if (now() - renewedAt >= rotateMs) return () => rotate(ctx, claimsOf(ctx) as Claims, session)
    return generation > 0 && seen.get(id) !== generation ? () => noteSeen(session) : null
  }

  function admit(ctx: Context<User>, found: Checked<User>, sent: number): Awaitable<User | null> {
    const { session } = found
    return chain(reading.admit(ctx, found, session.renewalExpiresAt), user => {
      const write = ctx.session && !reading.isStale(session) ? upkeep(ctx, session, sent) : null
      // What goes wrong with it is no part of the answer: the cookie at hand stays good.
      if (write) ctx.beforeSend(() => write().catch(() => emit(ctx, 'store.unavailable', { detail: 'cookie' })))
      return user
    })
  }

  /** Whether the cookie before the current one is good still: in a race, or while the browser has not shown the current. */
  async function isGood({ id, generation, renewedAt }: Session): Promise<boolean> {
    return now() - renewedAt < times.raceMs || (await store.values.get(unseenKey(id, generation))) !== null
  }

  return {
    jar,
    claimsOf,
    cookie: { name: jar.name, only: true },

    fetch(ctx) {
      const token = jar.read(ctx)
      if (token === null) return null
      const known = verify(token, ctx.tenant)
      if (!known) return refuse(ctx, 'forged')
      requireOwnOrigin(ctx, trusted)
      const { sessionId: id, generation } = known
      return chain(reading.checked(ctx, id), found => {
        if (!found) return reading.refuseGone(ctx, id)
        const { session } = found
        const behind = session.generation - generation
        if (behind < 0 || !equalBytes(known.secretHash, session.secretHash)) return refuse(ctx, 'forged')
        if (behind === 0) return admit(ctx, found, generation)
        if (behind > 1) return lifecycle.endReused(ctx, session)
        return isGood(session).then(good => (good ? admit(ctx, found, generation) : lifecycle.endReused(ctx, session)))
      })
    },

    create(ctx, account, facts) {
      requireOwnOrigin(ctx, trusted)
      const before = claimsOf(ctx)
      const claims = lifecycle.start(ctx, account, facts, facts.remember ? times.renewalMs : times.accessMs)
      const session = ctx.session as Session
      ctx.beforeSend(() => give(ctx, claims, session))
      // Whoever signs in on top of a session leaves it: its cookie is gone from the browser.
      if (before) ctx.beforeSend(async () => void (await sessions.delete(before.sessionId)))
      return null
    },

    async renew(ctx) {
      requireOwnOrigin(ctx, trusted)
      const claims = claimsOf(ctx)
      const { session } = ctx
      if (!claims || !session || claims.generation !== session.generation) return null
      ctx.beforeSend(() => rotate(ctx, claims, session), { first: true })
      return ctx.user
    },

    delete(ctx) {
      requireOwnOrigin(ctx, trusted)
      lifecycle.end(ctx, claimsOf(ctx))
      ctx.beforeSend(() => ctx.setCookie(jar.clear))
    },

    own: ownSessions(parts, lifecycle),
  }
}
