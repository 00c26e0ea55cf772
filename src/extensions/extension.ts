import type { Accounts } from '../accounts/accounts.js'
import type { Enrolment } from '../accounts/enrolment.js'
import type { Hooks, Moments } from '../accounts/hooks.js'
import type { Awaitable } from '../base/awaitable.js'
import type { Clock } from '../base/clock.js'
import type { Migration } from '../base/migration.js'
import type { SqlDatabase } from '../base/sql-database.js'
import type { Route } from '../http/route.js'
import type { Emit } from '../sessions/event.js'
import type { Sessions } from '../sessions/sessions.js'
import type { KeyValueStore } from '../stores/key-value-store.js'
import type { Identifier } from '../users/fields.js'
import type { BaseUser, UserRepository } from '../users/user.js'

/** What an extension may use. */
export interface ExtensionTools<out User extends BaseUser = BaseUser> extends Moments<User> {
  readonly users: UserRepository<User>
  /** What people are known by. */
  readonly identifiers: readonly Identifier[]
  readonly accounts: Accounts<User>
  /** Makes and changes accounts; nobody's right to it is asked. */
  readonly enrolment: Enrolment<User>
  readonly sessions: Sessions<User>
  readonly values: KeyValueStore
  /** Where tables are; `'memory'` where users end with the process; null where nobody said: see `tableOf`. */
  readonly database: SqlDatabase | 'memory' | null
  /** Of the auth: empty where it has none. Rows in a table that auths share need it; `values` are kept apart already. */
  readonly realm: string
  /** 32 bytes for one purpose, derived from each server secret: the first seals, all open. */
  readonly keys: (purpose: string) => readonly Uint8Array[]
  readonly emit: Emit
  /** For what goes wrong where nobody waits. */
  readonly onError: (error: unknown, requestId: string) => void
  readonly deadlineMs: number
  readonly now: Clock
}

/** What an extension adds. */
export interface Added<User extends BaseUser = BaseUser, out Verbs = unknown> {
  readonly routes?: readonly Route<User>[]
  readonly hooks?: Hooks<User>
  /** What your own controllers and jobs call: `auth.extension(reset).request(…)`. */
  readonly verbs?: Verbs
  /** Ends what runs beside requests: called by `auth.close()`. */
  readonly close?: () => Awaitable<void>
}

/** Something that can be added, and taken out again without a trace. */
export interface Extension<User extends BaseUser = BaseUser, out Verbs = unknown> {
  /** In snake_case; prefixes its problem codes, values, tables and migrations. */
  readonly name: string
  /** Names of extensions that must come earlier in the list. */
  readonly requires?: readonly string[]
  readonly migrations?: readonly Migration[]
  /** Fewest graphemes of a new password, where that is more than `password.minLength`. */
  readonly minPasswordLength?: number
  /** Runs once, when `createAuth` is called. A property, so that a user type without a needed field is refused. */
  readonly setup: (tools: ExtensionTools<User>) => Added<User, Verbs>
}
