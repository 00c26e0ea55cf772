import type { Awaitable } from '../base/awaitable.js'
import type { SqlDatabase } from '../base/sql-database.js'
import type { JoinedTable } from '../stores/session-store.js'
import type { RowBeside } from '../stores/table.js'
import type { Rows } from './sql-columns.js'

/** What every user has. Times are ms since 1970. There is no secret here, so a user may be shown to its owner whole. */
export interface BaseUser {
  readonly id: string
  /** In its normal form: see `normalizeEmail`. Empty for somebody known by a username alone. */
  readonly email: string
  /** In its normal form: see `normalizeUsername`. Null or left out where people have none. */
  readonly username?: string | null
  /** What they may do, as trusted code said: never from input. Left out where there are no roles. */
  readonly role?: string
  /** Whose user it is. Left out where there are no tenants. */
  readonly tenant?: string
  /** Since when they may not come in. Null or left out for everybody else. */
  readonly suspendedAt?: number | null
  readonly createdAt: number
  readonly updatedAt: number
}

/** A user with what proves it. Stays inside: only `user` ever reaches a request or a response. */
export interface Account<out User extends BaseUser = BaseUser> {
  readonly user: User
  /** A PHC string; null for a user without a password. A null hash never verifies. */
  readonly passwordHash: string | null
  /** Rises whenever all sessions so far must end. A session below it is over. */
  readonly credentialEpoch: number
}

/** The app's own facts about a user, by the names in `UserRepository.fields`. */
export type OwnFields = Readonly<Record<string, unknown>>

/** What is written together with a user, or not at all: mails to send, entries of a log. Made of the account as saved. */
export type RowsBeside = (account: Account) => readonly RowBeside[]

export interface NewAccount {
  /** A new UUID. A repository that makes ids of its own leaves it: the account it returns counts. */
  readonly id: string
  /** Null for somebody known by a username alone. */
  readonly email: string | null
  readonly passwordHash: string | null
  readonly createdAt: number
  /** Left out where people have none. */
  readonly username?: string
  /** Left out for the repository's own default. */
  readonly role?: string
  /** Left out where there are no tenants. */
  readonly tenant?: string
  /** Left out where there are none. */
  readonly fields?: OwnFields
  readonly rows?: RowsBeside
}

export interface AccountChange {
  readonly email?: string
  readonly username?: string
  readonly passwordHash?: string
  readonly role?: string
  /** Null lets the user in again. */
  readonly suspendedAt?: number | null
  readonly fields?: OwnFields
  /** Adds one to the credential epoch: of two changes that raise it, each does. */
  readonly raiseEpoch?: true
  readonly updatedAt: number
  readonly rows?: RowsBeside
}

/**
 * Where users live. Implement these five over any table or ORM; `usersSuite` says whether they are right.
 * `tenant` is given where the option `tenant` is used, and empty or left out everywhere else.
 */
export interface UserRepository<out User extends BaseUser = BaseUser> {
  findById(id: string, tenant?: string): Awaitable<Account<User> | null>
  /** `identifier` comes in its normal form: an address if it has an `@`, a username if it has none. */
  findByIdentifier(identifier: string, tenant?: string): Awaitable<Account<User> | null>
  /**
   * Throws a `Problem` with code `email_taken` or `username_taken` when another user has it: a unique index decides,
   * not a look-up.
   */
  insert(account: NewAccount): Awaitable<Account<User>>
  /**
   * Null when the user is gone, or its password hash is not `expectedHash` any more.
   * One step: of two changes that expect one hash, one applies. Throws `email_taken`, `username_taken` like `insert`.
   */
  update(
    id: string,
    change: AccountChange,
    expectedHash: string | null,
    tenant?: string,
  ): Awaitable<Account<User> | null>
  /** False when the user is gone already, or its password hash is not `expectedHash` any more. One step. */
  delete(id: string, expectedHash: string | null, tenant?: string, rows?: readonly RowBeside[]): Awaitable<boolean>
  /** Names of the app's own fields that it keeps, which are members of the user and of the wire. Default: none. */
  readonly fields?: readonly string[]
  /**
   * True where `rows` are written in the transaction of the change. Left out, Pawl writes them right after it: a crash in
   * between may lose one.
   */
  readonly writesRows?: true
  /** Where extensions keep what they have. Left out, `createAuth` needs a `database` for those that have tables. */
  readonly tables?: 'memory' | SqlDatabase
  /** How a store in the same database reads a user together with its session. Left out where none can. */
  readonly joined?: JoinedUsers<User>
}

/** The users' table, for a store that can join it. */
export interface JoinedUsers<out User extends BaseUser = BaseUser> extends JoinedTable {
  readonly database: object
  decode(row: Readonly<Record<string, unknown>>): Account<User>
  /** How users become rows, for whoever writes many at once. Left out, they are written one by one. */
  readonly rows?: Rows<User>
}
