import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { fifty } from '../support/fifty.js'
import { type Fleet, type FleetStore, startFleet } from '../support/fleet.js'
import { type Pair, register } from '../support/guide.js'
import { keepAliveClient, type Reply } from '../support/keep-alive.js'

/** Rounds of fifty renewals on each store. A release is preceded by a thousand. */
const ROUNDS = Number(process.env.PAWL_TEST_ROUNDS ?? 200)
/** Sessions whose rounds run side by side, so that nobody waits for the network alone. */
const LANES = 8
const JITTER_MS = 20

const ENV = {
  // Hundreds of requests on two cores: slow is no failure here, and a late loser no thief.
  PAWL_STORE_DEADLINE: '10s',
  PAWL_RACE_WINDOW: '10m',
  PAWL_RETRY_WINDOW: '10m',
  PAWL_DATABASE_POOL: '20',
}

function pairOf({ text }: Reply): Pair {
  const { access_token, renewal_token } = JSON.parse(text).data
  return { access: access_token, renewal: renewal_token }
}

/** How many answers there were of each status. */
function counted(replies: readonly Reply[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status } of replies) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

const STORES: FleetStore[] =
  inject('pawlPostgres') === null || inject('pawlRedis') === null ? [] : ['postgres', 'redis']

describe.each(STORES)(`three servers on one %s, ${ROUNDS} rounds`, store => {
  const client = keepAliveClient()
  let fleet: Fleet
  beforeAll(async () => {
    fleet = await startFleet({ store, size: 3, env: ENV })
    for (const { sessions } of fleet.nodes) sessions.delay(0, JITTER_MS)
  })
  afterAll(async () => {
    client.close()
    await fleet.stop()
  })

  const send = (node: number, method: string, path: string, token: string, headers = {}) =>
    client.send(`${fleet.nodes[node % 3]?.url()}/api/v1`, method, path, { token, headers })

  /** Each on another node than the one before, beginning with any. */
  function renewals(token: string, headers = {}): Promise<Reply[]> {
    const first = Math.floor(Math.random() * 3)
    return fifty(index => send(first + index, 'POST', '/session/renew', token, headers))
  }

  /** On all nodes the new pair is live and the one before is not. */
  async function expectOnlyLive(pair: Pair, before: Pair): Promise<void> {
    const live = await Promise.all([0, 1, 2].map(node => send(node, 'GET', '/session', pair.access)))
    const dead = await Promise.all([0, 1, 2].map(node => send(node, 'GET', '/session', before.access)))
    expect([...live, ...dead].map(({ status }) => status)).toEqual([200, 200, 200, 401, 401, 401])
  }

  /** Runs all rounds, in several sessions side by side. Each round starts from the pair of the one before. */
  async function inLanes(round: (pair: Pair, name: string) => Promise<Pair>): Promise<number> {
    let done = 0
    let begun = 0
    const lane = async (_: unknown, number: number) => {
      const url = `${fleet.nodes[number % 3]?.url()}/api/v1`
      let pair = await register(url, `${round.name}-${number}@example.com`)
      while (begun < ROUNDS) {
        begun++
        pair = await round(pair, `${number}-${begun}`)
        done++
      }
    }
    await Promise.all(Array.from({ length: LANES }, lane))
    return done
  }

  const patience = { timeout: 60_000 + ROUNDS * 1000 }

  test('of fifty renewals of one token exactly one leaves a live pair', patience, async () => {
    const done = await inLanes(async function bare(before) {
      const replies = await renewals(before.renewal)
      expect(counted(replies)).toEqual({ 200: 1, 401: 49 })
      const won = pairOf(replies.find(({ status }) => status === 200) as Reply)
      await expectOnlyLive(won, before)
      return won
    })
    expect(done).toBe(ROUNDS)
  })

  test('with one shared Idempotency-Key all fifty get the same live pair', patience, async () => {
    const done = await inLanes(async function keyed(before, name) {
      const replies = await renewals(before.renewal, { 'idempotency-key': name })
      expect(counted(replies)).toEqual({ 200: 50 })
      expect(new Set(replies.map(({ text }) => text)).size).toBe(1)
      const pair = pairOf(replies[0] as Reply)
      await expectOnlyLive(pair, before)
      return pair
    })
    expect(done).toBe(ROUNDS)
  })
})
