import { type Awaitable, chain } from '../base/awaitable.js'
import type { Session, SessionStore } from '../stores/session-store.js'
import type { Store } from '../stores/store.js'
import { among } from '../users/scoped.js'
import type { Account, BaseUser, UserRepository } from '../users/user.js'

export interface SessionAndAccount<User extends BaseUser> {
  readonly session: Session
  /** Null: the user is gone. */
  readonly account: Account<User> | null
}

/** Reads a live session with its user. */
export type SessionReader<User extends BaseUser> = (
  id: string,
  tenant: string,
) => Awaitable<SessionAndAccount<User> | null>

/** One query where sessions and users share a database, two reads otherwise. */
export function sessionReader<User extends BaseUser>(
  store: Pick<Store, 'database'> & { readonly sessions: SessionStore },
  users: UserRepository<User>,
): SessionReader<User> {
  const { joined } = users
  const { findWith } = store.sessions
  if (joined && findWith && joined.database === store.database) {
    return (id, tenant) =>
      chain(findWith(id, joined), found =>
        found ? { session: found.session, account: among(tenant, found.row && joined.decode(found.row)) } : null,
      )
  }
  return (id, tenant) =>
    chain(store.sessions.find(id), session =>
      session ? chain(users.findById(session.userId, tenant), account => ({ session, account })) : null,
    )
}
