import type { Awaitable } from '../base/awaitable.js'
import type { Context } from '../sessions/context.js'
import type { AuthEvent } from '../sessions/event.js'
import type { SignInFacts } from '../sessions/sessions.js'
import type { Session } from '../stores/session-store.js'
import type { RowBeside } from '../stores/table.js'
import type { AccountChange, BaseUser, NewAccount } from '../users/user.js'

/** Somebody tries a password: to sign in, or to prove that it is still them. */
export interface Attempt<User extends BaseUser> {
  readonly ctx: Context<User>
  /** In its normal form. */
  readonly identifier: string
  /** Null when nobody has the identifier. What a hook answers must not depend on it. */
  readonly user: User | null
  /** `current_password` where somebody who is signed in proves it again. */
  readonly purpose: 'sign_in' | 'current_password'
}

/** A user about to be written. */
export interface Saving<User extends BaseUser> {
  readonly ctx: Context<User>
  /** Null for a new one. */
  readonly user: User | null
  /** What is written. A hook may put other values in its place, and add `rows` that are written with them. */
  values: NewAccount | AccountChange
  /** `account.created`, or what `account.updated` says: `password`, `email`, `role`. */
  readonly detail: string
}

/** Something to tell somebody, by mail or however an extension does it. */
export interface Notice<out User extends BaseUser = BaseUser> {
  readonly ctx: Context<User>
  /** Which message: `reset_password`. */
  readonly kind: string
  /** The address. Null where there is nobody to tell, and it must take as long. */
  readonly to: string | null
  /** Whom it is about, where they are known. */
  readonly user: User | null
  /** What the message says besides. May hold secrets: it is stored sealed. */
  readonly facts?: Readonly<Record<string, string>>
  /** When it is of no use any more, in ms since 1970. */
  readonly expiresAt?: number
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
  /** Before a password is looked at. `'mismatch'` refuses it as a wrong one, at the same cost: no password is right. */
  // biome-ignore lint/suspicious/noConfusingVoidType: most have nothing to answer
  readonly authenticating?: (attempt: Attempt<User>) => Awaitable<'mismatch' | void>
  /** The password was wrong, or nobody has the identifier. */
  readonly authenticationFailed?: (attempt: Attempt<User>) => Awaitable<void>
  /** The password was right. Whoever signs in may still be refused. */
  readonly passwordProven?: (attempt: Attempt<User>) => Awaitable<void>
  /** Somebody wants to register; nothing is read yet. */
  readonly registering?: (registering: { readonly ctx: Context<User> }) => Awaitable<void>
  /** Somebody asks for a message that anybody may ask for, as a reset link; nobody is looked up yet. */
  readonly asking?: (asking: {
    readonly ctx: Context<User>
    /** Which message: `reset_password`. */
    readonly kind: string
  }) => Awaitable<void>
  /** A new password that keeps the rules. Text refuses it, and says why: `is too common`. */
  readonly choosingPassword?: (choosing: {
    readonly ctx: Context<User>
    readonly password: string
    /** What else is known of the person, in normal form. */
    readonly email: string | null
    readonly username: string | null
  }) => Awaitable<string | undefined>
  /** Somebody has registered. `'signed_out'` leaves it at that: no session is made. */
  readonly registered?: (registered: {
    readonly ctx: Context<User>
    readonly user: User
  }) => Awaitable<'signed_out' | undefined>
  /** Another user has the address or name. `'hidden'` answers as if it were new, and nobody is signed in. */
  readonly registrationTaken?: (taken: {
    readonly ctx: Context<User>
    readonly email: string | null
    readonly username: string | null
  }) => Awaitable<'hidden' | undefined>
  /**
   * Identity is proven and no session exists yet: the last chance to refuse or to ask for another step. One that throws
   * `invalid_credentials` hides that a password was right: everything goes on as if it had been wrong.
   */
  readonly signingIn?: (signIn: SignIn<User>) => Awaitable<void>
  readonly signedIn?: (signIn: SignIn<User>) => Awaitable<void>
  /** Before a session is renewed, in a cookie too. What is thrown refuses it; the session stays. */
  readonly renewing?: (renewing: {
    readonly ctx: Context<User>
    readonly user: User
    readonly session: Session
  }) => Awaitable<void>
  /** Valid values are about to be written. */
  readonly savingUser?: (saving: Saving<User>) => Awaitable<void>
  readonly savedUser?: (saved: {
    readonly ctx: Context<User>
    readonly before: User | null
    readonly user: User
  }) => Awaitable<void>
  /** Gives rows to be written with the deletion. */
  readonly deletingUser?: (deleting: {
    readonly ctx: Context<User>
    readonly user: User
  }) => readonly RowBeside[] | undefined
  readonly deletedUser?: (deleted: { readonly ctx: Context<User>; readonly user: User }) => Awaitable<void>
  /** A secret changed: drop every token the old one could have bought. */
  readonly credentialsChanged?: (changed: {
    readonly ctx: Context<User>
    readonly before: User
    readonly user: User
    /** What changed: `password`, `email`, `username`. */
    readonly detail: string
  }) => Awaitable<void>
  /** Somebody has shown that a user's address is theirs: by a link that was mailed there. */
  readonly emailProven?: (proven: { readonly ctx: Context<User>; readonly user: User }) => Awaitable<void>
  /** Something is to be told. Gives the rows that make it so, written with what it is about. */
  readonly noticing?: (notice: Notice<User>) => readonly RowBeside[]
  /** A change of sessions is about to be written. Gives the rows that are written with it, or not at all. */
  readonly noting?: (noted: { readonly ctx: Context<User> | null; readonly event: AuthEvent }) => readonly RowBeside[]
  /** Everything `onEvent` hears. Whoever waits for it waits for this. */
  readonly happened?: (happened: {
    readonly ctx: Context<User> | null
    readonly event: AuthEvent
    /** True where the rows of `noting` are written. */
    readonly isNoted: boolean
  }) => Awaitable<void>
}

type Moment<User extends BaseUser, Name extends keyof Hooks<User>> = Parameters<NonNullable<Hooks<User>[Name]>>[0]

type Outcome<User extends BaseUser, Name extends keyof Hooks<User>> = Awaited<
  ReturnType<NonNullable<Hooks<User>[Name]>>
>

/** Moments that give rows, at once: they are written in one transaction with something else. */
type RowMoment = 'deletingUser' | 'noticing' | 'noting'

/** Calls the hooks of all extensions. */
export interface Moments<out User extends BaseUser = BaseUser> {
  /** One after another. The first that throws, or that answers with a text, ends it. */
  run<Name extends Exclude<keyof Hooks<User>, RowMoment>>(
    name: Name,
    moment: Moment<User, Name>,
  ): Promise<Outcome<User, Name> | undefined>
  /** The rows that all have for a moment. */
  rowsOf<Name extends RowMoment>(name: Name, moment: Moment<User, Name>): readonly RowBeside[]
}

type Hook = (moment: unknown) => unknown

export function hookRunner<User extends BaseUser>(lists: readonly Hooks<User>[]): Moments<User> {
  return {
    async run(name, moment) {
      for (const hooks of lists) {
        const answer = await (hooks[name] as Hook | undefined)?.(moment)
        if (typeof answer === 'string') return answer as never
      }
    },
    rowsOf: (name, moment) =>
      lists.flatMap(hooks => ((hooks[name] as Hook | undefined)?.(moment) ?? []) as readonly RowBeside[]),
  }
}
