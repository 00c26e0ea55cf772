import type { Clock } from '../base/clock.js'
import type { Json } from '../base/json.js'
import type { KeyValueStore } from './key-value-store.js'
import { type EndedSession, localRevocations } from './revocations.js'
import { endOf, type Session, type SessionStore } from './session-store.js'
import type { Store } from './store.js'

export interface MemoryStoreOptions {
  /** Default: the system's. */
  now?: Clock
  /** Most sessions, and most values, kept; the oldest go first. Default: 1,000,000. */
  maxEntries?: number
}

/** How often expired entries are looked for, and how many are looked at each time. */
const SWEEP_EVERY_MS = 1000
const SWEEP_STEP = 1000

/** A map that is swept a step at a time as it is written to: no timer per entry, no timer at all. */
function expiringMap<T>(
  now: Clock,
  maxEntries: number,
  isOver: (entry: T, now: number) => boolean,
  dropped: (key: string, entry: T) => void,
) {
  const entries = new Map<string, T>()
  let sweptAt = now()
  let cursor = entries.entries()

  function drop(key: string): boolean {
    const entry = entries.get(key)
    if (entry === undefined) return false
    entries.delete(key)
    dropped(key, entry)
    return true
  }

  function sweep(time: number): void {
    sweptAt = time
    for (let step = 0; step < SWEEP_STEP; step++) {
      const next = cursor.next()
      if (next.done) {
        cursor = entries.entries()
        return
      }
      if (isOver(next.value[1], time)) drop(next.value[0])
    }
  }

  return {
    drop,
    live(key: string): T | null {
      const entry = entries.get(key)
      return entry === undefined || isOver(entry, now()) ? null : entry
    },
    set(key: string, entry: T): void {
      const time = now()
      if (time - sweptAt >= SWEEP_EVERY_MS || time < sweptAt || entries.size >= maxEntries) sweep(time)
      if (!entries.has(key) && entries.size >= maxEntries) drop(entries.keys().next().value as string)
      entries.set(key, entry)
    },
  }
}

function memorySessions(now: Clock, maxEntries: number, ended: (session: EndedSession) => void): SessionStore {
  const byUser = new Map<string, Set<string>>()
  const sessions = expiringMap<Session>(
    now,
    maxEntries,
    (session, time) => time >= endOf(session),
    (id, { userId }) => {
      const ids = byUser.get(userId)
      ids?.delete(id)
      if (ids?.size === 0) byUser.delete(userId)
    },
  )

  function change(session: Session | null, changed: Partial<Session>): Session | null {
    if (!session) return null
    const next = Object.freeze({ ...session, ...changed })
    sessions.set(session.id, next)
    return next
  }

  return {
    insert(session) {
      sessions.set(session.id, Object.freeze({ ...session, data: structuredClone(session.data) }))
      const ids = byUser.get(session.userId)
      if (ids) ids.add(session.id)
      else byUser.set(session.userId, new Set([session.id]))
    },
    find: id => sessions.live(id),
    advance(id, from, next) {
      const session = sessions.live(id)
      return session?.generation === from ? change(session, next) : null
    },
    update: (id, changed) => change(sessions.live(id), changed),
    delete(id) {
      const live = sessions.live(id)
      sessions.drop(id)
      if (live) ended({ sessionId: id, userId: live.userId })
      return live !== null
    },
    listByUser(userId) {
      const ids = [...(byUser.get(userId) ?? [])]
      return ids.map(id => sessions.live(id)).filter(session => session !== null)
    },
    deleteByUser(userId, { except } = {}) {
      let count = 0
      for (const id of [...(byUser.get(userId) ?? [])]) {
        if (id === except) continue
        const isLive = sessions.live(id) !== null
        sessions.drop(id)
        if (!isLive) continue
        count++
        ended({ sessionId: id, userId })
      }
      return count
    },
  }
}

function memoryValues(now: Clock, maxEntries: number): KeyValueStore {
  interface Entry {
    readonly value: Json
    readonly until: number
  }
  const entries = expiringMap<Entry>(
    now,
    maxEntries,
    (entry, time) => time >= entry.until,
    () => {},
  )
  return {
    put: (key, value, ttlMs) => entries.set(key, { value: structuredClone(value), until: now() + ttlMs }),
    get: key => structuredClone(entries.live(key)?.value ?? null),
    take(key) {
      const value = entries.live(key)?.value ?? null
      entries.drop(key)
      return value
    },
    increment(key, ttlMs) {
      const entry = entries.live(key)
      const count = Number(entry?.value ?? 0) + 1
      entries.set(key, { value: count, until: entry?.until ?? now() + ttlMs })
      return count
    },
    delete(key) {
      const live = entries.live(key) !== null
      entries.drop(key)
      return live
    },
  }
}

/** Keeps sessions and values in this process: for tests and first steps. They end with the process. */
export function memoryStore({ now = Date.now, maxEntries = 1_000_000 }: MemoryStoreOptions = {}): Store {
  const revocations = localRevocations()
  return {
    sessions: memorySessions(now, maxEntries, revocations.tell),
    values: memoryValues(now, maxEntries),
    revocations,
    ping: () => {},
  }
}
