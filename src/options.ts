import type { Awaitable } from './base/awaitable.js'
import type { Clock } from './base/clock.js'
import type { Duration } from './base/duration.js'
import type { SqlDatabase } from './base/sql-database.js'
import type { Extension } from './extensions/extension.js'
import type { Exchange } from './http/exchange.js'
import type { Presenter } from './http/presenter.js'
import type { AuthEvent } from './sessions/event.js'
import type { LifecycleParts } from './sessions/parts.js'
import type { Sessions } from './sessions/sessions.js'
import type { Store } from './stores/store.js'
import type { Argon2Options } from './users/argon2.js'
import type { Identifier } from './users/fields.js'
import type { FieldsSchema } from './users/own-fields.js'
import type { PasswordHasher } from './users/password-hasher.js'
import type { BaseUser, UserRepository } from './users/user.js'

export interface SessionOptions {
  /** How long an access token lives from its issue; use does not extend it. Default: `'30m'`. */
  access?: Duration
  /** How long a renewal token lives; each renewal starts it anew. Default: `'30d'`. */
  renewal?: Duration
  /** How long a session lives at most, however often it is renewed. Default: `'90d'`. */
  absolute?: Duration
  /** How long a replaced renewal token is refused without ending its session. Default: `'10s'`. */
  raceWindow?: Duration
  /** How long a retry with the same `Idempotency-Key` gets the same answer. Default: `'2m'`. */
  retryWindow?: Duration
  /** What a renewal that lost a race gets: `'refuse'`, or with `'converge'` the winner's pair. Default: `'refuse'`. */
  race?: 'refuse' | 'converge'
  /** False checks the session alone: `user` is null until you read it, and one read less is done. Default: true. */
  loadUser?: boolean
  /**
   * How long a check may be answered with what it read before, while the store is away. At most `'30s'`: so much later a
   * session that ended meanwhile is refused. Never used to renew or to end. Default: `'0s'`, which answers 503.
   */
  staleIfError?: Duration
}

export interface PasswordOptions extends Argon2Options {
  /** In graphemes. Default: 8. */
  minLength?: number
  /** In graphemes. Default: 4096. */
  maxLength?: number
  /** True takes even the commonest passwords, and the person's own address as one. Default: false. */
  allowCommon?: boolean
}

export interface AuthOptions<User extends BaseUser = BaseUser> {
  /** At least 32 bytes. In a list the first signs and all verify, so that secrets can rotate. */
  secret: string | readonly string[] | undefined
  users: UserRepository<User>
  /** What people are known by; each in the list is asked for at registration. Default: `['email']`. */
  identifiers?: readonly Identifier[]
  /** A Standard Schema of the app's own fields, by the names in `users.fields`. Default: none are taken from input. */
  fields?: FieldsSchema<NoInfer<User>>
  /** Default: `memoryStore()`, which ends with the process. */
  store?: Store
  /** Your own carrier of sessions. Default: `bearerSessions`, tokens in the `Authorization` header. */
  sessions?: Sessions<NoInfer<User>> | ((parts: LifecycleParts<NoInfer<User>>) => Sessions<NoInfer<User>>)
  session?: SessionOptions
  /** Password rules and Argon2id parameters. */
  password?: PasswordOptions
  /** Replaces Argon2id. */
  hasher?: PasswordHasher
  /** Default: `/api/v1`. */
  basePath?: `/${string}` | ''
  /** `'guide'` answers as the guide does; `'problem'` as RFC 9457 with honest statuses. Default: `'guide'`. */
  errors?: 'guide' | 'problem'
  /** Replaces the shape of all answers. Default: that of `errors`. */
  presenter?: Presenter
  extensions?: readonly Extension<NoInfer<User>>[]
  /** Where extensions have their tables. Default: where `sqlUsers` has the users. */
  database?: SqlDatabase
  /**
   * How many proxies of your own a request comes through: so many entries from the end of `X-Forwarded-For` are believed.
   * Default: 0, where the peer is the client.
   */
  proxyHops?: number
  /** Most ms for one call to the store or the users; then 503. Default: 500. */
  deadlineMs?: number
  /** How far the clocks of this machine and of its store may differ before `ready` fails. Default: `'60s'`. */
  clockLeeway?: Duration
  /**
   * Whose users a request is among: from its host name, a header or its path. Part of every token and every query, so that
   * a token of one tenant is nobody in another. Null answers 404 `unknown_tenant`. Default: there are no tenants.
   */
  tenant?: (exchange: Exchange) => Awaitable<string | null>
  /**
   * Keeps this auth apart from others on the same store and secret: its tokens are no tokens there. Changing it signs
   * everybody out. Default: none.
   */
  realm?: string
  /** False mounts none of Pawl's own routes, for an app whose controllers do it all. Default: true. */
  routes?: boolean
  /** Called with what an operator may want to know. Default: nobody is told. */
  onEvent?: (event: AuthEvent) => void
  /** Called with what went wrong behind a 500 or a 503, and the request's id. Default: nobody is told. */
  onError?: (error: unknown, requestId: string) => void
  /** Default: the system's clock. */
  now?: Clock
}
