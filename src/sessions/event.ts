import type { Awaitable } from '../base/awaitable.js'
import type { Context } from './context.js'

export type AuthEventName =
  | 'account.created'
  | 'account.updated'
  | 'account.deleted'
  | 'password.busy'
  | 'password.outdated'
  | 'password.unreadable'
  | 'session.created'
  | 'session.renewed'
  | 'session.reauthenticated'
  | 'session.reused'
  | 'session.stale'
  | 'session.ended'
  | 'sessions.ended'
  | 'sign_in.failed'
  | 'sign_in.refused'
  | 'store.not_ready'
  | 'store.unavailable'
  | 'token.refused'
  // Those of extensions.
  | (string & {})

/** Something that happened and that an operator may want to know. Holds no secret. */
export interface AuthEvent {
  readonly name: AuthEventName
  /** Milliseconds since 1970. */
  readonly at: number
  /** Empty where no request was the occasion. */
  readonly requestId: string
  readonly address: string | null
  readonly userId?: string
  readonly sessionId?: string
  /** The identifier of a failed sign-in, in its normal form. */
  readonly identifier?: string
  /** Why, where the name does not say it: the refusal of a token, how many sessions ended. */
  readonly detail?: string
}

export type EventFacts = Pick<AuthEvent, 'userId' | 'sessionId' | 'identifier' | 'detail'>

/**
 * Tells the listener, whose errors change no answer. A promise where an extension writes it down: who waits for that
 * knows that it is written, and fails where it is not.
 */
export type Emit = (ctx: Context | null, name: AuthEventName, facts?: EventFacts) => Awaitable<void>

/** Waits until the end of a session is told. It has ended: that this could not be written down must not say otherwise. */
export async function told(emitted: Awaitable<void>): Promise<void> {
  try {
    await emitted
  } catch {
    // `onError` has heard of it.
  }
}
