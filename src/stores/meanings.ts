/** Remembers what the last `most` texts meant: the same text under the same key is the same value. */
export function remembering<T>(read: (text: string, key: string) => T, most = 4096): (key: string, text: string) => T {
  const known = new Map<string, { readonly text: string; readonly value: T }>()
  return (key, text) => {
    const before = known.get(key)
    if (before?.text === text) return before.value
    const value = read(text, key)
    if (!before && known.size >= most) known.delete(known.keys().next().value as string)
    known.set(key, { text, value })
    return value
  }
}
