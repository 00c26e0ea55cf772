import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from 'redis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Redis, startRedis } from '../support/engines.js'
import { type Asked, ask, measured, statuses, until } from './answers.js'
import { check, type Person, renew, signIn, signOut, told } from './people.js'
import { crowd, LACKS_ENGINES, serverAt } from './redis-servers.js'

async function newRedis(...args: string[]): Promise<Redis> {
  const redis = await startRedis({ args })
  onTestFinished(() => redis.stop())
  return redis
}

async function used(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.cli('info', 'memory'))?.[1])
}

const counted = async (redis: Redis, name: string) =>
  Number(new RegExp(`${name}:(\\d+)`).exec(await redis.cli('info', 'stats'))?.[1])

/** Writes keys of 100 bytes that nobody needs, past the server. */
async function flood(redis: Redis, count: number): Promise<void> {
  const client = createClient({ url: redis.url })
  await client.connect()
  const value = 'x'.repeat(100)
  await Promise.all(Array.from({ length: count }, (_, index) => client.set(`flood:${index}`, value)))
  client.destroy()
}

const checkAll = (url: string, people: readonly Pick<Person, 'access'>[]) =>
  Promise.all(people.map(person => check(url, person)))

/** All of one status. */
function expectAll(answers: readonly Asked[], status: number): void {
  expect(statuses(answers)).toEqual(answers.map(() => status))
}

