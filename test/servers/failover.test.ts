import { describe, expect, onTestFinished, test } from 'vitest'
import { type Redis, type Sentinels, startSentinel } from '../support/engines.js'
import type { Pair } from '../support/guide.js'
import { startProxy, type TcpProxy } from '../support/proxy.js'
import { type Asked, measured, slowest, until } from './answers.js'
import { startLoad } from './load.js'
import { check, type Person, renew, signIn, signOut, told } from './people.js'
import { crowd, follow, LACKS_ENGINES, promoted, renewByKey, replaceable, serverAt } from './redis-servers.js'

/** So many do something while the primary is killed, and it is killed once so many were told that it is done. */
const ACTIVE = 28
const ACKNOWLEDGED = 10

interface Attempt {
  readonly person: Person
  readonly answer: Asked
}

const done = (attempts: readonly Attempt[]) => attempts.filter(({ answer }) => answer.status === 200)
const unknown = (attempts: readonly Attempt[]) => attempts.filter(({ answer }) => answer.status !== 200)

/** Sends a request of each, one soon after the other, and strikes at once when enough have been told that it is done. */
async function inTheMiddle(
  people: readonly Person[],
  send: (person: Person) => Promise<Asked>,
  strike: () => Promise<unknown>,
): Promise<Attempt[]> {
  let acknowledged = 0
  let struck: Promise<unknown> | undefined
  const attempts = await Promise.all(
    people.map(async (person, index) => {
      await new Promise(resolve => setTimeout(resolve, 5 * index))
      const answer = await send(person)
      expect([200, 503]).toContain(answer.status)
      if (answer.status === 200 && ++acknowledged === ACKNOWLEDGED) struck = strike()
      return { person, answer }
    }),
  )
  expect(acknowledged).toBeGreaterThanOrEqual(ACKNOWLEDGED)
  await struck
  return attempts
}

describe.skipIf(LACKS_ENGINES)('a server behind Sentinels', () => {
  test('keeps its word when the primary is killed, and goes on with the next', { timeout: 120_000 }, async () => {
    const sentinels = await startSentinel()
    onTestFinished(() => sentinels.stop())
    const server = await serverAt(sentinels.url)
    const { url } = server
    const isRefused = async (pair: Pair) => {
      expect((await check(url, pair)).status).toBe(401)
      expect((await renew(url, pair)).status).toBe(401)
    }

    async function round(old: Redis, next: Redis): Promise<void> {
      const people = await crowd(url, 4 + ACTIVE)
      const [first] = people as [Person]
      const leavers = new Set(people.filter((_, index) => index % 2 === 0))
      const send = (person: Person) =>
        leavers.has(person) ? signOut(url, person) : renewByKey(url, person, person.email)
      const load = startLoad(() => url, people.slice(0, 4))
      const attempts = await inTheMiddle(people.slice(4), send, () => old.signal('SIGKILL'))
      const left = attempts.filter(({ person }) => leavers.has(person))
      const renewed = attempts.filter(({ person }) => !leavers.has(person))
      const promotion = await promoted(sentinels, next.port)
      const back = await until('checks are answered', async () => (await check(url, first)).status === 200)

      // What was told holds where it was not written first.
      for (const { person } of done(left)) await isRefused(person)
      const pairs = done(renewed).map(({ person, answer }) => ({ person, pair: told(answer) }))
      for (const { person, pair } of pairs) {
        expect((await check(url, pair)).status).toBe(200)
        await isRefused(person)
      }
      // Nobody would have a copy of what is written now.
      expect((await signIn(url, first)).status).toBe(503)

      await old.restart()
      await follow(old, next)
      const writes = await until('writes are done', async () => (await signIn(url, first)).status === 200)
      for (const { person } of unknown(left)) expect((await signOut(url, person)).status).toBe(200)
      for (const { person } of unknown(renewed)) {
        pairs.push({ person, pair: told(await renewByKey(url, person, person.email)) })
      }
      for (const { person } of left) await isRefused(person)
      for (const { person, pair } of pairs) {
        await isRefused(person)
        expect((await check(url, pair)).status).toBe(200)
        expect((await renew(url, pair)).status).toBe(200)
      }
      for (const { status } of await load.stop()) expect([200, 503]).toContain(status)
      expect(server.child.exitCode).toBeNull()
      const counts = { signedOut: done(left).length, renewed: done(renewed).length, unknown: unknown(attempts).length }
      measured('failover', { promotion, back, writes, ...counts })
    }

    await round(sentinels.primary, sentinels.replica)
    await replaceable(sentinels)
    await round(sentinels.replica, sentinels.primary)
  })

  test.each<[string, (sentinel: Redis, network: TcpProxy) => unknown]>([
    ['hangs', sentinel => sentinel.signal('SIGSTOP')],
    ['is gone', sentinel => sentinel.signal('SIGKILL')],
    ['is slow', (_, network) => network.delay(150)],
  ])('needs no Sentinel that %s', { timeout: 120_000 }, async (name, trouble) => {
    const sentinels = await startSentinel()
    onTestFinished(() => sentinels.stop())
    // The one that is asked first, through a network of its own.
    const [first, ...others] = sentinels.sentinels as readonly Redis[] as [Redis, ...Redis[]]
    const network = await startProxy({ port: first.port })
    onTestFinished(() => network.close())
    const { url } = await serverAt(sentinels.url.replace(`:${first.port},`, `:${network.port},`))
    const people = await crowd(url, 8)
    const load = startLoad(() => url, people.slice(0, 4))
    await until('the load runs', () => load.answers.length > 20)
    await trouble(first, network)
    const writes: Asked[] = []
    const started = performance.now()
    let pair: Pair = people[4] as Person
    await until('it lasted for a while', async () => {
      const answer = await renewByKey(url, pair, pair.renewal)
      writes.push(answer)
      if (answer.status === 200) pair = told(answer)
      return performance.now() - started > 2500
    })
    const answers = await load.stop()
    const refused = (list: readonly Asked[]) => list.filter(({ status }) => status !== 200).length
    measured(`a Sentinel ${name}`, {
      checks: answers.length,
      refusedChecks: refused(answers),
      slowestCheck: slowest(answers),
      writes: writes.length,
      refusedWrites: refused(writes),
    })
    // Soft, so that what follows is seen all the same. Redis itself is well; a busy machine may delay some.
    expect.soft(refused(answers)).toBeLessThanOrEqual(answers.length / 20)
    expect.soft(refused(writes)).toBeLessThanOrEqual(writes.length / 10)

    // The others are enough to find another primary.
    await sentinels.primary.signal('SIGKILL')
    await promoted({ ...sentinels, sentinels: others as Sentinels['sentinels'] }, sentinels.replica.port)
    const back = await until('checks are answered', async () => (await check(url, pair)).status === 200)
    await first.signal('SIGCONT')
    measured(`failover while a Sentinel ${name}`, { back })
  })
})
