import { type Awaitable, chain } from '../base/awaitable.js'
import { Problem } from '../base/problem.js'
import { realmUser } from '../stores/realm.js'
import type { Renewed, Session, SessionChange, SessionRows } from '../stores/session-store.js'
import { equalBytes, keyedHash, secretHash } from '../tokens/digest.js'
import { newSessionId, newSessionSecret } from '../tokens/random.js'
import { type KnownClaims, rememberClaims } from '../tokens/remember.js'
import type { Claims } from '../tokens/token.js'
import type { Account, BaseUser } from '../users/user.js'
import type { Context } from './context.js'
import { told } from './event.js'
import type { LifecycleParts } from './parts.js'
import type { SessionAndAccount } from './reader.js'
import { type Checked, createReading, type Reading, reusedKey } from './reading.js'
import type { SignInFacts } from './sessions.js'
import { untilDone } from './until-done.js'

/** The ratchet: what may happen to a session, whatever carries its tokens. */
export interface Lifecycle<User extends BaseUser> {
  readonly reading: Reading<User>
  check(ctx: Context<User>, token: string): Awaitable<User | null>
  /** Makes a session and queues its write. It lives for `idleMs` without a renewal. What its tokens are made of. */
  start(ctx: Context<User>, account: Account<User>, facts: SignInFacts, idleMs: number): Claims
  /** What the next pair is made of; null when the token is bad. */
  renew(ctx: Context<User>, token: string, retryKey: string | null): Promise<Claims | null>
  /** The step from the session as it is to its next generation. */
  next(ctx: Context<User>, session: Session, retryKeyHash: string | null): Renewed
  /** Queues the end of the session that a token names, and of one made earlier in this request. */
  end(ctx: Context<User>, claims: Claims | null): void
  /** Ends a session whose replaced token came back after the windows in which that is innocent. */
  endReused(ctx: Context<User>, session: Session): Promise<null>
  /** True when the request's own session is live still, given its user as stored now. */
  confirm(ctx: Context<User>, account: Account<User>): Promise<boolean>
  /** Ends a session at once, and tells of it where there was one. */
  endNow(ctx: Context<User>, sessionId: string, userId?: string): Promise<void>
  change(ctx: Context<User>, change: SessionChange, rows?: SessionRows): Promise<void>
}

