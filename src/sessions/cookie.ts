import { type Awaitable, chain } from '../base/awaitable.js'
import { type Duration, milliseconds } from '../base/duration.js'
import { refuseUnknown } from '../base/options.js'
import { Problem } from '../base/problem.js'
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
  /** Throws `origin_rejected` for a request of another site's page. */
  requireOrigin(ctx: Context<User>): void
  /** What the request's cookie says, if it is authentic. Asks nobody. */
  claimsOf(ctx: Context<User>): Claims | null
}

const OPTIONS = ['cookie', 'rotateAfter', 'trustedOrigins']

function rotateMsOf(rotateAfter: Duration, accessMs: number): number {
  const ms = milliseconds(rotateAfter)
  if (ms === null) throw new TypeError(`\`rotateAfter\` must be a duration like '15m', not '${rotateAfter}'`)
  // Nobody who is not remembered would get to it.
  if (ms >= accessMs) throw new TypeError('`rotateAfter` must be shorter than `session.access`')
  return ms
}

function checkOrigins(origins: readonly string[]): readonly string[] {
  if (!Array.isArray(origins)) throw new TypeError('`trustedOrigins` must be a list of origins')
  const isOrigin = (text: string) => !text.includes('*') && URL.canParse(text) && new URL(text).origin === text
  const wrong = origins.find(origin => !isOrigin(origin))
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
  return parts => {
    const carrier = cookieOver(parts, createLifecycle(parts), options)
    return {
      ...carrier,
      fetch(ctx) {
        // With or without a cookie: a page of another site shall not sign anybody up or in either.
        carrier.requireOrigin(ctx)
        return carrier.fetch(ctx)
      },
    }
  }
}

