import type { Clock } from '../base/clock.js'
import { newId, sessionTag } from '../tokens/random.js'
import { remembering } from './meanings.js'
import type { RedisLink } from './redis-client.js'
import type { RedisRead } from './redis-reads.js'
import { changedLines, recordOf, renewalLine, sessionOf } from './redis-record.js'
import { ADVANCE, DELETE, DELETE_BY_USER, INSERT, LIST, TOUCH, UPDATE } from './redis-scripts.js'
import { endOf, type Session, type SessionStore } from './session-store.js'

const TAG_DIGITS = 8

/** What the two halves of a Redis store share. */
export interface RedisParts {
  readonly read: RedisRead
  /** Runs a script that changes nothing. */
  readonly run: RedisLink['run']
  /** Runs a script that does, and where replicas must have it sees that they do. */
  readonly write: RedisLink['run']
  readonly isReplicated: boolean
  readonly prefix: string
  readonly now: Clock
}

/** Sessions in Redis: a record each, and per user an index by end, all in the slot of the user's tag. */
export function redisSessions({ read, run, write, isReplicated, prefix, now }: RedisParts): SessionStore {
  const recordsOf = (tag: string) => `${prefix}:{${tag}}:s:`
  const indexOf = (tag: string) => `${prefix}:{${tag}}:u`
  const tagOf = (id: string) => id.slice(0, TAG_DIGITS)
  const keysOf = (id: string) => [recordsOf(tagOf(id)) + id, indexOf(tagOf(id))]
  const meaningOf = remembering((record, id) => sessionOf(id, record))

  function live(id: string, record: unknown): Session | null {
    if (typeof record !== 'string') return null
    const session = meaningOf(id, record)
    return endOf(session) > now() ? session : null
  }

  const find = (id: string) => read(recordsOf(tagOf(id)) + id).then(record => live(id, record))

  return {
    async insert(session) {
      const { id, userId } = session
      if (tagOf(id) !== sessionTag(userId)) {
        throw new TypeError('a session in Redis needs an id of `newSessionId(userId)`: it says where its user’s are')
      }
      await write(INSERT, keysOf(id), [String(now()), id, recordOf(session), String(endOf(session))])
    },
    find,
    async advance(id, from, next) {
      const record = await write(ADVANCE, keysOf(id), [
        String(now()),
        id,
        String(from),
        String(next.generation),
        String(next.renewalExpiresAt),
        renewalLine(next, newId()),
      ])
      return typeof record === 'string' ? sessionOf(id, record) : null
    },
    async update(id, change) {
      const lines = changedLines(change)
      if (lines.length === 0) return find(id)
      const record = await write(UPDATE, keysOf(id).slice(0, 1), [String(now()), ...lines])
      return typeof record === 'string' ? sessionOf(id, record) : null
    },
    async settle(id) {
      if (isReplicated) await write(TOUCH, keysOf(id).slice(0, 1), [])
    },
    async delete(id) {
      return (await write(DELETE, keysOf(id), [String(now()), id])) === 1
    },
    async listByUser(userId) {
      const tag = sessionTag(userId)
      const found = (await run(LIST, [indexOf(tag)], [recordsOf(tag), JSON.stringify(userId)])) as string[]
      const sessions: Session[] = []
      for (let index = 0; index < found.length; index += 2) {
        const session = live(found[index] as string, found[index + 1])
        if (session) sessions.push(session)
      }
      return sessions.sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))
    },
    async deleteByUser(userId, { except = '' } = {}) {
      const tag = sessionTag(userId)
      const args = [recordsOf(tag), JSON.stringify(userId), String(now()), except]
      return Number(await write(DELETE_BY_USER, [indexOf(tag)], args))
    },
  }
}
