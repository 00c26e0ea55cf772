import { describe, expect, test } from 'vitest'
import { rateLimits } from '../../src/extensions/rate-limits/rate-limits.js'
import { createAuth, memoryStore, type Store } from '../../src/index.js'
import { sqliteStore } from '../../src/stores/sqlite.js'
import { cheapHasher, testAuth, testClock, testExchange } from '../../src/testing/index.js'
import { newDatabase } from '../support/database.js'
import { AWAY, HOME, PASSWORD } from '../support/limits.js'
import { STORES } from '../support/stores.js'

const SECRET = 'a secret for tests, and for tests alone'
const LIMITS = { signIn: { account: '10/10m' } } as const

/** Two auths on one store, as two servers have them; and how often either compared a password. */
async function two(kind: (typeof STORES)[number]) {
  const { now } = testClock()
  const { store, users } = await kind.make({ now })
  const cheap = cheapHasher()
  let compared = 0
  const auth = () =>
    createAuth({
      secret: SECRET,
      store,
      users,
      now,
      // The machine that runs the tests is busy.
      deadlineMs: 20_000,
      extensions: [rateLimits(LIMITS)],
      hasher: {
        hash: cheap.hash,
        verify(password, hash) {
          compared++
          return cheap.verify(password, hash)
        },
      },
    })
  const auths = [auth(), auth()]
  async function post(index: number, path: string, user: object, address: string) {
    const exchange = testExchange('POST', `/api/v1${path}`, { json: { user }, address })
    return (await (auths[index % 2] as (typeof auths)[0]).respond(exchange)).status
  }
  const me = { email: 'me@example.com', password: PASSWORD, password_confirmation: PASSWORD }
  expect(await post(0, '/registration', me, HOME)).toBe(200)
  return {
    comparedIn: async (run: () => Promise<unknown>) => {
      compared = 0
      await run()
      return compared
    },
    /** So many wrong passwords at once, over both. */
    burst: (email: string, count: number, address: (index: number) => string) =>
      Promise.all(
        Array.from({ length: count }, (_, index) =>
          post(index, '/session', { email, password: `wrong ${index}` }, address(index)),
        ),
      ),
    signIn: (index: number, address: string) =>
      post(index, '/session', { email: me.email, password: PASSWORD }, address),
  }
}

describe.each(STORES)('on $name', kind => {
  test('of 200 wrong passwords at once over two servers, ten are compared', async () => {
    const { burst, comparedIn, signIn } = await two(kind)
    for (const [email, address] of [
      ['me@example.com', (index: number) => `192.0.2.${index}`],
      ['nobody@example.com', (index: number) => `192.0.2.${index}`],
      // Where the owner signed in.
      ['me@example.com', () => HOME],
    ] as const) {
      const statuses: number[] = []
      const compared = await comparedIn(async () => statuses.push(...(await burst(email, 200, address))))
      expect(compared).toBe(10)
      expect(statuses.filter(status => status === 401)).toHaveLength(10)
      expect(statuses.filter(status => status === 429)).toHaveLength(190)
    }
    expect([await signIn(0, AWAY), await signIn(1, AWAY), await signIn(0, HOME)]).toEqual([429, 429, 429])
  })

  test('a success on one server forgets what the other counted', async () => {
    const { burst, signIn } = await two(kind)
    for (let round = 0; round < 3; round++) {
      expect(await burst('me@example.com', 9, () => AWAY)).not.toContain(429)
      expect(await signIn(round, AWAY)).toBe(200)
    }
  })
})

/** Tries with an identifier and an address of their own each: a /64 out of a /32. */
function flooder(store: Store, now: () => number) {
  const account = ['60/10m', '100/24h'] as const
  const extensions = [rateLimits({ signIn: { account, global: '100000000/10m' } })]
  const { auth } = testAuth({ store, now, onEvent: () => {}, identifiers: ['email', 'username'], extensions })
  return async (count: number) => {
    for (let index = 0; index < count; index++) {
      const address = `2001:db8:${(index & 0xffff).toString(16)}:${(index >>> 16).toString(16)}::1`
      const ctx = await auth.open(testExchange('POST', '/x', { address }))
      await auth.accounts.authenticate(ctx, { email: `p${index}@example.com`, password: 'wrong' }).catch(() => {})
    }
  }
}