/** The same over a lifecycle that is at hand. */
export function cookieOver<User extends BaseUser>(
  parts: LifecycleParts<User>,
  lifecycle: Lifecycle<User>,
  options: CookieSessionOptions,
): CookieCarrier<User> {
  refuseUnknown(options, OPTIONS, '')
  const { cookie, rotateAfter = '15m', trustedOrigins = [] } = options
  const { tokens, times, renewing, now, emit, record } = parts
  const { values } = parts.store
  const { reading } = lifecycle
  const { sessions, refuse } = reading
  const jar = cookieJar(cookie)
  const rotateMs = rotateMsOf(rotateAfter, times.accessMs)
  const rules = { trusted: checkOrigins(trustedOrigins), isSecure: jar.isSecure }
  const verify = rememberClaims(tokens, 'cookie')
  /** Generations whose cookie this process knows to have been shown. */
  const shown = recentMap<number>(10_000)
  /** Requests that were let in once: the cookie of one that is slow may be replaced before it is looked at again. */
  const admitted = new WeakSet<Context>()

  const claimsOf = (ctx: Context<User>) => tokens.verify('cookie', jar.read(ctx) ?? '', ctx.tenant)
  /** A value that is there while the cookie before this generation is good, apart from the race window. */
  const unseenKey = (id: string, generation: number) => `cookie-unseen:${id}:${generation}`

  /** Gives the response the cookie of a session as it is now. */
  function give(ctx: Context<User>, session: Session, claims = claimsOf(ctx) as Claims): void {
    const isRemembered = session.renewalExpiresAt > session.accessExpiresAt
    const maxAge = isRemembered ? session.renewalExpiresAt - now() : null
    const token = tokens.issue('cookie', { ...claims, generation: session.generation }, ctx.tenant)
    ctx.setCookie(jar.write(token, maxAge))
  }

  /** Gives it unless the session is over or elsewhere by now: the browser may have another's cookie since. */
  async function giveCurrent(ctx: Context<User>, id: string, generation: number): Promise<boolean> {
    const current = await sessions.find(id)
    if (current?.generation !== generation) return false
    give(ctx, current)
    return true
  }

  /** The browser has the cookie of this generation: what it had sent before that may be under way, and no longer. */
  async function noteShown({ id, generation }: Session): Promise<void> {
    if (generation === 0 || shown.get(id) === generation) return
    const key = unseenKey(id, generation)
    // Once: another server that sees it first an hour later opens no window anew.
    if ((await values.get(key)) === 'unseen') await values.put(key, 'shown', times.raceMs)
    shown.set(id, generation)
  }

  /** Exchanges the cookie. The winner of a race and its losers give the browser the same one. False: the session is over. */
  async function rotate(ctx: Context<User>, { id, generation }: Session): Promise<boolean> {
    // The response may have taken its time. Who comes late must not say of a cookie that was shown that it was not.
    const found = await reading.whole(ctx, id)
    if (!found) return false
    const { session, account } = found
    // Where checks read the session alone, this is where one that its user has left behind is found out.
    if (!reading.isLive(session, account)) {
      await sessions.delete(id)
      return false
    }
    if (session.generation !== generation) return giveCurrent(ctx, id, generation + 1)
    await noteShown(session)
    const next = lifecycle.next(ctx, session, null)
    // Before the step, so that whatever becomes of its answer the cookie at hand stays good.
    await values.put(unseenKey(id, generation + 1), 'unseen', Math.max(1, next.renewalExpiresAt - now()))
    const advanced = await record(
      ctx,
      'session.renewed',
      { userId: session.userId, sessionId: id },
      {
        write: rows => sessions.advance(id, generation, next, rows),
        regardless: true,
      },
    )
    if (!advanced) return giveCurrent(ctx, id, generation + 1)
    give(ctx, advanced)
    return true
  }

  /** What is to be done with the cookie of a request that was let in; null for nothing. */
  function upkeep(ctx: Context<User>, session: Session, sent: number): (() => Promise<unknown>) | null {
    const { id, generation, renewedAt } = session
    if (sent < generation) return () => giveCurrent(ctx, id, generation)
    if (now() - renewedAt >= rotateMs) return () => rotate(ctx, session)
    return generation > 0 && shown.get(id) !== generation ? () => noteShown(session) : null
  }

  /** What goes wrong with it is no part of the answer: the cookie at hand stays good. */
  async function quietly(ctx: Context<User>, write: () => Promise<unknown>): Promise<void> {
    try {
      await write()
    } catch {
      emit(ctx, 'store.unavailable', { detail: 'cookie' })
    }
  }

  /** Asks whoever may refuse an exchange. Who is refused is not let in, and the cookie at hand stays as it is. */
  async function askToRenew(ctx: Context<User>, known: User | null, session: Session): Promise<void> {
    try {
      // Where checks read the session alone, this is where its user is read. What is stale is not exchanged anyway.
      const user = known ?? (reading.isStale(session) ? null : (await reading.whole(ctx, session.id))?.account?.user)
      if (user) await renewing(ctx, user, session)
    } catch (error) {
      ctx.user = null
      ctx.session = null
      throw error
    }
  }

  function admit(ctx: Context<User>, found: Checked<User>, sent: number): Awaitable<User | null> {
    const { session } = found
    return chain(reading.admit(ctx, found, session.renewalExpiresAt), user => {
      if (!ctx.session) return user
      admitted.add(ctx)
      // Not before it is agreed to: a route that is open to all sends what is queued, whoever was refused.
      const keepUp = () => {
        const write = reading.isStale(session) ? null : upkeep(ctx, session, sent)
        if (write) ctx.beforeSend(() => quietly(ctx, write))
        return user
      }
      return now() - session.renewedAt >= rotateMs ? chain(askToRenew(ctx, user, session), keepUp) : keepUp()
    })
  }

  /**
   * Whether a cookie that was replaced is good still: in a race, or while the browser has not shown its successor. Two
   * generations back where the browser had to be given the one between, showed it, and that was due as well.
   */
  async function isGood(ctx: Context<User>, { id, generation, renewedAt }: Session, sent: number): Promise<boolean> {
    if (admitted.has(ctx)) return true
    const behind = generation - sent
    const isRace = now() - renewedAt < times.raceMs
    if (behind === 1 && isRace) return true
    if (behind > 2 || (behind === 2 && !isRace)) return false
    return (await values.get(unseenKey(id, sent + 1))) !== null
  }

  return {
    jar,
    claimsOf,
    requireOrigin: ctx => requireOwnOrigin(ctx, rules),
    cookie: { name: jar.name, only: true },

    fetch(ctx) {
      const token = jar.read(ctx)
      if (token === null) return null
      const known = verify(token, ctx.tenant)
      if (!known) return refuse(ctx, 'forged')
      requireOwnOrigin(ctx, rules)
      const { sessionId: id, generation } = known
      return chain(reading.checked(ctx, id), found => {
        if (!found) return reading.refuseGone(ctx, id)
        const { session } = found
        if (!equalBytes(known.secretHash, session.secretHash)) return refuse(ctx, 'forged')
        if (generation > session.generation) {
          // What was read before the store went away does not know the newest.
          if (reading.isStale(session)) throw new Problem('unavailable')
          return refuse(ctx, 'forged')
        }
        if (generation === session.generation) return admit(ctx, found, generation)
        return isGood(ctx, session, generation).then(good =>
          good ? admit(ctx, found, generation) : lifecycle.endReused(ctx, session),
        )
      })
    },

    create(ctx, account, facts) {
      requireOwnOrigin(ctx, rules)
      const before = claimsOf(ctx)
      const claims = lifecycle.start(ctx, account, facts, facts.remember ? times.renewalMs : times.accessMs)
      const session = ctx.session as Session
      ctx.beforeSend(() => give(ctx, session, claims))
      // Whoever signs in on top of a session leaves it: its cookie is gone from the browser.
      if (before) ctx.beforeSend(() => lifecycle.endNow(ctx, before.sessionId))
      return null
    },

    async renew(ctx) {
      requireOwnOrigin(ctx, rules)
      // No route asks who this is before: a store that is away must not look like a bad cookie.
      if (ctx.failure !== null) throw ctx.failure
      const claims = claimsOf(ctx)
      const { session } = ctx
      const user = ctx.user ?? (session && (await reading.whole(ctx, session.id))?.account?.user) ?? null
      if (!claims || !session || !user) return null
      await renewing(ctx, user, session)
      // Behind: the check has queued the current cookie already.
      if (claims.generation < session.generation) return user
      const exchange = async () => {
        if (!(await rotate(ctx, session))) throw new Problem('invalid_token')
      }
      ctx.beforeSend(exchange, { first: true })
      return user
    },

    delete(ctx) {
      requireOwnOrigin(ctx, rules)
      lifecycle.end(ctx, claimsOf(ctx))
      ctx.beforeSend(() => ctx.setCookie(jar.clear))
    },

    own: ownSessions(parts, lifecycle),
  }
}
