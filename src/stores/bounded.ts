import { type Awaitable, isPromise } from '../base/awaitable.js'
import { isMistake } from '../base/mistake.js'
import { Problem } from '../base/problem.js'
import type { KeyValueStore } from './key-value-store.js'
import type { SessionStore } from './session-store.js'
import type { Store } from './store.js'

function unavailable(cause: unknown): unknown {
  return Problem.is(cause) || isMistake(cause) ? cause : new Problem('unavailable', { cause })
}

/**
 * Runs one call to a store or a repository under a deadline.
 * Whatever it throws becomes `unavailable` (503), never a 401: a store that is away must not sign anybody out. A reply
 * that comes after the deadline is dropped here; it can reach no other request.
 */
export function bounded<T>(call: () => Awaitable<T>, deadlineMs: number): Awaitable<T> {
  try {
    const result = call()
    return isPromise(result) ? underDeadline(result, deadlineMs) : result
  } catch (error) {
    throw unavailable(error)
  }
}

function underDeadline<T>(result: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Problem('unavailable', { cause: new Error('deadline passed') }))
    // Once more round the event loop: a process that was busy may have the answer and not have read it.
    let timer = setTimeout(() => {
      timer = setTimeout(giveUp)
    }, deadlineMs)
    result.then(
      value => {
        clearTimeout(timer)
        resolve(value)
      },
      error => {
        clearTimeout(timer)
        reject(unavailable(error))
      },
    )
  })
}

function boundedSessions(store: SessionStore, ms: number): SessionStore {
  const { findWith, settle } = store
  return {
    insert: (session, rows) => bounded(() => store.insert(session, rows), ms),
    find: id => bounded(() => store.find(id), ms),
    advance: (...step) => bounded(() => store.advance(...step), ms),
    update: (...change) => bounded(() => store.update(...change), ms),
    delete: (id, rows) => bounded(() => store.delete(id, rows), ms),
    listByUser: userId => bounded(() => store.listByUser(userId), ms),
    deleteByUser: (userId, options) => bounded(() => store.deleteByUser(userId, options), ms),
    ...(settle && { settle: id => bounded(() => settle.call(store, id), ms) }),
    ...(findWith && { findWith: (id, joined) => bounded(() => findWith.call(store, id, joined), ms) }),
  }
}

function boundedValues(values: KeyValueStore, ms: number): KeyValueStore {
  return {
    put: (key, value, ttlMs) => bounded(() => values.put(key, value, ttlMs), ms),
    get: key => bounded(() => values.get(key), ms),
    take: key => bounded(() => values.take(key), ms),
    increment: (key, ttlMs) => bounded(() => values.increment(key, ttlMs), ms),
    delete: key => bounded(() => values.delete(key), ms),
  }
}

/** The same store with a deadline on every call. */
export function boundedStore(store: Store, deadlineMs: number): Store {
  return {
    sessions: boundedSessions(store.sessions, deadlineMs),
    values: boundedValues(store.values, deadlineMs),
    ...(store.database && { database: store.database }),
    ...(store.revocations && { revocations: store.revocations }),
    ping: () => bounded(() => store.ping(), deadlineMs),
    ...(store.clock && { clock: () => bounded(() => store.clock?.() as Awaitable<number>, deadlineMs) }),
  }
}
