import type { Awaitable } from '../base/awaitable.js'
import type { Clock } from '../base/clock.js'
import type { Session } from '../stores/session-store.js'
import type { Store } from '../stores/store.js'
import type { Tokens } from '../tokens/token.js'
import type { BaseUser, UserRepository } from '../users/user.js'
import type { Context } from './context.js'
import type { Emit } from './event.js'
import type { Recorder } from './record.js'

/** Lifetimes and windows, in ms. */
export interface SessionTimes {
  readonly accessMs: number
  readonly renewalMs: number
  readonly sessionMs: number
  readonly raceMs: number
  readonly retryMs: number
}

export interface LifecycleParts<User extends BaseUser> {
  readonly store: Store
  readonly users: UserRepository<User>
  readonly tokens: Tokens
  /** Keeps this auth apart from others on the same store; empty for none. */
  readonly realm: string
  readonly times: SessionTimes
  /** False: a check reads the session alone and `ctx.user` stays null. */
  readonly loadUser: boolean
  /** How long a check may be answered with what was read before, while the store is away; 0 for never. */
  readonly staleMs: number
  /** What a renewal that lost a race gets: a refusal, or the winner's pair. */
  readonly race: 'refuse' | 'converge'
  /** Before a session is renewed, in a cookie too: what an extension throws refuses it. */
  readonly renewing: (ctx: Context<User>, user: User, session: Session) => Awaitable<void>
  readonly now: Clock
  readonly emit: Emit
  readonly record: Recorder
}
