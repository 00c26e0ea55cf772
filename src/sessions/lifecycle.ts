import { type Awaitable, chain } from '../base/awaitable.js'
import { Problem } from '../base/problem.js'
import type { Renewed, Session, SessionChange, SessionStore } from '../stores/session-store.js'
import { equalBytes, keyedHash, secretHash } from '../tokens/digest.js'
import { newSessionId, newSessionSecret } from '../tokens/random.js'
import { type KnownClaims, rememberAccess } from '../tokens/remember.js'
import type { Claims } from '../tokens/token.js'
import type { Account, BaseUser } from '../users/user.js'
import type { Context, IssuedTokens, Refusal } from './context.js'
import type { LifecycleParts } from './parts.js'
import { type SessionAndAccount, sessionReader } from './reader.js'
import type { SignInFacts } from './sessions.js'
import { staleReader } from './stale.js'
import { untilDone } from './until-done.js'

/** The ratchet: what may happen to a session, whatever carries its tokens. */
export interface Lifecycle<User extends BaseUser> {
  /** The store's sessions, for whoever changes or ends them beside the verbs below. */
  readonly sessions: SessionStore
  check(ctx: Context<User>, token: string): Awaitable<User | null>
  start(ctx: Context<User>, account: Account<User>, facts: SignInFacts): IssuedTokens
  renew(ctx: Context<User>, token: string, retryKey: string | null): Promise<User | null>
  end(ctx: Context<User>, token: string | null): void
  /** True for a session that can do anything still, given its user. */
  isLive(session: Session, account: Account<User> | null): boolean
  /** True when the request's own session is live still, given its user as stored now. */
  confirm(ctx: Context<User>, account: Account<User>): Promise<boolean>
  change(ctx: Context<User>, change: SessionChange): Promise<void>
}

/** What a check read. */
interface Checked<User extends BaseUser> {
  readonly session: Session
  /** Null: the user is gone. Undefined: not looked at. */
  readonly account: Account<User> | null | undefined
}

