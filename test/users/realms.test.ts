import { describe, expect, test } from 'vitest'
import {
  type Clock,
  createAuth,
  type EndedSession,
  memoryStore,
  memoryUsers,
  type Store,
  type UserRepository,
} from '../../src/index.js'
import { type TestAuth, testAuth, testClock } from '../../src/testing/index.js'
import { sessionTag } from '../../src/tokens/random.js'
import { sqlUsers } from '../../src/users/sql.js'
import { STORES } from '../support/stores.js'
import { ENGINES, makeTable, SMALL } from '../support/tables.js'

const password = 'secret1234'
const ann = { email: 'ann@example.com', password, password_confirmation: password }
const PATIENT_MS = 20_000

/** Users with ids like those of a table's keys: the first of every auth has the same one. */
function countedUsers(): UserRepository {
  const kept = memoryUsers()
  let count = 0
  return { ...kept, insert: account => kept.insert({ ...account, id: String(++count) }) }
}

interface Realm extends TestAuth {
  register(key?: string): Promise<{ access_token: string; renewal_token: string }>
  statusOf(token: string, method?: string, path?: string): Promise<number>
}

function realmOn(
  store: Store,
  now: Clock,
  realm: string,
  options: Partial<Parameters<typeof createAuth>[0]> = {},
): Realm {
  const made = testAuth({ users: countedUsers(), store, now, deadlineMs: PATIENT_MS, realm, ...options })
  return {
    ...made,
    async register(key) {
      const headers = key === undefined ? {} : { 'idempotency-key': key }
      return (await made.request('POST', '/registration', { json: { user: ann }, headers })).body.data
    },
    statusOf: async (token, method = 'GET', path = '/session') => (await made.request(method, path, { token })).status,
  }
}

