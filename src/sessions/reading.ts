import { type Awaitable, chain } from '../base/awaitable.js'
import type { Session, SessionStore } from '../stores/session-store.js'
import type { Account, BaseUser } from '../users/user.js'
import type { Context, Refusal } from './context.js'
import type { LifecycleParts } from './parts.js'
import { type SessionAndAccount, sessionReader } from './reader.js'
import { staleReader } from './stale.js'

/** What a check read. */
export interface Checked<User extends BaseUser> {
  readonly session: Session
  /** Null: the user is gone. Undefined: not looked at. */
  readonly account: Account<User> | null | undefined
}

/** What can be found out about sessions, and who is let in by one. */
export interface Reading<User extends BaseUser> {
  /** The store's sessions, for whoever changes or ends them. */
  readonly sessions: SessionStore
  /** True for a session that was read before, and whose store is away. */
  isStale(session: Session): boolean
  /** True for a session that can do anything still, given its user. */
  isLive(session: Session, account: Account<User> | null): boolean
  /** Reads what a check needs. */
  checked(ctx: Context<User>, id: string): Awaitable<Checked<User> | null>
  /** Reads a session with its user. */
  whole(ctx: Context<User>, id: string): Awaitable<SessionAndAccount<User> | null>
  /** Lets the session's user in, unless it is over at `endsAt` or in itself. */
  admit(ctx: Context<User>, found: Checked<User>, endsAt: number): Awaitable<User | null>
  refuse(ctx: Context<User>, refusal: Refusal): null
  /** Refuses an authentic token of a session that is gone. */
  refuseGone(ctx: Context<User>, id: string): Awaitable<null>
  /** Ends the session and refuses its token. */
  drop(ctx: Context<User>, session: Session, refusal: Refusal): Promise<null>
}

export function reusedKey(id: string): string {
  return `session-reused:${id}`
}

/** True for a session that its user has left behind: by raising the epoch, or by being suspended. */
function isBehind<User extends BaseUser>(session: Session, { user, credentialEpoch }: Account<User>): boolean {
  return session.credentialEpoch < credentialEpoch || (user.suspendedAt ?? null) !== null
}

export function createReading<User extends BaseUser>(parts: LifecycleParts<User>): Reading<User> {
  const { store, users, loadUser, staleMs, now, emit } = parts
  const { sessions: stored, values } = store
  const read = sessionReader(store, users)

  /** A session that was read before its user may have been raised with it in between: then it is read once more. */
  function readWhole(id: string, tenant: string): Awaitable<SessionAndAccount<User> | null> {
    return chain(read(id, tenant), found => {
      if (!found?.account || found.session.credentialEpoch >= found.account.credentialEpoch) return found
      return chain(stored.find(id), session => session && { session, account: found.account })
    })
  }

  const readForCheck: (id: string, tenant: string) => Awaitable<Checked<User> | null> = loadUser
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

  function refuse(ctx: Context<User>, refusal: Refusal): null {
    ctx.refusal = refusal
    return null
  }

  async function drop(ctx: Context<User>, session: Session, refusal: Refusal): Promise<null> {
    await sessions.delete(session.id)
    return refuse(ctx, refusal)
  }

  return {
    sessions,
    isStale,
    refuse,
    drop,
    checked: (ctx, id) => checked(id, ctx.tenant),
    whole: (ctx, id) => readWhole(id, ctx.tenant),
    isLive(session, account) {
      const time = now()
      const isOver = time >= session.renewalExpiresAt || time >= session.expiresAt
      return !isOver && account !== null && !isBehind(session, account)
    },
    admit(ctx, { session, account }, endsAt) {
      const time = now()
      if (time >= endsAt || time >= session.expiresAt) return refuse(ctx, 'expired')
      if (account === null) return drop(ctx, session, 'user_gone')
      if (account && isBehind(session, account)) return drop(ctx, session, 'ended')
      ctx.session = session
      ctx.user = account?.user ?? null
      return ctx.user
    },
    // Why it went decides nothing but the word the client gets.
    refuseGone: (ctx, id) =>
      chain(values.get(reusedKey(id)), reused => refuse(ctx, reused === null ? 'ended' : 'reused')),
  }
}