export function createLifecycle<User extends BaseUser>(parts: LifecycleParts<User>): Lifecycle<User> {
  const { store, users, tokens, times, loadUser, staleMs, race, now, emit } = parts
  const { sessions: stored, values } = store
  const read = sessionReader(store, users)
  const verifyAccess = rememberAccess(tokens)

  function pairOf(claims: Claims): IssuedTokens {
    return { accessToken: tokens.issue('access', claims), renewalToken: tokens.issue('renewal', claims) }
  }

  function refuse(ctx: Context<User>, refusal: Refusal): null {
    ctx.refusal = refusal
    return null
  }

  function ends(time: number, expiresAt: number) {
    return {
      accessExpiresAt: Math.min(time + times.accessMs, expiresAt),
      renewalExpiresAt: Math.min(time + times.renewalMs, expiresAt),
    }
  }

  function isLive(session: Session, account: Account<User> | null): boolean {
    const time = now()
    const over = time >= session.renewalExpiresAt || time >= session.expiresAt
    return !over && account !== null && session.credentialEpoch >= account.credentialEpoch
  }

  /** A session that was read before its user may have been raised with it in between: then it is read once more. */
  function readWhole(id: string): Awaitable<SessionAndAccount<User> | null> {
    return chain(read(id), found => {
      if (!found?.account || found.session.credentialEpoch >= found.account.credentialEpoch) return found
      return chain(stored.find(id), session => session && { session, account: found.account })
    })
  }

  /** What a check reads; the account is undefined where it reads the session alone. */
  const readForCheck: (id: string) => Awaitable<Checked<User> | null> = loadUser
    ? readWhole
    : id => chain(stored.find(id), session => session && { session, account: undefined })
  const served = (id: string) => emit(null, 'session.stale', { sessionId: id })
  const {
    read: checked,
    sessions,
    isStale,
  } = staleMs > 0
    ? staleReader({ sessions: stored, read: readForCheck, staleMs, now, served })
    : { read: readForCheck, sessions: stored, isStale: () => false }

  const endLater = untilDone(id => emit(null, 'session.reused', { sessionId: id, detail: 'not ended' }))

  const reusedKey = (id: string) => `session-reused:${id}`

  /** An authentic token of a session that is gone. Why it went decides nothing but the word the client gets. */
  function refuseGone(ctx: Context<User>, id: string): Awaitable<null> {
    return chain(values.get(reusedKey(id)), reused => refuse(ctx, reused === null ? 'ended' : 'reused'))
  }

  async function drop(ctx: Context<User>, session: Session, refusal: Refusal): Promise<null> {
    await sessions.delete(session.id)
    return refuse(ctx, refusal)
  }

  /** The rules of an access token. The first that fails names the refusal. */
  function judge(ctx: Context<User>, claims: KnownClaims, { session, account }: Checked<User>) {
    if (!equalBytes(claims.secretHash, session.secretHash)) return refuse(ctx, 'forged')
    if (claims.generation !== session.generation) return refuse(ctx, 'replaced')
    const time = now()
    if (time >= session.accessExpiresAt || time >= session.expiresAt) return refuse(ctx, 'expired')
    if (account === null) return drop(ctx, session, 'user_gone')
    if (account && session.credentialEpoch < account.credentialEpoch) return drop(ctx, session, 'ended')
    ctx.session = session
    ctx.user = account?.user ?? null
    return ctx.user
  }

  /** Runs when the response is about to leave: a sign-in that raced "end all" must not survive it. */
  async function commitStart(ctx: Context<User>, session: Session): Promise<void> {
    await sessions.insert(session)
    const account = await users.findById(session.userId)
    // Inserted before looked at: whoever raises the epoch later than this look deletes the session itself.
    if (!isLive(session, account)) {
      await sessions.delete(session.id)
      throw new Problem('invalid_credentials')
    }
    emit(ctx, 'session.created', { userId: session.userId, sessionId: session.id, detail: session.methods.join(' ') })
  }

  /** A replaced token was presented again after the windows in which that is innocent. */
  async function endReused(ctx: Context<User>, { id, userId, expiresAt }: Session): Promise<null> {
    const end = async () => {
      await sessions.delete(id)
      await values.put(reusedKey(id), true, Math.max(1, expiresAt - now()))
    }
    emit(ctx, 'session.reused', { userId, sessionId: id })
    try {
      await end()
    } catch (error) {
      // Whoever replays will not come back to have it ended: a lost end would be a wrong admission.
      endLater(id, end)
      throw error
    }
    return refuse(ctx, 'reused')
  }

  /** True when this request retries the renewal that made the session's generation. */
  function isRetry(session: Session, retryKeyHash: string | null): boolean {
    return retryKeyHash !== null && session.retryKeyHash === retryKeyHash && now() - session.renewedAt < times.retryMs
  }

  async function commitRenewal(ctx: Context<User>, id: string, from: number, next: Renewed): Promise<void> {
    const advanced = await sessions.advance(id, from, next)
    if (advanced) return emit(ctx, 'session.renewed', { userId: advanced.userId, sessionId: id })
    // The token was current when this request read it, so losing the swap is a race and never a replay.
    const winner = await sessions.find(id)
    const sameStep = winner?.generation === from + 1
    if (sameStep && (race === 'converge' || isRetry(winner, next.retryKeyHash))) return sessions.settle?.(id)
    ctx.refusal = winner ? 'replaced' : 'ended'
    throw new Problem('invalid_token')
  }

  function succeed(
    ctx: Context<User>,
    { session, account }: SessionAndAccount<User>,
    tokensNow: IssuedTokens,
  ): User | null {
    ctx.refusal = null
    ctx.tokens = tokensNow
    ctx.began = true
    ctx.session = session
    ctx.user = account?.user ?? null
    return ctx.user
  }

  return {
    sessions,
    isLive,

    check(ctx, token) {
      const claims = verifyAccess(token)
      if (!claims) return refuse(ctx, 'forged')
      const id = claims.sessionId
      return chain(checked(id), found => (found ? judge(ctx, claims, found) : refuseGone(ctx, id)))
    },

    start(ctx, account, { methods, data = {} }) {
      const time = now()
      const secret = newSessionSecret()
      const id = newSessionId(account.user.id)
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
        ...ends(time, expiresAt),
        expiresAt,
        methods,
        createdBy: ctx.device,
        renewedBy: ctx.device,
        retryKeyHash: null,
        data,
      }
      ctx.beforeSend(() => commitStart(ctx, session))
      const made = pairOf({ sessionId: id, generation: 0, secret })
      succeed(ctx, { session, account }, made)
      return made
    },

    async renew(ctx, token, retryKey) {
      const claims = tokens.verify('renewal', token)
      if (!claims) return refuse(ctx, 'forged')
      const { sessionId: id, generation, secret } = claims
      const found = await readWhole(id)
      if (!found) return refuseGone(ctx, id)
      const { session, account } = found
      if (!equalBytes(secretHash(secret), session.secretHash)) return refuse(ctx, 'forged')
      if (!isLive(session, account)) return drop(ctx, session, account ? 'ended' : 'user_gone')

      const behind = session.generation - generation
      // A generation from the future: the store was restored from an older copy.
      if (behind < 0) return refuse(ctx, 'forged')
      const retryKeyHash = retryKey === null ? null : keyedHash(secret, retryKey)
      const successor = pairOf({ sessionId: id, generation: generation + 1, secret })

      if (behind === 0) {
        const time = now()
        const next: Renewed = {
          generation: generation + 1,
          renewedAt: time,
          ...ends(time, session.expiresAt),
          renewedBy: ctx.device,
          retryKeyHash,
        }
        ctx.beforeSend(() => commitRenewal(ctx, id, generation, next), { first: true })
        return succeed(ctx, { session: { ...session, ...next }, account }, successor)
      }
      if (behind === 1) {
        const isRace = now() - session.renewedAt < times.raceMs
        if (isRetry(session, retryKeyHash) || (isRace && race === 'converge')) {
          // Nothing is written; but the write whose answer was lost may not be safe yet.
          if (sessions.settle) ctx.beforeSend(() => sessions.settle?.(id))
          return succeed(ctx, found, successor)
        }
        if (isRace) return refuse(ctx, 'replaced')
      }
      return endReused(ctx, session)
    },

    end(ctx, token) {
      const claims = token === null ? null : (tokens.verify('access', token) ?? tokens.verify('renewal', token))
      const made = ctx.began ? ctx.session : null
      const userId = ctx.session?.userId
      // A session made earlier in this request ends as well.
      for (const id of new Set([claims?.sessionId, made?.id])) {
        if (id === undefined) continue
        ctx.beforeSend(async () => {
          if (await sessions.delete(id)) emit(ctx, 'session.ended', { sessionId: id, ...(userId && { userId }) })
        })
      }
      ctx.session = null
      ctx.user = null
      ctx.tokens = null
      ctx.began = false
      ctx.refusal = null
    },

    async confirm(ctx, account) {
      if (!ctx.session) return false
      if (!isStale(ctx.session) && isLive(ctx.session, account)) return true
      const session = await sessions.find(ctx.session.id)
      return session !== null && isLive(session, account)
    },

    async change(ctx, change) {
      const { session } = ctx
      const changed = session && (await sessions.update(session.id, change))
      if (!changed) throw new Problem('not_authenticated')
      ctx.session = changed
    },
  }
}
