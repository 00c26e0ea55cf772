import type { Clock } from '../base/clock.js'
import { Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'
import type { Emit } from '../sessions/event.js'
import type { Sessions, SignInFacts } from '../sessions/sessions.js'
import type { KeyValueStore } from '../stores/key-value-store.js'
import type { Identifier, PasswordRules, UserInput } from '../users/fields.js'
import type { FieldsSchema } from '../users/own-fields.js'
import type { PasswordHasher } from '../users/password-hasher.js'
import type { BaseUser, UserRepository } from '../users/user.js'
import { authentication } from './authentication.js'
import { accountChanges } from './changes.js'
import { accountEnrolment, type Enrolment } from './enrolment.js'
import type { Moments } from './hooks.js'
import { ownAccount } from './own-account.js'
import { registration, userInserter } from './registration.js'
import { signInDoor } from './sign-in.js'
import { createSystem, type System } from './system.js'

/** What people do. The routes call these; so may a controller of the application's own. */
export interface Accounts<out User extends BaseUser = BaseUser> {
  /**
   * Checks `email` (or `username`, where people are known by one) and `password`, then signs in. In a cookie, true in
   * `remember_me` keeps the session past the browser's end.
   * Throws `invalid_credentials`, alike and after the same time for unknown users and wrong passwords; `invalid_body`
   * when one of them is not text; `busy` when too many passwords wait to be checked.
   */
  authenticate(ctx: Context<User>, input: UserInput): Promise<User>
  /** Signs in a user whose identity is proven some other way. Throws what a `signingIn` hook throws. */
  signIn(ctx: Context<User>, user: User, facts: SignInFacts): Promise<User>
  /**
   * Registers from `email` or `username`, `password`, `password_confirmation` and the app's own fields, then signs in.
   * Null where an extension has nobody signed in by it: an address that must be confirmed first.
   * Throws `invalid_user` with `errors`.
   */
  create(ctx: Context<User>, input: UserInput): Promise<User | null>
  /**
   * Changes the request's own `email`, `username` or `password`, given `current_password`: other sessions end. The app's
   * own fields change without.
   * Throws `invalid_change` with `errors`, `not_authenticated`.
   */
  update(ctx: Context<User>, input: UserInput): Promise<User>
  /** Closes the request's own account, given `current_password`. All sessions end. Throws `invalid_password`. */
  delete(ctx: Context<User>, input: UserInput): Promise<void>
  /** Proves the password again and moves the session's `authenticatedAt`. Throws `invalid_password`. */
  reauthenticate(ctx: Context<User>, input: UserInput): Promise<void>
  /** Ends all sessions of the request's user, or all but its own. A sign-in under way does not survive it. */
  endSessions(ctx: Context<User>, options?: { readonly exceptCurrent?: boolean }): Promise<void>
}

export interface AccountsParts<User extends BaseUser> extends Moments<User> {
  readonly users: UserRepository<User>
  readonly sessions: Sessions<User>
  readonly values: KeyValueStore
  readonly hasher: PasswordHasher
  readonly passwordRules: PasswordRules
  readonly identifiers: readonly Identifier[]
  readonly fields: FieldsSchema<User> | undefined
  readonly retryMs: number
  readonly emit: Emit
  readonly now: Clock
}

/** What people do, and what trusted code does without a request. */
export function createAccounts<User extends BaseUser>(
  parts: AccountsParts<User>,
): {
  readonly accounts: Accounts<User>
  readonly system: System<User>
  readonly enrolment: Enrolment<User>
} {
  const door = signInDoor(parts)
  const insert = userInserter(parts)
  const changes = accountChanges(parts)
  const { verify, authenticate } = authentication(parts, door)
  const accounts: Accounts<User> = {
    authenticate,
    async signIn(ctx, user, facts) {
      const account = await parts.users.findById(user.id, ctx.tenant)
      if (!account) throw new Problem('invalid_credentials')
      return door(ctx, account, facts)
    },
    create: registration(parts, insert, door, authenticate),
    ...ownAccount(parts, changes, verify),
  }
  const enrolment = accountEnrolment(parts, changes, insert)
  return { accounts, enrolment, system: createSystem(parts, changes, enrolment, door) }
}
