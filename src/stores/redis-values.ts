import type { Json } from '../base/json.js'
import type { KeyValueStore } from './key-value-store.js'
import { INCREMENT, PUT, TAKE } from './redis-scripts.js'
import type { RedisParts } from './redis-sessions.js'

/** Redis forgets a value some time after its end: when that is says our clock. */
const GRACE_MS = 60_000

/** Small values in Redis, each a key of its own. */
export function redisValues({ read, write, prefix, now }: RedisParts): KeyValueStore {
  const keyOf = (key: string) => `${prefix}:v:${key}`

  /** The JSON of a value that is not over. */
  function live(value: unknown): string | null {
    if (typeof value !== 'string') return null
    const end = value.indexOf('\n')
    return Number(value.slice(0, end)) > now() ? value.slice(end + 1) : null
  }

  const parsed = (text: string | null): Json | null => (text === null ? null : JSON.parse(text))
  const take = async (key: string) => live(await write(TAKE, [keyOf(key)], []))

  return {
    async put(key, value, ttlMs) {
      const text = `${now() + ttlMs}\n${JSON.stringify(value)}`
      await write(PUT, [keyOf(key)], [text, String(Math.ceil(ttlMs) + GRACE_MS)])
    },
    get: async key => parsed(live(await read(keyOf(key)))),
    take: async key => parsed(await take(key)),
    async increment(key, ttlMs) {
      return Number(await write(INCREMENT, [keyOf(key)], [String(now()), String(ttlMs)]))
    },
    delete: async key => (await take(key)) !== null,
  }
}