describe.each(STORES)('two on one store and one secret, on $name', ({ make }) => {
  async function two() {
    const clock = testClock()
    const { store } = await make(clock)
    const [admin, user] = [realmOn(store, clock.now, 'admin'), realmOn(store, clock.now, 'user')]
    return { clock, store, admin, user }
  }

  test('a token of one is nobody in the other, whatever their ids', async () => {
    const { admin, user } = await two()
    const [ofAdmin, ofUser] = [await admin.register(), await user.register()]
    const idOf = async (at: Realm) => (await at.auth.system.findUserBy(ann.email))?.id
    expect([await idOf(admin), await idOf(user)]).toEqual(['1', '1'])
    for (const [home, abroad, { access_token: token, renewal_token: renewal }] of [
      [admin, user, ofAdmin],
      [user, admin, ofUser],
    ] as const) {
      expect(await home.statusOf(token)).toBe(200)
      for (const each of [token, renewal]) {
        expect(await abroad.statusOf(each)).toBe(401)
        expect(await abroad.statusOf(each, 'POST', '/session/renew')).toBe(401)
        await abroad.statusOf(each, 'DELETE')
      }
      expect(await home.statusOf(token)).toBe(200)
      expect(await home.statusOf(renewal, 'POST', '/session/renew')).toBe(200)
    }
  })

  test('each lists and ends its own', async () => {
    const { admin, user, store } = await two()
    const [ofAdmin, ofUser] = [await admin.register(), await user.register()]
    const [theirs] = await user.auth.system.sessionsOf('1')
    const sessions = await admin.auth.system.sessionsOf('1')
    expect(sessions).toHaveLength(1)
    expect(sessions[0]).toMatchObject({ userId: '1' })
    expect(sessions[0]?.id).not.toBe(theirs?.id)
    expect(await admin.auth.system.endSession('1', theirs?.id ?? '')).toBe(false)
    expect(await admin.statusOf(ofAdmin.access_token, 'DELETE', `/sessions/${theirs?.id}`)).toBe(404)

    // What is stored names the realm, and lies where the store looks for that user's.
    expect(sessions[0]?.id.slice(0, 8)).toBe(sessionTag('admin:1'))
    expect((await store.sessions.listByUser('admin:1')).map(({ id }) => id)).toEqual([sessions[0]?.id])
    expect(await store.sessions.listByUser('1')).toEqual([])

    await admin.auth.system.endSessions('1')
    expect(await admin.statusOf(ofAdmin.access_token)).toBe(401)
    expect(await user.statusOf(ofUser.access_token)).toBe(200)
    await user.auth.system.suspend('1')
    expect(await user.statusOf(ofUser.access_token)).toBe(401)
    expect((await admin.request('POST', '/session', { json: { user: ann } })).status).toBe(200)
  })

  test('a change keeps to its own: password, list, others, account', async () => {
    const { admin, user } = await two()
    const [ofAdmin, ofUser] = [await admin.register(), await user.register()]
    const token = ofAdmin.access_token
    const change = { current_password: password, password: 'another-1234', password_confirmation: 'another-1234' }
    expect((await admin.request('PATCH', '/registration', { token, json: { user: change } })).status).toBe(200)
    expect(await admin.statusOf(token, 'DELETE', '/sessions')).toBe(200)
    const proof = { current_password: 'another-1234' }
    expect((await admin.request('DELETE', '/registration', { token, json: { user: proof } })).status).toBe(200)
    expect(await user.statusOf(ofUser.access_token)).toBe(200)
    expect(await user.auth.system.sessionsOf('1')).toHaveLength(1)
  })

  test('values are of one alone: an Idempotency-Key, and what an extension keeps', async () => {
    const { admin, user } = await two()
    await admin.register('once')
    await user.register()
    // There it was never sent, so that the address is taken.
    expect(await user.register('once')).toBeUndefined()
    expect(await admin.register('once')).toBeDefined()
    await admin.auth.store.values.put('k', 1, 60_000)
    expect(await user.auth.store.values.get('k')).toBeNull()
    expect(await user.auth.store.values.take('k')).toBeNull()
    expect(await user.auth.store.values.delete('k')).toBe(false)
    expect(await user.auth.store.values.increment('k', 60_000)).toBe(1)
    expect(await admin.auth.store.values.get('k')).toBe(1)
  })

  test('a replayed token ends the session, and is told so in its own', async () => {
    const { admin, clock } = await two()
    const { renewal_token: old } = await admin.register()
    const { access_token } = (await admin.request('POST', '/session/renew', { token: old })).body.data
    clock.advance(60_000)
    const replayed = await admin.request('POST', '/session/renew', { token: old })
    expect([replayed.status, replayed.body.error.reason]).toEqual([401, 'session_reused'])
    const next = await admin.request('GET', '/session', { token: access_token })
    expect([next.status, next.body.error.reason]).toEqual([401, 'session_reused'])
  })

  test('news of an end is heard in its own', async () => {
    const { admin, user, store } = await two()
    const told: EndedSession[] = []
    const heard: [realm: string, ended: EndedSession][] = []
    const lines = [
      admin.auth.onSessionEnded(ended => heard.push(['admin', ended])),
      user.auth.onSessionEnded(ended => heard.push(['user', ended])),
      store.revocations?.listen({ ended: ended => told.push(ended) }),
    ]
    try {
      await Promise.all(lines.map(line => line?.ready))
      await admin.register()
      await user.register()
      const [ofAdmin, ofUser] = [
        (await admin.auth.system.sessionsOf('1'))[0]?.id,
        (await user.auth.system.sessionsOf('1'))[0]?.id,
      ]
      await admin.auth.system.endSessions('1')
      await user.auth.system.endSessions('1')
      // Of a cluster's nodes each tells in its own time, and news of the test before may come late.
      const ids = () => told.map(({ sessionId }) => sessionId)
      await expect.poll(ids, { timeout: 10_000 }).toEqual(expect.arrayContaining([ofAdmin, ofUser]))
      const ofBoth = heard.filter(([, { sessionId }]) => sessionId === ofAdmin || sessionId === ofUser)
      expect(ofBoth).toHaveLength(2)
      expect(ofBoth).toContainEqual(['admin', { sessionId: ofAdmin, userId: '1' }])
      expect(ofBoth).toContainEqual(['user', { sessionId: ofUser, userId: '1' }])
    } finally {
      for (const line of lines) line?.stop()
    }
  })
})

