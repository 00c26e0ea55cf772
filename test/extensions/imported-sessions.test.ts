import { describe, expect, test } from 'vitest'
import { sessionKeeper } from '../../src/cli/import/sessions.js'
import { importedSessions } from '../../src/extensions/imported-sessions/imported-sessions.js'
import { PURPOSE } from '../../src/extensions/imported-sessions/token-key.js'
import type { KeyValueStore, Store } from '../../src/index.js'
import { fifty, testClock } from '../../src/testing/suite.js'
import { testAuth } from '../../src/testing/test-auth.js'
import { deriveKey } from '../../src/tokens/token.js'
import { sqlUsers } from '../../src/users/sql.js'
import { betterAuthDump, phoenixDump, supabaseDump } from '../cli/import/fixtures.js'
import { fileOf, importInto } from '../cli/import/imports.js'
import { newDatabase } from '../support/database.js'
import { STORES } from '../support/stores.js'

const SECRET = 'a secret for tests, and for tests alone'
const TOKEN = 'tokenOfUserOneTokenOfUserOne0001'
const DAY_MS = 86_400_000

/** An auth whose one user has a session from before the move. */
async function moved({
  store,
  secret = SECRET as string | string[],
}: {
  store?: Store
  secret?: string | string[]
} = {}) {
  const made = testAuth({ secret, extensions: [importedSessions()], ...(store && { store }) })
  const user = await made.auth.system.createUser({ email: 'one@example.com', password: 'secret1234' })
  const account = await made.auth.users.findById(user.id)
  const keeper = (tenant = '') =>
    sessionKeeper(made.auth.store.values, { key: deriveKey(SECRET, PURPOSE), tenant, now: made.clock.now })
  const keep = async () => {
    const session = { userId: user.id, token: TOKEN, expiresAt: made.clock.now() + DAY_MS }
    const now = await made.auth.users.findById(user.id)
    return keeper()([session], now ? [now] : account ? [account] : [])
  }
  expect(await keep()).toBe(1)
  const exchange = (token: unknown) => made.request('POST', '/session/import', { json: { token } })
  return { ...made, user, exchange, keep, keeper }
}

test('an old token buys a session that works, once', async () => {
  const { exchange, request, events, user } = await moved()
  const { status, body } = await exchange(TOKEN)
  expect(status).toBe(200)
  const session = await request('GET', '/session', { token: body.data.access_token })
  expect(session.body.data.user.id).toBe(user.id)
  expect(events.find(({ name }) => name === 'session.created')).toMatchObject({ userId: user.id })
  const again = await exchange(TOKEN)
  expect(again.status).toBe(401)
  expect(again.body.error.reason ?? again.body.error.code).toMatch(/invalid_token/)
})

test('a cookie of Better Auth is taken as it is, with its signature and in its spelling', async () => {
  const { exchange } = await moved()
  expect((await exchange(`${TOKEN}.c2lnbmF0dXJl%2B%3D`)).status).toBe(200)
})

test('what is no token is 401, and one that is over too', async () => {
  const { exchange, clock, request } = await moved()
  for (const token of [undefined, null, '', 1, [TOKEN], { token: TOKEN }, `${TOKEN}x`, 'x'.repeat(5000), '%', '.']) {
    expect((await exchange(token)).status).toBe(401)
  }
  expect((await request('POST', '/session/import', {})).status).not.toBe(200)
  clock.advance(DAY_MS)
  expect((await exchange(TOKEN)).status).toBe(401)
})

test('whoever is suspended stays out, and whoever is gone', async () => {
  const { exchange, auth, user } = await moved()
  await auth.system.suspend(user.id)
  expect((await exchange(TOKEN)).status).toBeGreaterThanOrEqual(401)
  const other = await moved()
  await other.auth.system.deleteUser(other.user.id)
  expect((await other.exchange(TOKEN)).status).toBe(401)
})

test('a new password ends the sessions of before as well, and no second import brings them back', async () => {
  const { exchange, auth, user, keep } = await moved()
  await auth.system.setPassword(user.id, 'another1234')
  expect((await exchange(TOKEN)).status).toBe(401)
  expect(await keep()).toBe(0)
  expect((await exchange(TOKEN)).status).toBe(401)
})

