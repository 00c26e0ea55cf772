import { afterEach, describe, expect, test } from 'vitest'
import { type Fleet, type FleetNode, startFleet } from '../support/fleet.js'
import { PASSWORD, type Pair, registrationForm } from '../support/guide.js'
import { openSignIns } from '../support/sign-ins.js'
import { type Asked, AWAY_MS, ask, measured, openConnections, slowest, statuses, until } from './answers.js'
import { check, renew, signIn, told } from './people.js'
import { crowd, LACKS_ENGINES, renewByKey } from './redis-servers.js'

const CHECKS = 170
const RENEWALS = 170
const SIGN_INS = 20

const form = (fields: Record<string, string>) =>
  new URLSearchParams(Object.entries(fields).map(([name, value]): [string, string] => [`user[${name}]`, value]))

function expectAll(answers: readonly Asked[], status: number): void {
  expect(statuses(answers)).toEqual(answers.map(() => status))
}

/** As `each`, ten at a time: no flood. */
async function calmly<T, R>(list: readonly T[], run: (one: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let from = 0; from < list.length; from += 10) {
    results.push(...(await each(list.slice(from, from + 10), (one, index) => run(one, from + index))))
  }
  return results
}

const each = <T, R>(list: readonly T[], run: (one: T, index: number) => Promise<R>) => Promise.all(list.map(run))

describe.skipIf(LACKS_ENGINES).each([1, 2])('a server with %i connections to PostgreSQL', size => {
  let fleet: Fleet
  let node: FleetNode
  let url: string

  async function start(env: Record<string, string> = {}): Promise<void> {
    fleet = await startFleet({ store: 'postgres', env: { PAWL_DATABASE_POOL: String(size), ...env } })
    node = fleet.nodes[0] as FleetNode
    url = node.url()
  }
  afterEach(() => fleet?.stop())

  /** So many with a session, made past the server. */
  async function people(count: number): Promise<Pair[]> {
    const signIns = await openSignIns(fleet.databaseUrl, 'postgres')
    const pairs = await each(Array.from({ length: count }), (_, index) => signIns.register(`pool-${index}@example.com`))
    await signIns.close()
    return pairs
  }

  test('a flood past what it can do is shed, and nothing is stuck or lost', async () => {
    await start()
    const comers = await crowd(url, SIGN_INS)
    const pairs = await people(CHECKS + RENEWALS)
    const readers = pairs.slice(0, CHECKS)
    let current = pairs.slice(CHECKS)
    for (const delayMs of [25, 50]) {
      node.postgres.delay(delayMs)
      const [checked, renewed, came] = await Promise.all([
        each(readers, pair => check(url, pair)),
        each(current, pair => renewByKey(url, pair, pair.renewal)),
        each(comers, person => signIn(url, person)),
      ])
      const answers = [...checked, ...renewed, ...came]
      for (const { status } of answers) expect([200, 503]).toContain(status)
      expect(slowest([...checked, ...renewed])).toBeLessThan(AWAY_MS)
      expect(openConnections(node.postgres.port)).toBeLessThanOrEqual(size)
      const shed = answers.filter(({ status }) => status === 503).length
      measured(`pool of ${size} at ${2 * delayMs} ms`, { of: answers.length, shed, slowest: slowest(answers) })

      await node.postgres.pass()
      await until('it works again', async () => (await check(url, readers[0] as Pair)).status === 200)
      // Whoever was told 503 asks once more, and it is as if they had been told at first.
      const before = current
      current = await calmly(current, async (pair, index) => {
        const answer = renewed[index] as Asked
        return told(answer.status === 200 ? answer : await renewByKey(url, pair, pair.renewal))
      })
      expectAll(await calmly([...readers, ...current], pair => check(url, pair)), 200)
      expectAll(await calmly(before, pair => check(url, pair)), 401)
      for (const person of comers.slice(0, 4))
        expect((await check(url, told(await signIn(url, person)))).status).toBe(200)
    }
  })

  test('all are served in the end by a server that is patient', async () => {
    await start({ PAWL_STORE_DEADLINE: '60s' })
    const comers = await crowd(url, 6)
    const pairs = await people(64)
    node.postgres.delay(25)
    const answers = await Promise.all([
      each(pairs.slice(0, 32), pair => check(url, pair)),
      each(pairs.slice(32), pair => renew(url, pair)),
      each(comers, person => signIn(url, person)),
    ])
    expectAll(answers.flat(), 200)
    measured(`patient pool of ${size}`, { slowest: slowest(answers.flat()) })
  })

  test('the guide’s flow passes', async () => {
    await start()
    node.postgres.delay(25)
    const email = 'test@example.com'
    const post = (path: string, body: URLSearchParams) => ask(url, 'POST', path, { body })
    const registered = told(await post('/registration', registrationForm(email)))
    expect((await post('/registration', registrationForm(email))).status).toBe(500)
    expect((await post('/registration', form({ email: 'invalid', password: PASSWORD }))).status).toBe(500)
    expect((await post('/session', form({ email, password: 'invalid' }))).status).toBe(401)
    const { access, renewal } = told(await post('/session', form({ email, password: PASSWORD })))
    expect((await ask(url, 'GET', '/protected', { token: access })).status).toBe(200)
    expect((await ask(url, 'GET', '/protected', { token: 'invalid' })).status).toBe(401)
    const renewed = told(await renew(url, { renewal }))
    expect((await renew(url, { renewal: 'invalid' })).status).toBe(401)
    expect((await check(url, { access })).status).toBe(401)
    expect((await ask(url, 'GET', '/sessions', { token: renewed.access })).json.data.sessions).toHaveLength(2)
    expect((await ask(url, 'DELETE', '/session', { token: renewed.access })).json).toEqual({ data: {} })
    for (const token of [access, renewed.access]) expect((await check(url, { access: token })).status).toBe(401)
    expect((await renew(url, renewed)).status).toBe(401)
    expect((await check(url, registered)).status).toBe(200)
    expect((await ask(url, 'GET', '/readyz')).status).toBe(200)
  })
})
