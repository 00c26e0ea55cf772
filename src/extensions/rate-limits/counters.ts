import type { Clock } from '../../base/clock.js'
import type { KeyValueStore } from '../../stores/key-value-store.js'
import { keyedHash } from '../../tokens/digest.js'
import type { Window } from './rules.js'

/** What is counted by itself: the tries of one account, or of one address. */
export interface Bucket {
  /** Which rule, in a few letters. */
  readonly tag: string
  readonly windows: readonly Window[]
  /** Of whom. Only its hash is stored. */
  readonly text: string
  /**
   * `'own'` gives it a key of its own. Otherwise it shares one of a fixed number with whoever has the same hash, so that
   * a million names or addresses take no more room than that; one of a `'few'` where nobody asks for the count.
   */
  readonly places?: 'own' | 'few'
  /** Ends its windows at moments of its own, so that not everybody who was refused comes back at once. */
  readonly spread?: boolean
}

/** One window of a bucket as it runs now. */
export interface Slot {
  readonly key: string
  readonly limit: number
  /** Until the window ends. */
  readonly msLeft: number
}

/** Keys that strangers can fill. Those of a long window gather tries for longer, so there are more. */
const PLACES = 65_536
const PLACES_OF_LONG = 262_144
const FEW_PLACES = 4096
const LONG_MS = 3_600_000

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** A number below 2^48 out of a hash. */
function numberOf(hash: string): number {
  let number = 0
  for (const character of hash.slice(0, 8)) number = number * 64 + ALPHABET.indexOf(character)
  return number
}

export interface Counters {
  /** The windows of a bucket now, the shortest first. */
  slotsOf(bucket: Bucket): readonly Slot[]
  /** Counts a try, and gives the new count. */
  count(slot: Slot): Promise<number>
  /** The count as it is. */
  read(slot: Slot): Promise<number>
  forget(slots: readonly Slot[]): Promise<void>
}

/**
 * Counts in fixed windows, whose number is part of the key: when one ends is known without asking. Each count is one
 * atomic step, so that of a thousand tries at once exactly as many pass as may.
 */
export function createCounters(values: KeyValueStore, now: Clock, key: Uint8Array): Counters {
  const shiftOfAll = numberOf(keyedHash(key, 'windows'))

  function placeOf(hash: string, ms: number, places: Bucket['places']): string {
    if (places === 'own') return hash.slice(0, 22)
    const count = places === 'few' ? FEW_PLACES : ms > LONG_MS ? PLACES_OF_LONG : PLACES
    return (numberOf(hash) % count).toString(36)
  }

  return {
    slotsOf({ tag, windows, text, places, spread = false }) {
      const hash = keyedHash(key, `${tag}\n${text}`)
      const shift = spread ? numberOf(hash) : shiftOfAll
      const time = now()
      return windows.map(({ count, ms }) => {
        const shifted = time + (shift % ms)
        const index = Math.floor(shifted / ms)
        return {
          key: `rate_limits:${tag}:${ms.toString(36)}:${index.toString(36)}:${placeOf(hash, ms, places)}`,
          limit: count,
          msLeft: (index + 1) * ms - shifted,
        }
      })
    },
    count: async ({ key: name, msLeft }) => values.increment(name, msLeft),
    read: async ({ key: name }) => Number((await values.get(name)) ?? 0),
    async forget(slots) {
      await Promise.all(slots.map(({ key: name }) => values.delete(name)))
    },
  }
}
