import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { createClient, type RedisClientType } from 'redis'
import { afterEach, describe, expect, inject, test, vi } from 'vitest'
import { nearCache } from '../src/stores/near-cache.js'
import { redisStore } from '../src/stores/redis.js'
import type { RedisClient } from '../src/stores/redis-client.js'
import { testClock } from '../src/testing/index.js'
import { startProxy, type TcpProxy } from './support/proxy.js'
import { sessionOf } from './support/session.js'

const url = inject('pawlRedis') as string
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function connected(options: Parameters<typeof createClient>[0]): Promise<RedisClientType> {
  const client = createClient(options) as RedisClientType
  client.on('error', () => {})
  await client.connect()
  closers.push(() => client.destroy())
  return client
}

/** A node with a near cache whose connection runs through a proxy, and another node beside it. */
async function twoNodes(options: Parameters<typeof nearCache>[1] = {}) {
  const { now, advance } = testClock()
  const prefix = `test-${randomUUID()}`
  const proxy = await startProxy({ port: Number(new URL(url).port) }, { protocol: 'redis' })
  closers.push(() => proxy.close())
  const through = { url: `redis://127.0.0.1:${proxy.port}`, disableOfflineQueue: true }
  const tracking = await connected({ ...through, RESP: 3, emitInvalidate: true })
  const plain = await connected({ url })
  const near = nearCache(redisStore(tracking as unknown as RedisClient, { now, prefix }), options)
  const other = redisStore(plain as unknown as RedisClient, { now, prefix })
  const session = sessionOf(randomUUID(), now())
  await other.sessions.insert(session)
  return { near, other, session, proxy, tracking, plain, advance }
}

/** How many commands a call sends. */
async function commandsOf(proxy: TcpProxy, call: () => unknown): Promise<number> {
  proxy.resetCount()
  await call()
  return proxy.commands()
}

describe.skipIf(inject('pawlRedis') === null)('nearCache', () => {
  test('a hit sends nothing and needs no turn of the event loop', async () => {
    const { near, session, proxy } = await twoNodes()
    await near.sessions.find(session.id)
    proxy.resetCount()
    expect(near.sessions.find(session.id)).toEqual(session)
    expect(proxy.commands()).toBe(0)
  })

  test('what another node changes or ends is read anew', async () => {
    const { near, other, session } = await twoNodes()
    await near.sessions.find(session.id)
    await other.sessions.update(session.id, { data: { changed: true } })
    await vi.waitFor(async () => expect((await near.sessions.find(session.id))?.data).toEqual({ changed: true }))
    await other.sessions.delete(session.id)
    await vi.waitFor(async () => expect(await near.sessions.find(session.id)).toBeNull())
  })

  test('what this node changes or ends is gone at once', async () => {
    const { near, session } = await twoNodes()
    await near.sessions.find(session.id)
    await near.sessions.advance(session.id, 0, { ...session, generation: 1 })
    expect((await near.sessions.find(session.id))?.generation).toBe(1)
    await near.sessions.update(session.id, { data: { a: 1 } })
    expect((await near.sessions.find(session.id))?.data).toEqual({ a: 1 })
    await near.sessions.deleteByUser(session.userId)
    expect(await near.sessions.find(session.id)).toBeNull()
  })

  test('a session is believed for five seconds, even if word of its end is lost', async () => {
    const { near, session, proxy, advance } = await twoNodes()
    await near.sessions.find(session.id)
    advance(4999)
    expect(await commandsOf(proxy, () => near.sessions.find(session.id))).toBe(0)
    advance(1)
    expect(await commandsOf(proxy, () => near.sessions.find(session.id))).toBe(1)
    // A clock that was set back believes nothing from its future.
    advance(-10)
    expect(await commandsOf(proxy, () => near.sessions.find(session.id))).toBe(1)
  })

  test('a session past its end is not answered from memory', async () => {
    const { near, other, advance } = await twoNodes()
    const short = sessionOf(randomUUID(), Date.UTC(2030, 0, 1), { expiresAt: Date.UTC(2030, 0, 1) + 3000 })
    await other.sessions.insert(short)
    expect(await near.sessions.find(short.id)).not.toBeNull()
    advance(3000)
    expect(await near.sessions.find(short.id)).toBeNull()
  })

  test('while the connection is away nothing is answered from memory; after, everything is read anew', async () => {
    const { near, other, session, proxy, tracking } = await twoNodes()
    await near.sessions.find(session.id)
    await proxy.refuse()
    await vi.waitFor(() => expect(tracking.isReady).toBe(false))
    await expect(near.sessions.find(session.id)).rejects.toThrow(/not connected/)
    await other.sessions.delete(session.id)
    await proxy.accept()
    await vi.waitFor(() => expect(tracking.isReady).toBe(true), { timeout: 10_000 })
    expect(await near.sessions.find(session.id)).toBeNull()
  })

  test('what was read before word of its end arrived is not kept', async () => {
    const { near, other, session, proxy, tracking, plain } = await twoNodes()
    await near.sessions.find(session.id)
    const id = String(await tracking.clientId())
    for (let round = 0; round < 10; round++) {
      const next = sessionOf(session.userId, Date.UTC(2030, 0, 1))
      await other.sessions.insert(next)
      await tracking.ping()
      // Redis has read the session, the reply is held back, and then comes in one piece with word of the end.
      proxy.delay(20)
      const read = near.sessions.find(next.id)
      await vi.waitFor(async () => expect(await plain.sendCommand(['CLIENT', 'LIST', 'ID', id])).toMatch(/ cmd=get /), {
        interval: 1,
      })
      proxy.freeze()
      await other.sessions.delete(next.id)
      await proxy.pass()
      expect(await read).not.toBeNull()
      await vi.waitFor(async () => expect(await near.sessions.find(next.id)).toBeNull())
    }
  })

  test('it keeps no more than it may', async () => {
    const { near, other, session, proxy } = await twoNodes({ maxEntries: 2 })
    const more = [1, 2].map(() => sessionOf(randomUUID(), Date.UTC(2030, 0, 1)))
    for (const each of more) await other.sessions.insert(each)
    for (const { id } of [session, ...more]) await near.sessions.find(id)
    for (const { id } of more) expect(await commandsOf(proxy, () => near.sessions.find(id))).toBe(0)
    expect(await commandsOf(proxy, () => near.sessions.find(session.id))).toBe(1)
  })

  test('a client that is not told of changes is refused with what to write', () => {
    const build = (client: unknown) => () => nearCache(redisStore(client as RedisClient))
    expect(build(createClient({ url }))).toThrow(/RESP: 3, emitInvalidate: true/)
    expect(build(new Redis({ lazyConnect: true, autoResendUnfulfilledCommands: false }))).toThrow(/RESP: 3/)
  })
})
