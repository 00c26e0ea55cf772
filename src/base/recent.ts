/** A map that forgets what was not asked for of late. */
export interface Recent<Value> {
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  delete(key: string): void
  clear(): void
  entries(): Iterable<readonly [string, Value]>
}

/**
 * Keeps at most `most` entries, and at least the newer half of them. In two generations, since taking the oldest out of
 * one `Map` costs more the more were taken out before.
 */
export function recentMap<Value>(most: number): Recent<Value> {
  const half = Math.max(1, Math.floor(most / 2))
  let fresh = new Map<string, Value>()
  let old = new Map<string, Value>()

  function set(key: string, value: Value): void {
    if (fresh.size >= half && !fresh.has(key)) {
      old = fresh
      fresh = new Map()
    }
    fresh.set(key, value)
    old.delete(key)
  }

  return {
    set,
    get(key) {
      const value = fresh.get(key)
      if (value !== undefined) return value
      const before = old.get(key)
      if (before !== undefined) set(key, before)
      return before
    },
    delete(key) {
      fresh.delete(key)
      old.delete(key)
    },
    clear() {
      fresh.clear()
      old.clear()
    },
    *entries() {
      yield* fresh
      yield* old
    },
  }
}