export function createLifecycle<User extends BaseUser>(parts: LifecycleParts<User>): Lifecycle<User> {
  const { store, users, tokens, realm, times, race, now, emit, record } = parts
  const reading = createReading(parts)
  const { sessions, isLive, refuse, refuseGone, drop } = reading
  const verifyAccess = rememberClaims(tokens, 'access')
  const endLater = untilDone(id => emit(null, 'session.reused', { sessionId: id, detail: 'not ended' }))

  function ends(time: number, expiresAt: number, idleMs: number) {
    return {
      accessExpiresAt: Math.min(time + times.accessMs, expiresAt),
      renewalExpiresAt: Math.min(time + idleMs, expiresAt),
    }
  }

  /** The rules of an access token. The first that fails names the refusal. */
  function judge(ctx: Context<User>, claims: KnownClaims, found: Checked<User>): Awaitable<User | null> {
    const { session } = found
    if (!equalBytes(claims.secretHash, session.secretHash)) return refuse(ctx, 'forged')
    if (claims.generation !== session.generation) return refuse(ctx, 'replaced')
    return reading.admit(ctx, found, session.accessExpiresAt)
  }

  /** Runs when the response is about to leave: a sign-in that raced "end all" must not survive it. */
  async function commitStart(ctx: Context<User>, session: Session): Promise<void> {
    const { id: sessionId, userId, methods } = session
    let isInserted = false
    try {
      await record(
        ctx,
        'session.created',
        { userId, sessionId, detail: methods.join(' ') },
        {
          write: async rows => {
            await sessions.insert(session, rows)
            isInserted = true
          },
        },
      )
    } catch (error) {
      // It could not be written down: the request fails, and nobody is told of its tokens.
      if (isInserted) await sessions.delete(sessionId)
      throw error
    }
    // Inserted before looked at: whoever raises the epoch later than this look deletes the session itself.
    if (isLive(session, await users.findById(userId, ctx.tenant))) return
    await endNow(ctx, sessionId, userId)
    throw new Problem('invalid_credentials')
  }

  async function endNow(ctx: Context<User>, sessionId: string, userId?: string): Promise<void> {
    await record(
      ctx,
      'session.ended',
      { sessionId, ...(userId && { userId }) },
      {
        write: rows => sessions.delete(sessionId, rows),
        regardless: true,
      },
    )
  }

  async function endReused(ctx: Context<User>, { id, userId, expiresAt }: Session): Promise<null> {
    const facts = { userId, sessionId: id }
    const mark = () => store.values.put(reusedKey(id), true, Math.max(1, expiresAt - now()))
    let isTold = false
    try {
      await record(ctx, 'session.reused', facts, { write: rows => sessions.delete(id, rows), regardless: true })
      isTold = true
      await mark()
    } catch (error) {
      // Whoever replays will not come back to have it ended: a lost end would be a wrong admission.
      endLater(id, async () => {
        await sessions.delete(id)
        await mark()
      })
      if (!isTold) await told(emit(ctx, 'session.reused', facts))
      throw error
    }
    return refuse(ctx, 'reused')
  }

  /** True when this request retries the renewal that made the session's generation. */
  function isRetry(session: Session, retryKeyHash: string | null): boolean {
    return retryKeyHash !== null && session.retryKeyHash === retryKeyHash && now() - session.renewedAt < times.retryMs
  }

  async function commitRenewal(ctx: Context<User>, { id, userId }: Session, from: number, next: Renewed) {
    const advanced = await record(
      ctx,
      'session.renewed',
      { userId, sessionId: id },
      {
        write: rows => sessions.advance(id, from, next, rows),
      },
    )
    if (advanced) return
    // The token was current when this request read it, so losing the swap is a race and never a replay.
    const winner = await sessions.find(id)
    const sameStep = winner?.generation === from + 1
    if (sameStep && (race === 'converge' || isRetry(winner, next.retryKeyHash))) return sessions.settle?.(id)
    ctx.refusal = winner ? 'replaced' : 'ended'
    throw new Problem('invalid_token')
  }

  function succeed(ctx: Context<User>, { session, account }: SessionAndAccount<User>): void {
    ctx.refusal = null
    ctx.began = true
    ctx.session = session
    ctx.user = account?.user ?? null
  }

  function next(ctx: Context<User>, session: Session, retryKeyHash: string | null): Renewed {
    const time = now()
    return {
      generation: session.generation + 1,
      renewedAt: time,
      // As long again as it was given at first.
      ...ends(time, session.expiresAt, idleMsOf(session)),
      renewedBy: ctx.device,
      retryKeyHash,
    }
  }

  /** How long a session lives without a renewal: all of the renewal lifetime, or an access token's where it is not remembered. */
  function idleMsOf({ renewalExpiresAt, accessExpiresAt, expiresAt }: Session): number {
    return renewalExpiresAt > accessExpiresAt || renewalExpiresAt === expiresAt ? times.renewalMs : times.accessMs
  }

  return {
    reading,
    next,
    endNow,
    endReused,

    check(ctx, token) {
      const claims = verifyAccess(token, ctx.tenant)
      if (!claims) return refuse(ctx, 'forged')
      const id = claims.sessionId
      return chain(reading.checked(ctx, id), found => (found ? judge(ctx, claims, found) : refuseGone(ctx, id)))
    },

    start(ctx, account, { methods, data = {} }, idleMs) {
      const time = now()
      const secret = newSessionSecret()
      const id = newSessionId(realmUser(realm, account.user.id))
      const expiresAt = time + times.sessionMs
      const session: Session = {
        id,
        userId: account.user.id,
        secretHash: secretHash(secret),
        generation: 0,
        credentialEpoch: account.credentialEpoch,
        createdAt: time,
        authenticatedAt: time,
        renewedAt: time,
        ...ends(time, expiresAt, idleMs),
        expiresAt,
        methods,
        createdBy: ctx.device,
        renewedBy: ctx.device,
        retryKeyHash: null,
        data,
      }
      ctx.beforeSend(() => commitStart(ctx, session))
      succeed(ctx, { session, account })
      return { sessionId: id, generation: 0, secret }
    },

    async renew(ctx, token, retryKey) {
      const claims = tokens.verify('renewal', token, ctx.tenant)
      if (!claims) return refuse(ctx, 'forged')
      const { sessionId: id, generation, secret } = claims
      const found = await reading.whole(ctx, id)
      if (!found) return refuseGone(ctx, id)
      const { session, account } = found
      if (!equalBytes(secretHash(secret), session.secretHash)) return refuse(ctx, 'forged')
      if (!isLive(session, account)) return drop(ctx, session, account ? 'ended' : 'user_gone')

      const behind = session.generation - generation
      // A generation from the future: the store was restored from an older copy.
      if (behind < 0) return refuse(ctx, 'forged')
      const retryKeyHash = retryKey === null ? null : keyedHash(secret, retryKey)
      const successor = { sessionId: id, generation: generation + 1, secret }

      const renewing = () => parts.renewing(ctx, (account as Account<User>).user, session)

      if (behind === 0) {
        await renewing()
        const step = next(ctx, session, retryKeyHash)
        ctx.beforeSend(() => commitRenewal(ctx, session, generation, step), { first: true })
        succeed(ctx, { session: { ...session, ...step }, account })
        return successor
      }
      if (behind === 1) {
        const isRace = now() - session.renewedAt < times.raceMs
        if (isRetry(session, retryKeyHash) || (isRace && race === 'converge')) {
          await renewing()
          // Nothing is written; but the write whose answer was lost may not be safe yet.
          if (sessions.settle) ctx.beforeSend(() => sessions.settle?.(id))
          succeed(ctx, found)
          return successor
        }
        if (isRace) return refuse(ctx, 'replaced')
      }
      return endReused(ctx, session)
    },

    end(ctx, claims) {
      const made = ctx.began ? ctx.session : null
      const userId = ctx.session?.userId
      // A session made earlier in this request ends as well.
      for (const id of new Set([claims?.sessionId, made?.id])) {
        if (id === undefined) continue
        ctx.beforeSend(() => endNow(ctx, id, userId))
      }
      ctx.session = null
      ctx.user = null
      ctx.tokens = null
      ctx.began = false
      ctx.refusal = null
    },

    async confirm(ctx, account) {
      if (!ctx.session) return false
      if (!reading.isStale(ctx.session) && isLive(ctx.session, account)) return true
      const session = await sessions.find(ctx.session.id)
      return session !== null && isLive(session, account)
    },

    async change(ctx, change, rows) {
      const { session } = ctx
      const changed = session && (await sessions.update(session.id, change, rows))
      if (!changed) throw new Problem('not_authenticated')
      ctx.session = changed
    },
  }
}
