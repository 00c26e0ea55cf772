import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startRedis } from '../support/engines.js'
import { type Fleet, type FleetNode, type FleetOptions, type FleetStore, startFleet } from '../support/fleet.js'
import { type Asked, AWAY_MS, ask, measured, RECOVERY_MS, slowest, statuses, until } from './answers.js'
import { check, type Person, renew, signIn, signOut, told } from './people.js'
import { crowd, LACKS_ENGINES } from './redis-servers.js'

let fleet: Fleet
let a: FleetNode
let b: FleetNode
afterEach(() => fleet?.stop())

async function start(options: FleetOptions): Promise<void> {
  fleet = await startFleet({ size: 2, ...options })
  ;[a, b] = fleet.nodes as [FleetNode, FleetNode]
}

const checkAll = (node: FleetNode, people: readonly Pick<Person, 'access'>[]) =>
  Promise.all(people.map(person => check(node.url(), person)))

/** All of one status. */
function expectAll(answers: readonly Asked[], status: number): void {
  expect(statuses(answers)).toEqual(answers.map(() => status))
}

/** What a server counted under a name. */
async function counted(node: FleetNode, name: string): Promise<number> {
  const text = await (await fetch(`${node.url()}/metrics`)).text()
  return Number(new RegExp(`^pawl_\\w+_total\\{\\w+="${name}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
}

const isReady = async (node: FleetNode) => (await ask(node.url(), 'GET', '/readyz')).status === 200

describe.skipIf(LACKS_ENGINES)('the near cache of a server', () => {
  const env = { PAWL_NEAR_CACHE: 'true' }

  /** Has B know everybody, such that it need not ask. */
  async function warm(people: readonly Person[]): Promise<void> {
    expectAll(await checkAll(b, people), 200)
    b.sessions.resetCount()
    expectAll(await checkAll(b, people), 200)
    expect(b.sessions.commands()).toBe(0)
  }

  test('answers nothing while Redis is away, and admits nobody who was ended meanwhile', async () => {
    await start({ store: 'redis', env })
    const people = await crowd(a.url(), 8)
    const [left, renewed, signedOutHere, ...stayed] = people as [Person, Person, Person, ...Person[]]
    for (let round = 0; round < 3; round++) {
      await warm(round === 0 ? people : stayed)
      await b.sessions.refuse()
      // It may have asked before it heard of the reset; whoever asks after an answer meets a server that heard.
      await ask(b.url(), 'GET', '/livez')
      const away = await checkAll(b, stayed)
      expectAll(away, 503)
      expect(slowest(away)).toBeLessThan(AWAY_MS)
      expect((await ask(b.url(), 'GET', '/readyz')).status).toBe(503)
      if (round === 0) {
        expect((await signOut(a.url(), left)).status).toBe(200)
        told(await renew(a.url(), renewed))
        expect((await signOut(b.url(), signedOutHere)).status).toBe(503)
      }
      await b.sessions.accept()
      await until('B is back', async () => {
        const [first, ...gone] = await checkAll(b, [stayed[0] as Person, left, renewed])
        for (const { status } of gone) expect([401, 503]).toContain(status)
        return first?.status === 200
      })
      expectAll(await checkAll(b, [left, renewed]), 401)
      expectAll(await checkAll(b, stayed), 200)
    }
    expect((await signOut(b.url(), signedOutHere)).status).toBe(200)
    expectAll([...(await checkAll(a, [signedOutHere])), ...(await checkAll(b, [signedOutHere]))], 401)
  })

  test('forgets everybody when Redis does', async () => {
    const redis = await startRedis()
    try {
      await start({ store: 'redis', env, engines: { redis: redis.url } })
      const people = await crowd(a.url(), 6)
      await warm(people)
      await redis.cli('flushall')
      await until('B heard of it', async () => (await check(b.url(), people[0] as Person)).status === 401, 1000)
      expectAll(await checkAll(b, people), 401)
      expect((await check(b.url(), told(await signIn(b.url(), people[0] as Person)))).status).toBe(200)

      const others = await crowd(a.url(), 6)
      await warm(others)
      await redis.restart()
      await ask(b.url(), 'GET', '/livez')
      await until('B is back', async () => {
        const { status } = await check(b.url(), others[0] as Person)
        expect([401, 503]).toContain(status)
        return status === 401
      })
      expectAll(await checkAll(b, others), 401)
    } finally {
      await fleet.stop()
      await redis.stop()
    }
  })
})

const STORES: FleetStore[] = ['postgres', 'redis']

describe.skipIf(LACKS_ENGINES).each(STORES)('stale checks while %s is away', store => {
  /** With the users beside the sessions both are away. */
  const leave = () => Promise.all([b.postgres.refuse(), b.redis?.refuse()])
  const back = () => Promise.all([b.postgres.accept(), b.redis?.accept()])

  describe('for 20 s', () => {
    beforeEach(() => start({ store, env: { PAWL_STALE_IF_ERROR: '20s', PAWL_METRICS: 'true' } }))

    test('serve who was just checked, and nobody this server ended', async () => {
      const people = await crowd(a.url(), 10)
      const [left, attempted, renewing, endedElsewhere, unseen, ...stayed] = people as [
        Person,
        Person,
        Person,
        Person,
        Person,
        ...Person[],
      ]
      const elsewhere = (await Promise.all([left, left].map(person => signIn(a.url(), person)))).map(told)
      expectAll(await checkAll(b, [...people.filter(person => person !== unseen), ...elsewhere]), 200)
      expect((await ask(b.url(), 'DELETE', '/sessions', { token: left.access })).status).toBe(200)
      expect((await signOut(b.url(), left)).status).toBe(200)
      expectAll(await checkAll(b, [left, ...elsewhere]), 401)
      expect(await counted(b, 'session.stale')).toBe(0)

      await leave()
      const served = await checkAll(b, [...stayed, attempted, renewing, endedElsewhere])
      expectAll(served, 200)
      expect(slowest(served)).toBeLessThan(AWAY_MS)
      for (const [index, { json }] of served.slice(0, stayed.length).entries()) {
        expect(json.data.user.email).toBe(stayed[index]?.email)
      }
      expect(await counted(b, 'session.stale')).toBe(served.length)
      // Never seen, or ended here before: nothing to serve.
      expectAll(await checkAll(b, [unseen, left, ...elsewhere]), 503)

      // What changes something is refused, and whoever wanted to be gone is not served from then on.
      const before = await counted(b, '503')
      const changes = [await renew(b.url(), renewing), await signOut(b.url(), attempted)]
      changes.push(await ask(b.url(), 'DELETE', '/session', { token: (stayed[0] as Person).access }))
      changes.push(await ask(b.url(), 'GET', '/sessions', { token: (stayed[1] as Person).access }))
      changes.push(await ask(b.url(), 'DELETE', '/sessions', { token: (stayed[2] as Person).access }))
      changes.push(await signIn(b.url(), stayed[3] as Person))
      expectAll(changes, 503)
      expect(await counted(b, '503')).toBe(before + changes.length)
      expectAll(await checkAll(b, [attempted, stayed[0] as Person]), 503)
      expect(await isReady(b)).toBe(false)

      // Another server ends it; this one cannot know, which is what was chosen, until the store is back.
      expect((await signOut(a.url(), endedElsewhere)).status).toBe(200)
      expect((await check(b.url(), endedElsewhere)).status).toBe(200)
      await back()
      const ms = await until('B is back', () => isReady(b), RECOVERY_MS)
      expectAll(await checkAll(b, [left, ...elsewhere, endedElsewhere]), 401)
      expectAll(await checkAll(b, [unseen, ...stayed.slice(1)]), 200)
      expect((await signOut(b.url(), attempted)).status).toBe(200)
      expectAll(await checkAll(b, [attempted]), 401)
      expect((await check(b.url(), told(await renew(b.url(), renewing)))).status).toBe(200)
      measured(`stale, ${store}`, { back: ms, unavailable: await counted(b, 'store.unavailable') })
    })
  })

  test('for a moment serve nobody after it', async () => {
    const staleMs = 1500
    await start({ store, env: { PAWL_STALE_IF_ERROR: `${staleMs}ms` } })
    const [person, ended] = (await crowd(a.url(), 2)) as [Person, Person]
    const asked = performance.now()
    expectAll(await checkAll(b, [person, ended]), 200)
    const known = performance.now()
    await leave()
    let served = 0
    await until('it is not served any more', async () => {
      const now = performance.now()
      const { status } = await check(b.url(), person)
      expect([200, 503]).toContain(status)
      if (status === 503) return true
      served++
      expect(now).toBeLessThan(known + staleMs)
      return false
    })
    expect(served).toBeGreaterThan(0)
    expect(performance.now()).toBeGreaterThan(asked + staleMs)
    expect((await check(b.url(), person)).status).toBe(503)
    expect((await signOut(a.url(), ended)).status).toBe(200)
    await back()
    await until('B is back', () => isReady(b))
    expectAll(await checkAll(b, [ended]), 401)
    expectAll(await checkAll(b, [person]), 200)
  })
})
