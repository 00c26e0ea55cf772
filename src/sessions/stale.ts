import { type Awaitable, isPromise } from '../base/awaitable.js'
import type { Clock } from '../base/clock.js'
import { Problem } from '../base/problem.js'

const MOST_REMEMBERED = 10_000

export interface StaleParts<Found> {
  readonly read: (id: string) => Awaitable<Found | null>
  /** How long after it was read an answer may serve. */
  readonly staleMs: number
  readonly now: Clock
  /** Called when a check is answered from memory. */
  readonly served: (id: string) => void
}

/** Reads as before, and while the store is away answers with what it read a moment ago. */
export interface StaleReader<Found> {
  read(id: string): Awaitable<Found | null>
  /** What this node changed is not served any more, whatever became of the write. */
  forget(id: string): void
}

export function staleReader<Found>({ read, staleMs, now, served }: StaleParts<Found>): StaleReader<Found> {
  const known = new Map<string, { readonly found: Found; readonly at: number }>()

  function remember(id: string, found: Found | null): Found | null {
    // Taken out first, so that the oldest is the one read longest ago.
    known.delete(id)
    if (found === null) return null
    if (known.size >= MOST_REMEMBERED) known.delete(known.keys().next().value as string)
    known.set(id, { found, at: now() })
    return found
  }

  function fallBack(id: string, error: unknown): Found {
    const before = known.get(id)
    const age = before ? now() - before.at : Number.NaN
    if (!before || !(age >= 0 && age < staleMs) || !Problem.is(error, 'unavailable')) throw error
    served(id)
    return before.found
  }

  return {
    read(id) {
      try {
        const found = read(id)
        if (!isPromise(found)) return remember(id, found)
        return found.then(
          value => remember(id, value),
          error => fallBack(id, error),
        )
      } catch (error) {
        return fallBack(id, error)
      }
    },
    forget: id => void known.delete(id),
  }
}