test.each(ENGINES)('two tables whose keys collide share the store of their database, on $name', async engine => {
  const clock = testClock()
  const opened = await engine.open()
  const store = opened.storeWith(clock)
  const table = async () => sqlUsers(opened.database, await makeTable(opened, engine, SMALL))
  const admin = realmOn(store, clock.now, 'admin', { users: await table() })
  const user = realmOn(store, clock.now, 'user', { users: await table() })
  const [ofAdmin, ofUser] = [await admin.register(), await user.register()]
  const profile = await admin.request('GET', '/session', { token: ofAdmin.access_token })
  expect(profile.body.data.user.id).toBe('1')
  expect(await user.statusOf(ofAdmin.access_token)).toBe(401)
  await admin.auth.system.endSessions('1')
  expect(await admin.statusOf(ofAdmin.access_token)).toBe(401)
  expect(await user.statusOf(ofUser.access_token)).toBe(200)
})

describe('without a realm', () => {
  const secret = 'a secret for tests, and for tests alone'
  const mixed = new TypeError('two auths share `store` and `secret` but not `users`: give one of them a `realm`')

  test.each(ENGINES)('two tables on one store and secret are refused, on $name', async engine => {
    const opened = await engine.open()
    const table = async () => sqlUsers(opened.database, await makeTable(opened, engine, SMALL))
    const [one, other] = [await table(), await table()]
    const store = opened.storeWith(testClock())
    createAuth({ secret, store, users: one })
    expect(() => createAuth({ secret, store, users: other })).toThrow(mixed)
    expect(() => createAuth({ secret: [`${secret}, another`, secret], store, users: other })).toThrow(mixed)
    expect(() => createAuth({ secret, store, users: sqlUsers(opened.database) })).toThrow(mixed)
    expect(() => createAuth({ secret, store, users: one })).not.toThrow()
    expect(() => createAuth({ secret, store, users: other, realm: 'other' })).not.toThrow()
    expect(() => createAuth({ secret, store, users: one, realm: 'other' })).toThrow(mixed)
    expect(() => createAuth({ secret: `${secret}, another`, store, users: other })).not.toThrow()
    expect(() => createAuth({ secret, store: opened.storeWith(testClock()), users: other })).not.toThrow()
  })

  test('two repositories that cannot be told apart by a table are refused on one store and secret', () => {
    const store = memoryStore()
    const one = countedUsers()
    createAuth({ secret, store, users: one })
    expect(() => createAuth({ secret, store, users: countedUsers() })).toThrow(mixed)
    expect(() => createAuth({ secret, store, users: one, basePath: '/web' })).not.toThrow()
    expect(() => createAuth({ secret, store, users: countedUsers(), realm: 'admin' })).not.toThrow()
  })

  test('one auth without and one with a realm stay apart', async () => {
    const clock = testClock()
    const store = memoryStore(clock)
    const [plain, admin] = [realmOn(store, clock.now, ''), realmOn(store, clock.now, 'admin')]
    const [ofPlain, ofAdmin] = [await plain.register(), await admin.register()]
    expect(await plain.statusOf(ofAdmin.access_token)).toBe(401)
    expect(await admin.statusOf(ofPlain.access_token)).toBe(401)
    await plain.auth.system.endSessions('1')
    expect(await admin.statusOf(ofAdmin.access_token)).toBe(200)
  })

  test.each(['Admin', 'a b', 'a:b', 'ä', 'a'.repeat(33), ' '])('%j is no realm', realm => {
    expect(() => createAuth({ secret, users: memoryUsers(), realm })).toThrow(
      new TypeError("`realm` must be 1 to 32 of a-z, 0-9, _ and -, like 'admin'"),
    )
  })

  test('a realm and a tenant of one name are two things', async () => {
    const clock = testClock()
    const store = memoryStore(clock)
    const users = memoryUsers()
    const realm = realmOn(store, clock.now, 'a', { users })
    const tenant = realmOn(store, clock.now, '', { tenant: () => 'a' })
    const both = realmOn(store, clock.now, 'a', { users, tenant: () => 'a' })
    const tokens = [await realm.register(), await tenant.register(), await both.register()]
    for (const [index, at] of [realm, tenant, both].entries()) {
      const statuses = await Promise.all(tokens.map(({ access_token }) => at.statusOf(access_token)))
      expect(statuses).toEqual([0, 1, 2].map(other => (other === index ? 200 : 401)))
    }
  })
})
