import { randomUUID } from 'node:crypto'
import { Cluster, Redis } from 'ioredis'
import { createClient, createCluster, createSentinel, type RedisClientType } from 'redis'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { redisStore } from '../src/stores/redis.js'
import type { RedisClient } from '../src/stores/redis-client.js'
import { testClock } from '../src/testing/index.js'
import { sessionTag } from '../src/tokens/random.js'
import { startRedis } from './support/engines.js'
import { startProxy, type TcpProxy } from './support/proxy.js'
import { DAY_MS, sessionOf } from './support/session.js'

describe.skipIf(inject('pawlRedis') === null)('redisStore', () => {
  const url = inject('pawlRedis') as string
  let proxy: TcpProxy
  let client: RedisClientType

  beforeAll(async () => {
    proxy = await startProxy({ port: Number(new URL(url).port) }, { protocol: 'redis' })
    client = createClient({ url: `redis://127.0.0.1:${proxy.port}`, disableOfflineQueue: true }) as RedisClientType
    client.on('error', () => {})
    await client.connect()
  })
  afterAll(async () => {
    client.destroy()
    await proxy.close()
  })

  const newStore = (options = {}) => {
    const prefix = `test-${randomUUID()}`
    return { prefix, ...redisStore(client as unknown as RedisClient, { prefix, deadlineMs: 20_000, ...options }) }
  }

  test('every verb is one command', async () => {
    const { sessions, values } = newStore()
    const userId = randomUUID()
    const session = sessionOf(userId, Date.now())
    const verbs: Record<string, () => unknown> = {
      insert: () => sessions.insert(session),
      find: () => sessions.find(session.id),
      advance: () => sessions.advance(session.id, 0, { ...session, generation: 1 }),
      update: () => sessions.update(session.id, { data: { a: 1 } }),
      listByUser: () => sessions.listByUser(userId),
      delete: () => sessions.delete(session.id),
      deleteByUser: () => sessions.deleteByUser(userId),
      put: () => values.put('k', 1, 1000),
      get: () => values.get('k'),
      increment: () => values.increment('n', 1000),
      take: () => values.take('k'),
    }
    // Once so that Redis knows the scripts.
    for (const run of Object.values(verbs)) await run()
    for (const [name, run] of Object.entries(verbs)) {
      proxy.resetCount()
      await run()
      expect(proxy.commands(), name).toBe(1)
    }
  })

  test('reads of one turn of the event loop are one command, and each gets its own', async () => {
    const { sessions } = newStore()
    const made = Array.from({ length: 20 }, () => sessionOf(randomUUID(), Date.now()))
    for (const session of made) await sessions.insert(session)
    proxy.resetCount()
    const found = await Promise.all([...made.map(({ id }) => sessions.find(id)), sessions.find(randomUUID())])
    expect(proxy.commands()).toBe(1)
    expect(found).toEqual([...made, null])
  })

  test('a script that Redis has forgotten is sent again', async () => {
    const { sessions } = newStore()
    await client.scriptFlush()
    const session = sessionOf(randomUUID(), Date.now())
    await sessions.insert(session)
    expect(await sessions.find(session.id)).toEqual(session)
  })

  test('all keys of a user carry the tag of its slot', async () => {
    const { prefix, sessions } = newStore()
    const userId = randomUUID()
    const session = sessionOf(userId, Date.now())
    await sessions.insert(session)
    const tag = sessionTag(userId)
    expect((await client.keys(`${prefix}:*`)).sort()).toEqual([
      `${prefix}:{${tag}}:s:${session.id}`,
      `${prefix}:{${tag}}:u`,
    ])
    await expect(sessions.insert({ ...session, id: randomUUID() })).rejects.toThrow(/newSessionId/)
  })

  test('ten thousand sessions of one user that are over leave an index of those that are not', async () => {
    const { now, advance } = testClock()
    const { prefix, sessions } = newStore({ now })
    const userId = randomUUID()
    for (let batch = 0; batch < 10; batch++) {
      await Promise.all(Array.from({ length: 1000 }, () => sessions.insert(sessionOf(userId, now()))))
    }
    const index = `${prefix}:{${sessionTag(userId)}}:u`
    expect(await client.zCard(index)).toBe(10_000)
    advance(31 * DAY_MS)
    expect(await sessions.listByUser(userId)).toEqual([])
    await sessions.insert(sessionOf(userId, now()))
    expect(await client.zCard(index)).toBe(1)
    expect(await sessions.deleteByUser(userId)).toBe(1)
    expect(await client.exists(index)).toBe(0)
  })

  test('what is kept has an end in Redis too, a little later than ours', async () => {
    const { now } = testClock()
    const { prefix, sessions, values } = newStore({ now })
    const session = sessionOf(randomUUID(), now())
    await sessions.insert(session)
    await values.put('k', 1, 1000)
    const tag = sessionTag(session.userId)
    for (const key of [`${prefix}:{${tag}}:s:${session.id}`, `${prefix}:{${tag}}:u`]) {
      expect(await client.pTTL(key), key).toBeGreaterThan(30 * DAY_MS)
      expect(await client.pTTL(key), key).toBeLessThan(31 * DAY_MS)
    }
    expect(await client.pTTL(`${prefix}:v:k`)).toBeLessThan(120_000)
  })

  test('two users whose ids share a tag keep their sessions apart', async () => {
    const { prefix, sessions } = newStore()
    const session = sessionOf(randomUUID(), Date.now())
    await sessions.insert(session)
    const tag = sessionTag(session.userId)
    const stranger = `${tag}-0000-8000-8000-000000000000`
    const record = await client.get(`${prefix}:{${tag}}:s:${session.id}`)
    await client.set(`${prefix}:{${tag}}:s:${stranger}`, String(record).replace(session.userId, 'somebody else'))
    await client.zAdd(`${prefix}:{${tag}}:u`, { score: session.renewalExpiresAt, value: stranger })
    expect((await sessions.listByUser(session.userId)).map(({ id }) => id)).toEqual([session.id])
    expect(await sessions.deleteByUser(session.userId)).toBe(1)
    expect((await sessions.find(stranger))?.userId).toBe('somebody else')
  })

  test('a Redis that may evict is refused at every verb until it is allowed', async () => {
    const evicting = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] })
    const other = createClient({ url: evicting.url })
    await other.connect()
    try {
      const refused = redisStore(other as unknown as RedisClient)
      const session = sessionOf(randomUUID(), Date.now())
      await expect(refused.sessions.find(session.id)).rejects.toThrow(/maxmemory-policy allkeys-lru/)
      await expect(refused.sessions.insert(session)).rejects.toThrow(/noeviction/)
      await expect(refused.ping()).rejects.toThrow(/noeviction/)
      const allowed = redisStore(other as unknown as RedisClient, { eviction: 'allow' })
      await allowed.sessions.insert(session)
      await allowed.ping()
      await evicting.cli('config', 'set', 'maxmemory-policy', 'noeviction')
      expect(await refused.sessions.find(session.id)).toEqual(session)
    } finally {
      other.destroy()
      await evicting.stop()
    }
  })

  test('a write that no replica has is no success', async () => {
    const { sessions } = newStore({ replicas: 1, deadlineMs: 2000 })
    const session = sessionOf(randomUUID(), Date.now())
    await expect(sessions.insert(session)).rejects.toThrow(/0 of 1 replicas/)
    expect(await sessions.find(session.id)).toEqual(session)
  })

  test('a renewal that a client sends twice, since its answer was lost, is one renewal', async () => {
    const { sessions } = newStore()
    const session = sessionOf(randomUUID(), Date.now())
    await sessions.insert(session)
    const next = { ...session, generation: 1, renewedAt: session.renewedAt + 1 }
    const { evalSha } = client
    // As a client of Cluster or Sentinel may do behind our back.
    const twice = async (...args: Parameters<typeof evalSha>) => {
      await evalSha.apply(client, args)
      return evalSha.apply(client, args)
    }
    Object.assign(client, { evalSha: twice })
    const advanced = await Promise.resolve(sessions.advance(session.id, 0, next)).finally(() =>
      Object.assign(client, { evalSha }),
    )
    expect(advanced?.generation).toBe(1)
    expect(await sessions.advance(session.id, 0, next)).toBeNull()
  })

  test('tells the time of Redis', async () => {
    const { clock } = newStore()
    expect(Math.abs(((await clock?.()) as number) - Date.now())).toBeLessThan(5000)
  })

  test('clients it cannot use are refused with what to write', () => {
    const lazy = { lazyConnect: true }
    expect(() => redisStore(new Redis(lazy) as unknown as RedisClient)).toThrow(/autoResendUnfulfilledCommands: false/)
    const cluster = new Cluster([url], { ...lazy, redisOptions: { autoResendUnfulfilledCommands: false } })
    expect(() => redisStore(cluster as unknown as RedisClient, { replicas: 1 })).toThrow(/needs node-redis/)
    const reading = new Cluster([url], {
      ...lazy,
      scaleReads: 'slave',
      redisOptions: { autoResendUnfulfilledCommands: false },
    })
    expect(() => redisStore(reading as unknown as RedisClient)).toThrow(/primaries alone/)
    const spread = createCluster({ rootNodes: [{ url }], useReplicas: true })
    expect(() => redisStore(spread as unknown as RedisClient)).toThrow(/primaries alone/)
    const resending = createSentinel({ name: 'pawl', sentinelRootNodes: [{ host: '127.0.0.1', port: 26379 }] })
    expect(() => redisStore(resending as unknown as RedisClient)).toThrow(/`sentinelClient` of Pawl/)
    expect(() => newStore({ replicas: Number.NaN })).toThrow(/`replicas` must be/)
    expect(() => redisStore({} as RedisClient)).toThrow(/node-redis.*ioredis/)
  })
})
