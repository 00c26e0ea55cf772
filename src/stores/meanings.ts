import { recentMap } from '../base/recent.js'

/** Remembers what the last `most` texts meant: the same text under the same key is the same value. */
export function remembering<T>(read: (text: string, key: string) => T, most = 4096): (key: string, text: string) => T {
  const known = recentMap<{ readonly text: string; readonly value: T }>(most)
  return (key, text) => {
    const before = known.get(key)
    if (before?.text === text) return before.value
    const value = read(text, key)
    known.set(key, { text, value })
    return value
  }
}
