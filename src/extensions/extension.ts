import type { Accounts } from '../accounts/accounts.js'
import type { Hooks } from '../accounts/hooks.js'
import type { Clock } from '../base/clock.js'
import type { Migration } from '../base/migration.js'
import type { Route } from '../http/route.js'
import type { Sessions } from '../sessions/sessions.js'
import type { KeyValueStore } from '../stores/key-value-store.js'
import type { BaseUser, UserRepository } from '../users/user.js'

/** What an extension may use. */
export interface ExtensionTools<User extends BaseUser = BaseUser> {
  readonly users: UserRepository<User>
  readonly accounts: Accounts<User>
  readonly sessions: Sessions<User>
  readonly values: KeyValueStore
  readonly now: Clock
}

/** Something that can be added, and taken out again without a trace. */
export interface Extension<User extends BaseUser = BaseUser> {
  /** In snake_case; prefixes its problem codes, values and migrations. */
  readonly name: string
  /** Names of extensions that must come earlier in the list. */
  readonly requires?: readonly string[]
  readonly migrations?: readonly Migration[]
  /** Runs once, when `createAuth` is called. A property, so that a user type without a needed field is refused. */
  readonly setup: (tools: ExtensionTools<User>) => {
    readonly routes?: readonly Route<User>[]
    readonly hooks?: Hooks<User>
  }
}
