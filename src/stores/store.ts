import type { Awaitable } from '../base/awaitable.js'
import type { KeyValueStore } from './key-value-store.js'
import type { Revocations } from './revocations.js'
import type { SessionStore } from './session-store.js'

/** Where sessions and small values live. */
export interface Store {
  readonly sessions: SessionStore
  readonly values: KeyValueStore
  /** The database behind the store. Users in the same one are read together with their session. */
  readonly database?: object
  /** News of ended sessions, from every node. Left out where the store has none. */
  readonly revocations?: Revocations
  /** Throws when the store cannot answer, or should not be used as it is set up. Readiness asks it. */
  ping(): Awaitable<void>
  /** The store's own time, in ms since 1970. Left out where it has no clock but this machine's. */
  clock?(): Awaitable<number>
}
