import { type Awaitable, isPromise } from '../base/awaitable.js'
import type { Clock } from '../base/clock.js'
import { Problem } from '../base/problem.js'
import { recentMap } from '../base/recent.js'
import type { Session, SessionStore } from '../stores/session-store.js'

const MOST_REMEMBERED = 10_000

export interface StaleParts<Found> {
  readonly sessions: SessionStore
  readonly read: (id: string, tenant: string) => Awaitable<Found | null>
  /** How long after it was read an answer may serve. */
  readonly staleMs: number
  readonly now: Clock
  /** Called when a check is answered from memory. */
  readonly served: (id: string) => void
}

/** Reads as before, and while the store is away answers with what it read a moment ago. */
export interface StaleReader<Found> {
  read(id: string, tenant: string): Awaitable<Found | null>
  /** The same sessions, such that what this node changed or ended is not served any more, whatever became of the write. */
  readonly sessions: SessionStore
  /** True for a session that a check was answered with from memory. */
  isStale(session: Session): boolean
}

export function staleReader<Found extends { readonly session: Session }>({
  sessions,
  read,
  staleMs,
  now,
  served,
}: StaleParts<Found>): StaleReader<Found> {
  const known = recentMap<{ readonly found: Found; readonly at: number }>(MOST_REMEMBERED)
  /** The newest read under way of each session. A change takes its place away, and what it read is not remembered. */
  const reading = new Map<string, object>()
  const stale = new WeakSet<Session>()

  function remember(id: string, found: Found | null, mark: object): Found | null {
    const isCurrent = reading.get(id) === mark
    if (isCurrent) reading.delete(id)
    if (found === null || !isCurrent) {
      known.delete(id)
      return found
    }
    known.set(id, { found, at: now() })
    return found
  }

  function forget(id: string): void {
    known.delete(id)
    reading.delete(id)
  }

  function fallBack(id: string, error: unknown, mark: object): Found {
    if (reading.get(id) === mark) reading.delete(id)
    const before = known.get(id)
    const age = before ? now() - before.at : Number.NaN
    if (!before || !(age >= 0 && age < staleMs) || !Problem.is(error, 'unavailable')) throw error
    served(id)
    // A copy: a store in this process gives the same object again once it is back.
    const session = { ...before.found.session }
    stale.add(session)
    return { ...before.found, session }
  }

  return {
    isStale: session => stale.has(session),
    read(id, tenant) {
      const mark = {}
      reading.set(id, mark)
      try {
        const found = read(id, tenant)
        if (!isPromise(found)) return remember(id, found, mark)
        return found.then(
          value => remember(id, value, mark),
          error => fallBack(id, error, mark),
        )
      } catch (error) {
        return fallBack(id, error, mark)
      }
    },
    sessions: {
      ...sessions,
      advance(id, ...step) {
        forget(id)
        return sessions.advance(id, ...step)
      },
      update(id, ...change) {
        forget(id)
        return sessions.update(id, ...change)
      },
      delete(id, rows) {
        forget(id)
        return sessions.delete(id, rows)
      },
      deleteByUser(userId, options) {
        reading.clear()
        for (const [id, { found }] of [...known.entries()]) if (found.session.userId === userId) known.delete(id)
        return sessions.deleteByUser(userId, options)
      },
    },
  }
}
