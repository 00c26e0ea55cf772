import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { type Fleet, type FleetNode, type FleetStore, startFleet } from '../support/fleet.js'
import { PASSWORD, type Pair, register } from '../support/guide.js'
import { keepAliveClient, type Reply, type ReplyOptions } from '../support/keep-alive.js'
import { measured, until } from './answers.js'
import { HAS_ENGINES } from './two-servers.js'

const OLD = 'the old secret that everybody has had for years'
const NEW = 'the new secret that takes the place of the old one'
const STORES: FleetStore[] = HAS_ENGINES ? ['postgres', 'redis'] : []
const CLIENTS = 6
/** The client that checks and never renews: a token of before is good for as long as it lives. */
const IDLE = CLIENTS - 1
const PATIENCE_MS = 20_000
const ENV = { PAWL_STORE_DEADLINE: '10s', PAWL_SECRET: OLD }

/** A connection that failed before anything of an answer came: the request goes to the next node. */
interface Retry {
  readonly node: number
  readonly code: string
  /** The node was being restarted while the request was under way. */
  readonly isExplained: boolean
}

/** Nodes behind a balancer that sends each request to the next one. */
function balanced(fleet: Fleet) {
  const client = keepAliveClient()
  const retries: Retry[] = []
  const { nodes } = fleet
  let turn = 0
  /** When the last restart of each was over; infinite while one lasts. */
  const restartedAt = nodes.map(() => 0)
  return {
    retries,
    close: client.close,
    async send(method: string, path: string, options: ReplyOptions): Promise<Reply & { node: number }> {
      for (;;) {
        const node = turn++ % nodes.length
        const sentAt = performance.now()
        try {
          return { node, ...(await client.send(`${nodes[node]?.url()}/api/v1`, method, path, options)) }
        } catch (error) {
          const { code = '' } = error as { code?: string }
          if (!['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(code)) throw error
          retries.push({ node, code, isExplained: (restartedAt[node] as number) >= sentAt })
        }
      }
    },
    async restart(index: number, env: Record<string, string>): Promise<void> {
      restartedAt[index] = Number.POSITIVE_INFINITY
      await (nodes[index] as FleetNode).restart({ env })
      restartedAt[index] = performance.now()
    },
  }
}

type Balanced = ReturnType<typeof balanced>

interface Unexpected {
  readonly asked: string
  readonly status: number
  readonly node: number
  readonly text: string
}

/** People who check, renew, sign out and in again, until they are told to stop. */
function startLoad({ send }: Balanced, pairs: readonly Pair[]) {
  const unexpected: Unexpected[] = []
  const asked = { checks: 0, renewals: 0, 'sign-outs': 0, 'sign-ins': 0 }
  /** Renewals and sign-ins of each. */
  const renewed = pairs.map(() => 0)
  let running = true
  let idling = true

  async function person(pair: Pair, index: number): Promise<void> {
    const email = emailOf(index)
    let { access, renewal } = pair
    let step = index
    const ask = async (method: string, path: string, options: ReplyOptions, expected = 200) => {
      const { status, text, node } = await send(method, path, options)
      if (status !== expected) unexpected.push({ asked: `${method} ${path}`, status, node, text })
      const { data } = JSON.parse(text)
      if (status !== 200 || !data.access_token) return
      access = data.access_token
      renewal = data.renewal_token
      renewed[index] = (renewed[index] as number) + 1
    }
    const signIn = () => ask('POST', '/session', { json: { user: { email, password: PASSWORD } } })
    while (running && (index !== IDLE || idling)) {
      step++
      const kind = index === IDLE ? 0 : step % 30
      if (kind === 29) {
        const token = access
        await ask('DELETE', '/session', { token })
        await ask('GET', '/session', { token }, 401)
        asked['sign-outs']++
        await signIn()
        asked['sign-ins']++
      } else if (kind % 5 === 4) {
        await ask('POST', '/session/renew', { token: renewal, headers: { 'idempotency-key': `${index}-${step}` } })
        asked.renewals++
      } else {
        await ask('GET', '/session', { token: access })
        asked.checks++
      }
      await pause(2)
    }
  }

  const people = pairs.map(person)
  // Looked at by `stop`.
  for (const one of people) one.catch(() => {})
  return {
    unexpected,
    asked,
    /** Waits until all who renew have done so once more than when it is called. */
    async allRenewed() {
      const before = [...renewed]
      const hasRenewed = (count: number, index: number) => index === IDLE || count > (before[index] as number) + 1
      await until('everybody renewed', () => renewed.every(hasRenewed), PATIENCE_MS)
    },
    /** The last token of the old secret leaves the field. */
    async retireIdle() {
      idling = false
      await people[IDLE]
    },
    async stop() {
      running = false
      await Promise.all(people)
    },
  }
}

const emailOf = (index: number) => `person-${index}@example.com`

describe.each(STORES)('nodes on one %s behind a balancer', store => {
  let fleet: Fleet | null = null
  let balancer: Balanced | null = null
  afterEach(async () => {
    balancer?.close()
    await fleet?.stop()
  })

  async function start(size: number) {
    const started = await startFleet({ store, size, env: ENV })
    fleet = started
    const between = balanced(started)
    balancer = between
    const url = `${started.nodes[0]?.url()}/api/v1`
    const signUps = Array.from({ length: CLIENTS }, (_, index) => register(url, emailOf(index)))
    return { balancer: between, pairs: await Promise.all(signUps) }
  }

  test('ten restarts and a new secret in right order fail no request and refuse no live token', {
    timeout: 180_000,
  }, async () => {
    const { balancer, pairs } = await start(3)
    const { send, restart, retries } = balancer
    const load = startLoad(balancer, pairs)
    const roll = async (secret: string) => {
      for (const index of [0, 1, 2]) await restart(index, { PAWL_SECRET: secret })
    }
    await restart(0, { PAWL_SECRET: OLD })
    await roll(`${OLD},${NEW}`)
    await roll(`${NEW},${OLD}`)
    await load.allRenewed()
    await load.retireIdle()
    await roll(NEW)
    await load.allRenewed()
    await load.stop()
    expect(load.unexpected).toEqual([])
    // The old secret is gone at last, so there was something to lose all the time.
    expect((await send('GET', '/session', { token: pairs[IDLE]?.access as string })).status).toBe(401)

    expect(retries.filter(({ isExplained }) => !isExplained)).toEqual([])
    expect(retries).not.toEqual([])
    measured(`rolling on ${store}`, { ...load.asked, retries: retries.length })
  })

  test('a node that signs with a new secret before others know it makes them refuse live tokens', async () => {
    const { balancer, pairs } = await start(2)
    const load = startLoad(balancer, pairs)
    await balancer.restart(0, { PAWL_SECRET: `${NEW},${OLD}` })
    await until('somebody is refused', () => load.unexpected.length > 0, PATIENCE_MS)
    await load.stop()
    const refused = load.unexpected.filter(({ status }) => status === 401)
    expect(new Set(refused.map(({ node }) => node))).toEqual(new Set([1]))
    // A sign-out at the node that cannot read the token ends nothing, and the token is good at the other still.
    const others = load.unexpected.filter(({ status }) => status !== 401)
    for (const { asked, status, node } of others) expect(`${asked} ${status} ${node}`).toBe('GET /session 200 0')
  })
})
