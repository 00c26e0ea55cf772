import { type Awaitable, isPromise } from '../base/awaitable.js'
import { recentMap } from '../base/recent.js'
import type { RedisStore } from './redis.js'
import { isNodeRedis, kindOf, type NodeRedisClient } from './redis-client.js'
import { endOf, type Session, type SessionStore } from './session-store.js'
import type { Store } from './store.js'

export interface NearCacheOptions {
  /** Most sessions kept; those not asked for of late go first. Default: 10,000. */
  maxEntries?: number
}

/** How long a session is believed without asking, even if word of its end was lost. */
const BELIEVED_MS = 5000

interface Entry {
  readonly session: Session
  readonly readAt: number
}

function trackingClient({ client }: RedisStore): NodeRedisClient {
  const { options = {} } = client as { options?: { RESP?: number; emitInvalidate?: boolean } }
  const isFit = isNodeRedis(client) && kindOf(client) === 'single' && options.RESP === 3 && options.emitInvalidate
  if (isFit) return client
  throw new TypeError(
    '`nearCache` needs a store over node-redis’s `createClient({ RESP: 3, emitInvalidate: true, … })`',
  )
}

/**
 * Answers checks from memory. Redis says on the same connection when a session that was read has changed; while that
 * connection is away nothing is kept and nothing is answered from memory. Throws `TypeError` for a client that cannot.
 */
export function nearCache(store: RedisStore, { maxEntries = 10_000 }: NearCacheOptions = {}): Store {
  const client = trackingClient(store)
  const { sessions, now } = store
  const entries = recentMap<Entry>(maxEntries)
  /** The newest read under way of each session. Word of a change takes its place away, and what it read is not kept. */
  const reading = new Map<string, object>()

  function forget(id: string): void {
    entries.delete(id)
    reading.delete(id)
  }

  function forgetAll(): void {
    entries.clear()
    reading.clear()
  }

  client.on('invalidate', (key: { toString(): string } | null) => {
    if (key === null) return forgetAll()
    const name = key.toString()
    forget(name.slice(name.lastIndexOf(':') + 1))
  })
  for (const event of ['error', 'end', 'reconnecting', 'ready']) client.on(event, forgetAll)

  function believed(id: string): Session | null {
    const entry = entries.get(id)
    if (!entry || !client.isReady) return null
    const time = now()
    const isFresh = time >= entry.readAt && time - entry.readAt < BELIEVED_MS && time < endOf(entry.session)
    return isFresh ? entry.session : null
  }

  async function read(id: string): Promise<Session | null> {
    const mark = {}
    const readAt = now()
    entries.delete(id)
    reading.set(id, mark)
    try {
      const session = await sessions.find(id)
      if (session && reading.get(id) === mark) entries.set(id, { session, readAt })
      return session
    } finally {
      if (reading.get(id) === mark) reading.delete(id)
    }
  }

  /** Word of our own writes need not make the round trip. */
  function forgetting<T>(id: string, write: Awaitable<T>): Awaitable<T> {
    forget(id)
    return isPromise(write) ? write.finally(() => forget(id)) : write
  }

  const cached: SessionStore = {
    ...sessions,
    find: id => believed(id) ?? read(id),
    advance: (id, ...step) => forgetting(id, sessions.advance(id, ...step)),
    update: (id, ...change) => forgetting(id, sessions.update(id, ...change)),
    delete: (id, rows) => forgetting(id, sessions.delete(id, rows)),
    async deleteByUser(userId, options) {
      try {
        return await sessions.deleteByUser(userId, options)
      } finally {
        reading.clear()
        for (const [id, { session }] of [...entries.entries()]) if (session.userId === userId) entries.delete(id)
      }
    },
  }
  return { ...store, sessions: cached }
}