test('a second import does not make a used token good again', async () => {
  const { exchange, keep } = await moved()
  expect((await exchange(TOKEN)).status).toBe(200)
  expect(await keep()).toBe(0)
  expect((await exchange(TOKEN)).status).toBe(401)
})

test('a token is good after the secret was rotated, and not with another secret', async () => {
  const rotated = await moved({ secret: ['another secret for tests, for tests alone', SECRET] })
  expect((await rotated.exchange(TOKEN)).status).toBe(200)
  const other = await moved({ secret: 'another secret for tests, for tests alone' })
  expect((await other.exchange(TOKEN)).status).toBe(401)
})

test('a tenant’s token is nobody’s in another', async () => {
  const { auth, exchange, keeper, clock, user } = await moved()
  const account = await auth.users.findById(user.id)
  const session = { userId: user.id, token: 'tokenOfAcme', expiresAt: clock.now() + DAY_MS }
  await keeper('acme')([session], account ? [account] : [])
  expect((await exchange('tokenOfAcme')).status).toBe(401)
})

test('neither the token nor its plain hash is in the store, and a store that is away loses nothing', async () => {
  const kept = new Map<string, unknown>()
  const { store } = await (STORES[0] as (typeof STORES)[number]).make({ now: testClock().now })
  let isAway = false
  const values: KeyValueStore = {
    ...store.values,
    put: (key, value, ttlMs) => {
      kept.set(key, value)
      return store.values.put(key, value, ttlMs)
    },
    take(key) {
      if (isAway) throw new Error('away')
      return store.values.take(key)
    },
  }
  const { exchange } = await moved({ store: { ...store, values } })
  expect(JSON.stringify([...kept])).not.toContain(TOKEN)
  isAway = true
  expect((await exchange(TOKEN)).status).toBe(503)
  isAway = false
  expect((await exchange(TOKEN)).status).toBe(200)
})

describe.each(STORES)('on $name', ({ make }) => {
  test('of fifty that exchange one token exactly one gets a session', async () => {
    const { store } = await make({ now: testClock().now })
    const { exchange } = await moved({ store })
    const statuses = (await fifty(() => exchange(TOKEN))).map(({ status }) => status)
    expect(statuses.filter(status => status === 200)).toHaveLength(1)
    expect(statuses.filter(status => status === 401)).toHaveLength(49)
  })
})

test('sessions come with the users they are of: of Better Auth, Phoenix and Supabase', async () => {
  for (const [from, dump, tokens, count] of [
    ['better-auth', betterAuthDump, [TOKEN, 'tokenOfUserOneTokenOfUserOne0002', 'tokenOfBannedTokenOfBanned000003'], 1],
    [
      'phoenix',
      phoenixDump,
      [
        Buffer.alloc(32, 0xab).toString('base64url'),
        Buffer.alloc(32, 0xcd).toString('base64url'),
        Buffer.alloc(32, 0xef).toString('base64url'),
        Buffer.alloc(32, 0x0f).toString('base64url'),
      ],
      1,
    ],
    ['supabase', supabaseDump, ['newTokenOfAda', 'oldTokenOfAda'], 1],
  ] as const) {
    const database = await newDatabase()
    const { auth, request, clock } = testAuth({ users: sqlUsers(database), extensions: [importedSessions()] })
    const keepSession = sessionKeeper(auth.store.values, {
      key: deriveKey(SECRET, PURPOSE),
      tenant: '',
      now: clock.now,
    })
    const time = new Date(clock.now() - DAY_MS).toISOString().slice(0, 19).replace('T', ' ')
    const path = fileOf(dump.replaceAll('@@NOW@@', time))
    const { counts, lines } = await importInto(database, [`--from=${from}`, path], { keepSession, now: clock.now })
    expect([from, counts.sessions]).toEqual([from, count])
    const statuses = []
    for (const token of tokens) statuses.push((await request('POST', '/session/import', { json: { token } })).status)
    expect([from, statuses]).toEqual([from, [200, ...tokens.slice(1).map(() => 401)]])
    for (const token of tokens) expect(JSON.stringify(lines)).not.toContain(token)
  }
})
