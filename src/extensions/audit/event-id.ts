import type { Clock } from '../../base/clock.js'
import { newId } from '../../tokens/random.js'

const LATEST_MS = 2 ** 48 - 1
const MOST_IN_A_MS = 0xfff

function head(at: number): string {
  const digits = Math.floor(Math.min(Math.max(at, 0), LATEST_MS))
    .toString(16)
    .padStart(12, '0')
  return `${digits.slice(0, 8)}-${digits.slice(8)}`
}

/** The smallest id of a time: what comes later has a larger one. */
export function firstIdAt(at: number): string {
  return `${head(at)}-7000-8000-000000000000`
}

/** Makes ids that sort by time: UUIDs of version 7 (RFC 9562), of one millisecond in the order in which they were made. */
export function eventIds(now: Clock): (at?: number) => string {
  let last = 0
  let count = 0
  return (at = now()) => {
    count = at === last ? Math.min(count + 1, MOST_IN_A_MS) : 0
    last = at
    return `${head(at)}-7${count.toString(16).padStart(3, '0')}-8${newId().slice(20)}`
  }
}
