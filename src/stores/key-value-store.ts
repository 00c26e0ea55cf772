import type { Awaitable } from '../base/awaitable.js'
import type { Json } from '../base/json.js'

/** Keeps small values for a while: one-time tokens, challenges, counters. Every verb is one atomic step. */
export interface KeyValueStore {
  put(key: string, value: Json, ttlMs: number): Awaitable<void>
  /** Null: unknown, or expired. */
  get(key: string): Awaitable<Json | null>
  /** Reads and deletes in one step: of fifty callers one gets the value. */
  take(key: string): Awaitable<Json | null>
  /** Adds one and returns the new count; the first call starts the window, later ones do not move its end. */
  increment(key: string, ttlMs: number): Awaitable<number>
  /** True when there was a live value. */
  delete(key: string): Awaitable<boolean>
}
