import type { Awaitable } from '../base/awaitable.js'
import type { JoinedTable } from '../stores/session-store.js'

/** What every user has. Times are ms since 1970. There is no secret here, so a user may be shown to its owner whole. */
export interface BaseUser {
  readonly id: string
  /** In its normal form: see `normalizeEmail`. */
  readonly email: string
  /** What they may do, as trusted code said: never from input. Left out where there are no roles. */
  readonly role?: string
  readonly createdAt: number
  readonly updatedAt: number
}

/** A user with what proves it. Stays inside: only `user` ever reaches a request or a response. */
export interface Account<User extends BaseUser = BaseUser> {
  readonly user: User
  /** A PHC string; null for a user without a password. A null hash never verifies. */
  readonly passwordHash: string | null
  /** Rises whenever all sessions so far must end. A session below it is over. */
  readonly credentialEpoch: number
}

export interface NewAccount {
  readonly id: string
  readonly email: string
  readonly passwordHash: string | null
  readonly createdAt: number
}

export interface AccountChange {
  readonly email?: string
  readonly passwordHash?: string
  /** Adds one to the credential epoch: of two changes that raise it, each does. */
  readonly raiseEpoch?: true
  readonly updatedAt: number
}

/** Where users live. Implement these five over any table or ORM; `usersSuite` says whether they are right. */
export interface UserRepository<User extends BaseUser = BaseUser> {
  findById(id: string): Awaitable<Account<User> | null>
  /** `identifier` comes in its normal form. */
  findByIdentifier(identifier: string): Awaitable<Account<User> | null>
  /** Throws a `Problem` with code `email_taken` when a user has the address; a unique index decides, not a look-up. */
  insert(account: NewAccount): Awaitable<Account<User>>
  /**
   * Null when the user is gone, or its password hash is not `expectedHash` any more.
   * One step: of two changes that expect one hash, one applies. Throws `email_taken` like `insert`.
   */
  update(id: string, change: AccountChange, expectedHash: string | null): Awaitable<Account<User> | null>
  /** False when the user is gone already, or its password hash is not `expectedHash` any more. One step. */
  delete(id: string, expectedHash: string | null): Awaitable<boolean>
  /** How a store in the same database reads a user together with its session. Left out where none can. */
  readonly joined?: JoinedUsers<User>
}

/** The users' table, for a store that can join it. */
export interface JoinedUsers<User extends BaseUser = BaseUser> extends JoinedTable {
  readonly database: object
  decode(row: Readonly<Record<string, unknown>>): Account<User>
}
