import type { Awaitable } from '../base/awaitable.js'
import type { RowsRefused, SessionRows } from '../stores/session-store.js'
import type { RowBeside } from '../stores/table.js'
import type { Context } from './context.js'
import { type AuthEvent, type AuthEventName, type EventFacts, told } from './event.js'

/** A change of sessions that is told of. */
export interface RecordedChange<Result> {
  /** Writes it, and `rows` with it where the store can. Gives false, null or 0 where there was nothing to change. */
  readonly write: (rows?: SessionRows) => Awaitable<Result>
  /** True for what happens whether it can be written down or not: ends, first of all. */
  readonly regardless?: true
}

/**
 * Writes a change of sessions and tells of it, but not of false and null. What extensions note of it is in one transaction
 * with it where sessions and tables share a database, and is written right after it elsewhere.
 */
export type Recorder = <Result>(
  ctx: Context | null,
  name: AuthEventName,
  facts: EventFacts,
  change: RecordedChange<Result>,
) => Promise<Result>

/** An event that happens now. */
export type EventOf = (ctx: Context | null, name: AuthEventName, facts?: EventFacts) => AuthEvent

/** Tells of an event. `isNoted` says that its rows are written. */
export type Tell = (ctx: Context | null, event: AuthEvent, isNoted: boolean) => Awaitable<void>

/** `notesOf` gives the rows of an event that the store can write. */
export function recorder(
  eventOf: EventOf,
  tell: Tell,
  notesOf: (ctx: Context | null, event: AuthEvent) => readonly RowBeside[],
): Recorder {
  return async (ctx, name, facts, { write, regardless }) => {
    const event = eventOf(ctx, name, facts)
    let isNoted = false
    const rows = () => {
      const notes = notesOf(ctx, event)
      isNoted = notes.length > 0
      return notes
    }
    let result: Awaited<ReturnType<typeof write>>
    try {
      result = await write(rows)
    } catch (error) {
      // Of a store that did not answer nobody knows what it did: it is not asked twice.
      const { cause } = error as { cause?: Partial<RowsRefused> }
      if (!regardless || !cause?.rowsRefused) throw error
      isNoted = false
      result = await write()
    }
    if (result === false || result === null) return result
    const counted = typeof result === 'number' ? { ...event, detail: String(result) } : event
    const emitted = tell(ctx, counted, isNoted && result !== 0)
    await (regardless ? told(emitted) : emitted)
    return result
  }
}
