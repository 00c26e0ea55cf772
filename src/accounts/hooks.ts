import type { Awaitable } from '../base/awaitable.js'
import type { Context } from '../sessions/context.js'
import type { SignInFacts } from '../sessions/sessions.js'
import type { AccountChange, BaseUser, NewAccount } from '../users/user.js'

/** Somebody tries a password. */
export interface Attempt<User extends BaseUser> {
  readonly ctx: Context<User>
  /** In its normal form. */
  readonly identifier: string
  /** Null when nobody has the identifier. What a hook answers must not depend on it. */
  readonly user: User | null
}

export interface SignIn<User extends BaseUser> extends SignInFacts {
  readonly ctx: Context<User>
  readonly user: User
}

/**
 * Moments an extension may attend, in the order extensions are listed. `…ing` may refuse by throwing a `Problem`,
 * `…ed` only reacts. They run for custom controllers too: they belong to accounts, not to routes.
 */
export interface Hooks<User extends BaseUser = BaseUser> {
  /** Before a password is looked at. */
  readonly authenticating?: (attempt: Attempt<User>) => Awaitable<void>
  /** The password was wrong, or nobody has the identifier. */
  readonly authenticationFailed?: (attempt: Attempt<User>) => Awaitable<void>
  /** Identity is proven and no session exists yet: the last chance to refuse or to ask for another step. */
  readonly signingIn?: (signIn: SignIn<User>) => Awaitable<void>
  readonly signedIn?: (signIn: SignIn<User>) => Awaitable<void>
  /** Valid values are about to be written; `user` is null at registration. */
  readonly savingUser?: (saving: {
    readonly ctx: Context<User>
    readonly user: User | null
    readonly values: NewAccount | AccountChange
  }) => Awaitable<void>
  readonly savedUser?: (saved: {
    readonly ctx: Context<User>
    readonly before: User | null
    readonly user: User
  }) => Awaitable<void>
  readonly deletedUser?: (deleted: { readonly ctx: Context<User>; readonly user: User }) => Awaitable<void>
  /** A secret changed: drop every token the old one could have bought. */
  readonly credentialsChanged?: (changed: { readonly ctx: Context<User>; readonly user: User }) => Awaitable<void>
}

type Moment<User extends BaseUser, Name extends keyof Hooks<User>> = Parameters<NonNullable<Hooks<User>[Name]>>[0]

export type RunHooks<User extends BaseUser> = <Name extends keyof Hooks<User>>(
  name: Name,
  moment: Moment<User, Name>,
) => Promise<void>

/** Runs each list's hook for a moment, one after another. The first that throws ends it. */
export function hookRunner<User extends BaseUser>(lists: readonly Hooks<User>[]): RunHooks<User> {
  return async (name, moment) => {
    for (const hooks of lists) await (hooks[name] as ((value: typeof moment) => Awaitable<void>) | undefined)?.(moment)
  }
}
