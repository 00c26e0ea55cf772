import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Redis, type Sentinels, startRedis, startSentinel } from '../support/engines.js'
import { startProxy, type TcpProxy } from '../support/proxy.js'
import { type Asked, AWAY_MS, measured, slowest, statuses, until } from './answers.js'
import { check, type Person, renew, signIn, signOut, told } from './people.js'
import { crowd, follow, LACKS_ENGINES, PROMOTION_MS, promoted, serverAt } from './redis-servers.js'

/** What Sentinels and connections say for themselves: no steps of what a server does. */
const SET_UP = /^(HELLO|CLIENT|AUTH|SELECT|PING|SUBSCRIBE|INFO|PUBLISH)$/

async function newSentinels(): Promise<Sentinels> {
  const sentinels = await startSentinel()
  onTestFinished(() => sentinels.stop())
  return sentinels
}

async function newRedis(): Promise<Redis> {
  const redis = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] })
  onTestFinished(() => redis.stop())
  return redis
}

/** Has the Sentinels send clients to the primary through a network that can fail, and gives it with the URL. */
async function networkTo({ name, sentinels, primary, url }: Sentinels): Promise<{ network: TcpProxy; url: string }> {
  const network = await startProxy({ port: primary.port }, { protocol: 'redis', ignore: word => SET_UP.test(word) })
  onTestFinished(() => network.close())
  for (const sentinel of sentinels) {
    await sentinel.cli('sentinel', 'remove', name)
    await sentinel.cli('sentinel', 'monitor', name, '127.0.0.1', String(network.port), '2')
  }
  return { network, url }
}

describe.skipIf(LACKS_ENGINES)('a write that is to be on a replica', () => {
  test('is 503 while there is none, and checks go on', async () => {
    const redis = await newRedis()
    const replica = await newRedis()
    await follow(replica, redis)
    const { url } = await serverAt(redis.url, { PAWL_REDIS_REPLICAS: '1' })
    const people = await crowd(url, 12)
    await replica.signal('SIGKILL')
    await until('the primary is alone', async () =>
      (await redis.cli('info', 'replication')).includes('connected_slaves:0'),
    )

    const [reader, comer, ...others] = people as [Person, Person, ...Person[]]
    const writes = [await signIn(url, comer)]
    const checks: Asked[] = []
    for (const [index, person] of others.slice(0, 8).entries()) {
      const writing = index % 2 === 0 ? renew(url, person) : signOut(url, person)
      // By now it waits for a replica.
      await pause(100)
      checks.push(await check(url, reader))
      writes.push(await writing)
    }
    measured('no replica', { check: Math.min(...checks.map(({ ms }) => ms)), write: slowest(writes) })
    expect(statuses(writes)).toEqual(writes.map(() => 503))
    expect(slowest([...writes, ...checks])).toBeLessThan(AWAY_MS)
    // Soft, so that what follows is seen all the same. A busy machine may delay some.
    expect.soft(statuses(checks)).toEqual(checks.map(() => 200))
    expect.soft(checks.filter(({ ms }) => ms < 200).length).toBeGreaterThan(checks.length / 2)

    await replica.restart()
    await follow(replica, redis)
    await until('writes are done', async () => (await signIn(url, comer)).status === 200)
    for (const person of [reader, ...others.slice(8)]) expect((await renew(url, person)).status).toBe(200)
  })

  test('is 503 when the connection is lost before the replica has it', async () => {
    const sentinels = await newSentinels()
    const { network, url: redisUrl } = await networkTo(sentinels)
    const { url } = await serverAt(redisUrl)
    const [leaver, other] = (await crowd(url, 2)) as [Person, Person]
    expect((await signOut(url, other)).status).toBe(200)
    await sentinels.replica.signal('SIGSTOP')
    network.resetCount()
    const cut = network.cutAt(2, 'before')
    expect((await signOut(url, leaver)).status).toBe(503)
    await cut
    await sentinels.replica.signal('SIGCONT')
    await until('writes are done', async () => (await signOut(url, leaver)).status === 200)
    expect((await check(url, leaver)).status).toBe(401)
  })

  test('is not done twice when the connection is lost before the answer', async () => {
    const { network, url: redisUrl } = await networkTo(await newSentinels())
    const { url } = await serverAt(redisUrl)
    const [first, second] = (await crowd(url, 2)) as [Person, Person]
    const renewed = told(await renew(url, first))
    network.resetCount()
    // Done, and nobody was told. Done again it would find its own work, and take the token for a used one.
    const cut = network.cutAt(2, 'after')
    expect((await renew(url, second)).status).toBe(503)
    await cut
    await until('it works again', async () => (await renew(url, renewed)).status === 200)
  })

  test('is 503 when another node has replicas, but not the write', { timeout: 120_000 }, async () => {
    const sentinels = await newSentinels()
    const { replica } = sentinels
    // Follows the one that will be primary, so that it has a replica at once.
    const third = await newRedis()
    await follow(third, replica)
    const { url } = await serverAt(sentinels.url, { PAWL_STORE_DEADLINE: '5s' })
    const [stayer, ...leavers] = (await crowd(url, 9)) as [Person, ...Person[]]
    await sentinels.sentinels[0]?.cli('sentinel', 'failover', sentinels.name)
    const isPrimary = async () => (await replica.cli('role')).startsWith('master')
    await until('the other is primary', isPrimary, PROMOTION_MS)
    // The server knows the old one, which has no replica any more, and hears of the new one while it waits.
    const leave = async (person: Person, index: number) => {
      await pause(200 * index)
      return signOut(url, person)
    }
    const left = await Promise.all(leavers.map(leave))
    await promoted(sentinels, replica.port)
    await until('checks are answered', async () => (await check(url, stayer)).status === 200)
    for (const [index, { status }] of left.entries()) {
      expect([200, 503]).toContain(status)
      if (status === 200) expect((await check(url, leavers[index] as Person)).status).toBe(401)
    }
  })
})
