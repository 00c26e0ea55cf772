import type { Awaitable } from '../base/awaitable.js'
import type { KeyValueStore } from './key-value-store.js'
import type { SessionStore } from './session-store.js'

/** Where sessions and small values live. */
export interface Store {
  readonly sessions: SessionStore
  readonly values: KeyValueStore
  /** The database behind the store. Users in the same one are read together with their session. */
  readonly database?: object
  /** Throws when the store cannot answer. Readiness asks it. */
  ping(): Awaitable<void>
}
