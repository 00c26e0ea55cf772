import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { type Postgres, type Redis, startPostgres, startRedis } from '../support/engines.js'
import { type Fleet, type FleetNode, type FleetStore, startFleet } from '../support/fleet.js'
import { registrationForm } from '../support/guide.js'
import {
  type Asked,
  AWAY_MS,
  ask,
  FORGED,
  measured,
  openConnections,
  RECOVERY_MS,
  slowest,
  statuses,
  until,
} from './answers.js'
import { startLoad } from './load.js'
import { check, newPeople, type Person, renew, signIn, signOut, told } from './people.js'

/** Connections that one server may hold to where sessions are: its pool, or one. */
const MOST_CONNECTIONS = { postgres: 10, redis: 1 }
/** More than may wait for a connection. */
const FLOOD = 1200

/** A store that is refused, silent, stopped, slow, late and flapping, seen through a server that runs all the time. */
export function describeStoreFaults(store: FleetStore): void {
  const lacks = inject('pawlPostgres') === null || inject('pawlRedis') === null
  describe.skipIf(lacks)(`a server with sessions in ${store}`, () => {
    let engine: Postgres | Redis
    let fleet: Fleet
    let node: FleetNode
    let url: string
    const network = () => node.sessions

    beforeAll(async () => {
      engine = await (store === 'postgres' ? startPostgres() : startRedis())
      fleet = await startFleet({ store, engines: { [store]: engine.url } })
      node = fleet.nodes[0] as FleetNode
      url = node.url()
    })
    afterEach(async () => {
      await engine.signal('SIGCONT')
      await network().pass()
    })
    afterAll(async () => {
      await fleet?.stop()
      await engine?.stop()
    })

    /** Everything that needs the store, at once, each by a session of its own. */
    function askAll([a, b, c, d]: readonly Person[]): Promise<Asked[]> {
      const [reader, renewer, leaver, comer] = [a, b, c, d] as [Person, Person, Person, Person]
      return Promise.all([
        check(url, reader),
        ask(url, 'GET', '/protected', { token: reader.access }),
        ask(url, 'GET', '/sessions', { token: reader.access }),
        renew(url, renewer),
        signOut(url, leaver),
        ask(url, 'DELETE', '/session', { token: leaver.access }),
        signIn(url, comer),
        ask(url, 'POST', '/registration', { body: registrationForm(`late-${performance.now()}@example.com`) }),
      ])
    }

    /** What holds while the store is away, whatever the way. Gives the ms of the slowest answer. */
    async function expectAway(people: readonly Person[]): Promise<number> {
      const needing = await askAll(people)
      expect(statuses(needing)).toEqual(needing.map(() => 503))
      expect(slowest(needing)).toBeLessThan(AWAY_MS)
      const forged = await ask(url, 'GET', '/session', { token: FORGED })
      expect([401, 503]).toContain(forged.status)
      expect([401, 503]).toContain((await ask(url, 'GET', '/session')).status)
      const ready = await ask(url, 'GET', '/readyz')
      expect(ready.status).toBe(503)
      expect(ready.ms).toBeLessThan(AWAY_MS)
      expect((await ask(url, 'GET', '/livez')).status).toBe(200)
      expect(node.server().child.exitCode).toBeNull()
      return slowest([...needing, ready])
    }

    /** Waits until it works again, looks at everything, and gives the ms it took. */
    async function expectBack([reader, renewer, leaver, comer]: readonly Person[]): Promise<number> {
      const works = async () => {
        const answers = [await check(url, reader as Person), await ask(url, 'GET', '/readyz')]
        for (const { status } of answers) expect([200, 503]).toContain(status)
        return answers.every(({ status }) => status === 200)
      }
      const ms = await until(`${store} is back`, works, RECOVERY_MS)
      expect((await check(url, renewer as Person)).status).toBe(200)
      const renewed = told(await renew(url, renewer as Person))
      expect((await check(url, renewed)).status).toBe(200)
      const came = told(await signIn(url, comer as Person))
      expect((await check(url, came)).status).toBe(200)
      expect((await signOut(url, leaver as Person)).status).toBe(200)
      expect((await check(url, leaver as Person)).status).toBe(401)
      return ms
    }

    /** Nobody with a live token was ever refused, and nobody waited too long. */
    function expectOnlyDelayed(answers: readonly Asked[]): void {
      for (const { status } of answers) expect([200, 503]).toContain(status)
      expect(slowest(answers)).toBeLessThan(AWAY_MS)
    }

    test('slow: it takes longer, nothing is asked twice, and past the deadline it is 503', async () => {
      const people = await newPeople(url, 6)
      const [reader, renewer, comer] = people as [Person, Person, Person]
      let pair = renewer
      const counted = async (what: () => Promise<Asked>) => {
        network().resetCount()
        const answer = await what()
        return { ...answer, commands: network().commands() }
      }
      const round = async () => {
        const read = await counted(() => check(url, reader))
        const renewed = await counted(() => renew(url, pair))
        pair = { ...pair, ...told(renewed) }
        return [read, renewed, await counted(() => signIn(url, comer))]
      }
      await round()
      const quick = await round()
      for (const rttMs of [50, 200]) {
        network().delay(rttMs / 2)
        const slow = await round()
        expect(statuses(slow)).toEqual([200, 200, 200])
        expect(slow.map(({ commands }) => commands)).toEqual(quick.map(({ commands }) => commands))
        // A sign-in asks some at once: what counts tries.
        const rounds = slow.map(({ commands }, index) => (index < 2 ? commands : commands / 2))
        for (const [index, { ms }] of slow.entries()) {
          expect(ms).toBeGreaterThanOrEqual(0.9 * (rounds[index] as number) * rttMs)
        }
        const together = await Promise.all(Array.from({ length: 5 }, () => check(url, reader)))
        expect(statuses(together)).toEqual(together.map(() => 200))
        measured(`${store} at ${rttMs} ms`, {
          check: slow[0]?.ms ?? 0,
          renew: slow[1]?.ms ?? 0,
          signIn: slow[2]?.ms ?? 0,
        })
      }

      // The write is sent once; nobody knows what became of it, and nobody sends it again.
      const leaver = people[5] as Person
      network().delay(400)
      const late = await counted(() => signOut(url, leaver))
      expect(late.status).toBe(503)
      expect(late.ms).toBeLessThan(AWAY_MS)
      await pause(1000)
      expect(network().commands()).toBe(1)
      const away = await expectAway([reader, pair, people[3] as Person, comer])
      await network().pass()
      const back = await expectBack([reader, pair, people[4] as Person, comer])
      expect((await signOut(url, leaver)).status).toBe(200)
      expect((await check(url, leaver)).status).toBe(401)
      measured(`${store} at 800 ms`, { signOut: late.ms, away, back })
    })

    test('refused: 503 at once for whoever needs it, and no restart is needed', async () => {
      const people = await newPeople(url, 10)
      const load = startLoad(node.url, people.slice(4))
      await until('the load runs', () => load.answers.length > 20)
      await network().refuse()
      const away = Math.max(await expectAway(people), await expectAway(people), await expectAway(people))
      await pause(1500)
      await expectAway(people)
      await network().accept()
      const back = await expectBack(people)
      const answers = await load.stop()
      expectOnlyDelayed(answers)
      expect(answers.some(({ status }) => status === 503)).toBe(true)
      measured(`${store} refused`, { away, load: slowest(answers), back })
    })

    test('silent: 503 by the deadline, what waits is bounded, and no restart is needed', async () => {
      const people = await newPeople(url, 10)
      const load = startLoad(node.url, people.slice(4))
      await until('the load runs', () => load.answers.length > 20)
      network().silence()
      const accepted = network().accepted()
      const away = await expectAway(people)
      const flood = await Promise.all(
        Array.from({ length: FLOOD }, (_, index) => check(url, people[index % 4] as Person)),
      )
      expect(statuses(flood)).toEqual(flood.map(() => 503))
      expect(slowest(flood)).toBeLessThan(AWAY_MS)
      await expectAway(people)
      await pause(1500)
      expect(openConnections(network().port)).toBeLessThanOrEqual(MOST_CONNECTIONS[store])
      const attempts = network().accepted() - accepted
      await network().pass()
      const back = await expectBack(people)
      const answers = await load.stop()
      expectOnlyDelayed(answers)
      measured(`${store} silent`, { away, flood: slowest(flood), load: slowest(answers), attempts, back })
    })

    test('stopped: the process of the store hangs, and goes on', async () => {
      const people = await newPeople(url, 10)
      const load = startLoad(node.url, people.slice(4))
      await until('the load runs', () => load.answers.length > 20)
      await engine.signal('SIGSTOP')
      const accepted = network().accepted()
      const started = performance.now()
      const away = await expectAway(people)
      await until('it hung for some seconds', () => performance.now() - started > 3000)
      expect(openConnections(network().port)).toBeLessThanOrEqual(MOST_CONNECTIONS[store])
      const leaver = people[2] as Person
      const attempts = network().accepted() - accepted
      await engine.signal('SIGCONT')
      const back = await until('it is back', async () => (await check(url, people[0] as Person)).status === 200)
      // Told 503, and it may have happened: what was in the pipe was done when the store went on.
      expect((await signOut(url, leaver)).status).toBe(200)
      expect((await check(url, leaver)).status).toBe(401)
      await expectBack([people[0], people[1], people[3], people[3]] as Person[])
      const answers = await load.stop()
      expectOnlyDelayed(answers)
      measured(`${store} stopped`, { away, attempts, load: slowest(answers), back })
    })

    test('late: no answer ever names somebody else', async () => {
      const people = await newPeople(url, 40)
      let named = 0
      const everybody = async () => {
        const answers = await Promise.all(
          people.map(async person => {
            const answer = await check(url, person)
            expect([200, 503]).toContain(answer.status)
            if (answer.status === 200) {
              expect(answer.json.data.user.email).toBe(person.email)
              named++
            }
            return answer
          }),
        )
        return answers.filter(({ status }) => status === 503).length
      }
      expect(await everybody()).toBe(0)
      let late = 0
      for (const frozenMs of [300, 450, 520, 600, 900]) {
        network().freeze()
        const waiting = everybody()
        await pause(frozenMs)
        network().thaw()
        // While the replies come that were held back, others ask already.
        const others = [everybody(), everybody()]
        late += await waiting
        for (const each of others) late += await each
        await until('all are answered', async () => (await everybody()) === 0)
      }
      expect(late).toBeGreaterThan(0)
      measured(`${store} late`, { named, late })
    })

    test('flapping: bounded attempts to connect, and then it works', async () => {
      const people = await newPeople(url, 10)
      const load = startLoad(node.url, people.slice(4))
      await until('the load runs', () => load.answers.length > 20)
      const before = network().accepted()
      const windows = 8
      for (let window = 0; window < windows; window++) {
        await network().refuse()
        await pause(300)
        await network().accept()
        await pause(300)
      }
      const attempts = network().accepted() - before
      expect(attempts).toBeLessThanOrEqual(windows * MOST_CONNECTIONS[store] * 2)
      const back = await expectBack(people)
      const answers = await load.stop()
      expectOnlyDelayed(answers)
      expect(node.server().child.exitCode).toBeNull()
      measured(`${store} flapping`, { attempts, load: slowest(answers), back })
    })
  })
}