/** How many keys there can be of a kind: blocks and networks, names in ten minutes and in a day, all. */
const PLACES: Readonly<Record<string, number>> = {
  'sb 600': 65_536,
  'sw 600': 65_536,
  'n 600': 65_536,
  'n 86400': 262_144,
  'd 600': 4096,
  'd 86400': 4096,
  'sg 600': 1,
}

// A million come to no more keys and 120 MB, and take a minute or two: so many show that they share them.
test('a flood of addresses and names shares a fixed number of keys, and drives nothing else out', async () => {
  const { now } = testClock()
  const store = memoryStore({ now })
  await store.values.put('reset:token', { userId: 'me' }, 3_600_000)
  const keys = new Map<string, Set<string>>()
  const values = {
    ...store.values,
    increment(key: string, ttlMs: number) {
      const [, tag = '', ms = ''] = key.split(':')
      const kind = `${tag} ${Number.parseInt(ms, 36) / 1000}`
      keys.set(kind, (keys.get(kind) ?? new Set()).add(key))
      return store.values.increment(key, ttlMs)
    },
  }
  await flooder({ ...store, values }, now)(70_000)
  expect([...keys.keys()].sort()).toEqual(Object.keys(PLACES).sort())
  for (const [kind, { size }] of keys) expect(size, kind).toBeLessThanOrEqual(PLACES[kind] as number)
  // Without sharing there were 70,000 of each.
  expect(keys.get('n 600')?.size).toBeLessThan(50_000)
  expect(keys.get('d 86400')?.size).toBe(4096)
  expect(await store.values.get('reset:token')).toEqual({ userId: 'me' })
})

test('counters in a database go once they are over', async () => {
  const clock = testClock()
  const database = await newDatabase()
  await database.prepare('pragma synchronous = off').run()
  const flood = flooder(sqliteStore(database, { now: clock.now }), clock.now)
  const rows = async () => Number((await database.prepare('select count(*) as n from pawl_values').get())?.n)
  await flood(2000)
  expect(await rows()).toBeGreaterThan(10_000)
  clock.advance(2 * 86_400_000)
  await flood(50)
  expect(await rows()).toBeLessThan(500)
})

test('while the store is away a try is 503, nothing is compared, and nobody is told of a limit', async () => {
  const { now } = testClock()
  const store = memoryStore({ now })
  let isAway = false
  const values = Object.fromEntries(
    Object.entries(store.values).map(([name, verb]) => [
      name,
      async (...args: never[]) => {
        if (isAway) throw new Error('connection refused')
        return (verb as (...sent: never[]) => unknown)(...args)
      },
    ]),
  ) as unknown as Store['values']
  let compared = 0
  const cheap = cheapHasher()
  const hasher = {
    hash: cheap.hash,
    verify(password: string, hash: string | null) {
      compared++
      return cheap.verify(password, hash)
    },
  }
  const { request, events } = testAuth({ store: { ...store, values }, now, hasher, extensions: [rateLimits(LIMITS)] })
  const user = { email: 'me@example.com', password: PASSWORD, password_confirmation: PASSWORD }
  const token = (await request('POST', '/registration', { json: { user } })).body.data.access_token
  isAway = true
  const answers = await Promise.all([
    request('POST', '/session', { json: { user } }),
    request('POST', '/session', { json: { user: { ...user, email: 'no@example.com' } } }),
    request('POST', '/registration', { json: { user: { ...user, email: 'new@example.com' } } }),
    request('POST', '/session/reauthenticate', { json: { user }, token }),
    request('PATCH', '/registration', {
      json: { user: { current_password: PASSWORD, email: 'x@example.com' } },
      token,
    }),
  ])
  expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503])
  expect(answers[0]?.headers['retry-after']).toBe('1')
  expect(compared).toBe(0)
  expect(events.map(({ name }) => name)).not.toContain('rate_limits.exceeded')
  expect((await request('GET', '/session', { token })).status).toBe(200)
  isAway = false
  expect((await request('POST', '/session', { json: { user } })).status).toBe(200)
})
