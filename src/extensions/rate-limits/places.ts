import type { Clock } from '../../base/clock.js'
import type { KeyValueStore } from '../../stores/key-value-store.js'
import { keyedHash } from '../../tokens/digest.js'

const KNOWN_MS = 30 * 86_400_000
/** A sign-in from a known place is written down again after this. */
const WRITE_EVERY_MS = 86_400_000
const MOST_PLACES = 10

/** Hashes of the places where an account signed in, each with the time of the last, in ms since 1970. */
export type Places = Readonly<Record<string, number>>

/** Where accounts signed in of late: tries from there are counted apart from those of strangers. */
export interface KnownPlaces {
  /** The name of a place, for one account: its hash. */
  nameOf(who: string, block: string): string
  /** Those of an account that are still known. */
  of(who: string): Promise<Places>
  /** Adds one; the oldest goes where there are ten. */
  add(who: string, place: string, places: Places): Promise<void>
  /** Forgets all but one, if any. */
  reset(who: string, place: string | null): Promise<void>
}

export function knownPlaces(values: KeyValueStore, now: Clock, key: Uint8Array): KnownPlaces {
  const keyOf = (who: string) => `rate_limits:places:${keyedHash(key, `places\n${who}`).slice(0, 22)}`
  return {
    nameOf: (who, block) => keyedHash(key, `place\n${who}\n${block}`).slice(0, 12),
    async of(who) {
      const stored = ((await values.get(keyOf(who))) ?? {}) as Places
      return Object.fromEntries(Object.entries(stored).filter(([, at]) => at > now() - KNOWN_MS))
    },
    async add(who, place, places) {
      const at = places[place]
      if (at !== undefined && now() - at < WRITE_EVERY_MS) return
      const others = Object.entries(places).filter(([other]) => other !== place)
      const latest = others.sort(([, a], [, b]) => b - a).slice(0, MOST_PLACES - 1)
      await values.put(keyOf(who), Object.fromEntries([[place, now()], ...latest]), KNOWN_MS)
    },
    async reset(who, place) {
      if (place === null) await values.delete(keyOf(who))
      else await values.put(keyOf(who), { [place]: now() }, KNOWN_MS)
    },
  }
}