describe.skipIf(LACKS_ENGINES)('a Redis with all sessions', () => {
  test('that evicts is refused at the start, by the name of the setting', async () => {
    const redis = await newRedis('--maxmemory-policy', 'allkeys-random')
    await expect(serverAt(redis.url)).rejects.toThrow(/allkeys-random.*PAWL_REDIS_EVICTION/s)
    const { url } = await serverAt(redis.url, { PAWL_REDIS_EVICTION: 'allow' })
    expect((await ask(url, 'GET', '/readyz')).status).toBe(200)
  })

  test('that begins to evict is not ready any more', async () => {
    const redis = await newRedis()
    const { url } = await serverAt(redis.url)
    expect((await ask(url, 'GET', '/readyz')).status).toBe(200)
    await redis.cli('config', 'set', 'maxmemory-policy', 'allkeys-lru')
    expect((await ask(url, 'GET', '/readyz')).status).toBe(503)
    await redis.cli('config', 'set', 'maxmemory-policy', 'noeviction')
    expect((await ask(url, 'GET', '/readyz')).status).toBe(200)
  })

  test('that evicts signs people out, and nobody in', async () => {
    const redis = await newRedis('--maxmemory-policy', 'allkeys-random')
    const { url } = await serverAt(redis.url, { PAWL_REDIS_EVICTION: 'allow' })
    const people = await crowd(url, 60)
    const left = people.slice(0, 10)
    const renewed = people.slice(10, 20)
    const elsewhere = people.slice(20, 30)
    const stayed = people.slice(30)
    expectAll(await Promise.all(left.map(person => signOut(url, person))), 200)
    const pairs = (await Promise.all(renewed.map(person => renew(url, person)))).map(told)

    // The list of somebody's sessions can go before the sessions do. "End all" ends them all the same.
    const seconds = (await Promise.all(elsewhere.map(person => signIn(url, person)))).map(told)
    const lists = (await redis.cli('keys', 'pawl:*:u')).split('\n')
    await redis.cli('del', ...lists)
    const all = elsewhere.map(({ access }) => ask(url, 'DELETE', '/sessions', { token: access }))
    expectAll(await Promise.all(all), 200)
    const ended = [...left, ...renewed, ...seconds]
    expectAll(await checkAll(url, ended), 401)

    const evicted = await counted(redis, 'evicted_keys')
    await redis.cli('config', 'set', 'maxmemory', String((await used(redis)) + 100_000))
    let over = false
    const admitted: number[] = []
    const watching = (async () => {
      while (!over) for (const { status } of await checkAll(url, ended)) if (status !== 401) admitted.push(status)
    })()
    await flood(redis, 1000)
    over = true
    await watching
    expect(await counted(redis, 'evicted_keys')).toBeGreaterThan(evicted)
    expect(admitted).toEqual([])

    const now = await checkAll(url, [...stayed, ...pairs])
    const lost = now.filter(({ status }) => status === 401).length
    expect(lost).toBeGreaterThan(0)
    for (const { status } of now) expect([200, 401]).toContain(status)
    expectAll(await checkAll(url, ended), 401)
    // Whoever was lost has no road back but the password.
    const gone = stayed.filter((_, index) => now[index]?.status === 401)
    expectAll(await Promise.all(gone.map(person => renew(url, person))), 401)
    expectAll(await checkAll(url, gone), 401)
    await redis.cli('config', 'set', 'maxmemory', '0')
    for (const person of gone.slice(0, 5)) expect((await check(url, told(await signIn(url, person)))).status).toBe(200)
    expectAll(await checkAll(url, ended), 401)
    measured('eviction', { sessions: now.length, lost })
  })

  test('that is full takes no new sessions, and goes on with those it has', async () => {
    const redis = await newRedis()
    const { url } = await serverAt(redis.url)
    const people = await crowd(url, 12)
    const [comer, renewer, leaver, reader] = people as [Person, Person, Person, Person]
    await redis.cli('config', 'set', 'maxmemory', '100kb')
    for (let round = 0; round < 3; round++) {
      expect((await signIn(url, comer)).status).toBe(503)
      expect((await renew(url, renewer)).status).toBe(503)
      expectAll(await checkAll(url, people), 200)
    }
    expect((await signOut(url, leaver)).status).toBe(200)
    expect((await ask(url, 'DELETE', '/session', { token: reader.access })).status).toBe(200)
    expectAll(await checkAll(url, [leaver, reader]), 401)
    expect((await ask(url, 'GET', '/sessions', { token: comer.access })).status).toBe(200)

    await redis.cli('config', 'set', 'maxmemory', '0')
    await until('writes are done', async () => (await signIn(url, comer)).status === 200)
    expect((await check(url, told(await renew(url, renewer)))).status).toBe(200)
    expectAll(await checkAll(url, [leaver, reader]), 401)
  })

  test.each([
    ['is flushed', async (redis: Redis) => void (await redis.cli('flushall'))],
    ['restarts empty', (redis: Redis) => redis.restart()],
  ])('that %s knows nobody, and admits nobody', async (_, lose) => {
    const redis = await newRedis()
    const { url } = await serverAt(redis.url)
    const people = await crowd(url, 8)
    const [left, renewed, ...stayed] = people as [Person, Person, ...Person[]]
    expect((await signOut(url, left)).status).toBe(200)
    const pair = told(await renew(url, renewed))
    await lose(redis)
    await until('it answers', async () => (await check(url, left)).status === 401)
    expectAll(await checkAll(url, [...people, pair]), 401)
    expectAll(await Promise.all([...people, pair].map(each => renew(url, each))), 401)
    // There is nothing to end, which is what was asked for.
    expectAll(await Promise.all(stayed.map(person => signOut(url, person))), 200)
    const back = (await Promise.all(stayed.map(person => signIn(url, person)))).map(told)
    expectAll(await checkAll(url, back), 200)
    expectAll(await Promise.all(back.map(each => renew(url, each))), 200)
    expectAll(await checkAll(url, [...people, pair]), 401)
  })

  test('that cannot save itself refuses writes, and goes on with checks', async () => {
    const redis = await newRedis('--save', '3600 1000000', '--stop-writes-on-bgsave-error', 'yes')
    const { url } = await serverAt(redis.url)
    const people = await crowd(url, 6)
    const [comer, renewer, leaver] = people as [Person, Person, Person]
    const saved = async (result: string) => {
      await redis.cli('bgsave').catch(() => '')
      return (await redis.cli('info', 'persistence')).includes(`rdb_last_bgsave_status:${result}`)
    }
    // A folder where the file is to be: the save fails, as on a full disk.
    mkdirSync(join(redis.folder, 'dump.rdb'))
    await until('a save failed', () => saved('err'))
    const writes = [await signIn(url, comer), await renew(url, renewer), await signOut(url, leaver)]
    expect(statuses(writes.slice(0, 2))).toEqual([503, 503])
    expect([200, 503]).toContain(writes[2]?.status)
    expectAll(
      await checkAll(
        url,
        people.filter(person => person !== leaver),
      ),
      200,
    )
    expect((await check(url, leaver)).status).toBe(writes[2]?.status === 200 ? 401 : 200)

    rmdirSync(join(redis.folder, 'dump.rdb'))
    await until('a save went well', () => saved('ok'))
    const ms = await until('writes are done', async () => (await signIn(url, comer)).status === 200)
    expect((await check(url, told(await renew(url, renewer)))).status).toBe(200)
    expect((await signOut(url, leaver)).status).toBe(200)
    expect((await check(url, leaver)).status).toBe(401)
    measured('saves again', { back: ms })
  })
})
