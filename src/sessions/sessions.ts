import type { Awaitable } from '../base/awaitable.js'
import type { JsonObject } from '../base/json.js'
import type { Session } from '../stores/session-store.js'
import type { Account, BaseUser } from '../users/user.js'
import type { Context, IssuedTokens } from './context.js'

/** How somebody came in. */
export interface SignInFacts {
  /** How identity was proven: RFC 8176 names. */
  readonly methods: readonly string[]
  /** The application's own facts about the session. */
  readonly data?: JsonObject
  /** True keeps a browser signed in past its own end: the renewal lifetime instead of an access token's. For cookies. */
  readonly remember?: boolean
}

/** Ties sessions to requests: the guide's authorization plug. Replace it to carry tokens your own way. */
export interface Sessions<out User extends BaseUser = BaseUser> {
  /**
   * Finds out who sent the request and sets `ctx.user` and `ctx.session`; null for nobody.
   * Null means the token is bad. A store that is away throws instead, so that nobody is signed out by it.
   */
  fetch(ctx: Context<User>): Awaitable<User | null>
  /** Makes a session for the user, sets `ctx.tokens` where its answer shall show them, and queues its write. */
  create(ctx: Context<User>, account: Account<User>, facts: SignInFacts): Awaitable<IssuedTokens | null>
  /** Exchanges the presented renewal token for a new pair in `ctx.tokens`; null when the token is bad. */
  renew(ctx: Context<User>): Awaitable<User | null>
  /** Queues the end of the presented token's session. A token that is unknown or broken ends nothing and is no error. */
  delete(ctx: Context<User>): Awaitable<void>
  /** A user's own sessions. Without it their routes are not mounted and a new password cannot end other sessions. */
  readonly own?: OwnSessions<User>
  /** The cookie that carries sessions, for the description of the routes. Left out where none does. */
  readonly cookie?: { readonly name: string; readonly only: boolean }
}

/** What people do with their own sessions. */
export interface OwnSessions<out User extends BaseUser = BaseUser> {
  /** Live sessions, oldest first. */
  list(user: User): Awaitable<readonly Session[]>
  /** Queues the end of one session of the user. False when there is none with that id. */
  end(ctx: Context<User>, id: string): Awaitable<boolean>
  /** Ends all sessions of the user, or all but the request's own. At once: ending early is always safe, forgetting never. */
  endAll(ctx: Context<User>, user: User, options?: { readonly exceptCurrent?: boolean }): Awaitable<void>
  /** False when the request's own session is over, given its user as stored now. */
  confirm(ctx: Context<User>, account: Account<User>): Awaitable<boolean>
  /** Lets the request's own session live on when the user's credential epoch rises to `credentialEpoch`. */
  keep(ctx: Context<User>, credentialEpoch: number): Awaitable<void>
  /** Queues a change of the request's own session: re-authentication, the application's data. */
  change(ctx: Context<User>, change: { readonly authenticated?: string; readonly data?: JsonObject }): Awaitable<void>
}
