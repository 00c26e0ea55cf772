import { expect, test, vi } from 'vitest'
import { memoryStore, memoryUsers, type Store } from '../src/index.js'
import { testAuth, testClock, testExchange } from '../src/testing/index.js'

const USER = { email: 'a@example.com', password: 'secret1234', password_confirmation: 'secret1234' }

/** An auth on a store whose connection a test cuts. */
async function onStore(session = {}, options = {}) {
  const { now, advance } = testClock()
  const store = memoryStore({ now })
  let away = false
  const reachable = <Target extends object>(target: Target) =>
    Object.fromEntries(
      Object.entries(target).map(([name, verb]) => [
        name,
        async (...args: unknown[]) => {
          if (away) throw new Error('connection refused')
          return verb(...args)
        },
      ]),
    ) as Target
  const cut: Store = { ...store, sessions: reachable(store.sessions), values: reachable(store.values) }
  const made = testAuth({ store: cut, now, session, ...options })
  const { body } = await made.request('POST', '/registration', { json: { user: USER } })
  const check = async (token = body.data.access_token) => (await made.request('GET', '/session', { token })).status
  function setAway(value: boolean): void {
    away = value
  }
  return { ...made, store, pair: body.data, check, advance, setAway }
}

const named = (made: Awaited<ReturnType<typeof onStore>>, name: string) =>
  made.events.filter(event => event.name === name)

test('while the store is away a check is 503 and counted, never 401', async () => {
  const made = await onStore()
  expect(await made.check()).toBe(200)
  made.setAway(true)
  expect(await made.check()).toBe(503)
  expect(named(made, 'store.unavailable')).toHaveLength(1)
  made.setAway(false)
  expect(await made.check()).toBe(200)
})

test('with staleIfError a check is answered with what was read before, for that long, and counted', async () => {
  const made = await onStore({ staleIfError: '30s' })
  expect(await made.check()).toBe(200)
  made.setAway(true)
  made.advance(29_999)
  expect(await made.check()).toBe(200)
  expect(named(made, 'session.stale')).toHaveLength(1)
  made.advance(1)
  expect(await made.check()).toBe(503)
})

test('a stale answer serves no renewal, no sign-out, no step-up, and nobody who was not read before', async () => {
  const made = await onStore({ staleIfError: '30s' })
  const { body } = await made.request('POST', '/session', { json: { user: USER } })
  expect(await made.check()).toBe(200)
  made.setAway(true)
  const { access_token: token, renewal_token } = made.pair
  expect((await made.request('POST', '/session/renew', { token: renewal_token })).status).toBe(503)
  expect((await made.request('POST', '/session/reauthenticate', { token, json: { user: USER } })).status).toBe(503)
  expect((await made.request('DELETE', '/sessions', { token })).status).toBe(503)
  expect((await made.request('DELETE', '/session', { token })).status).toBe(503)
  expect(await made.check(body.data.access_token)).toBe(503)
})

test('what this node tried to end or to renew is not answered from memory, whatever came of it', async () => {
  for (const [method, path, kind] of [
    ['DELETE', '/session', 'access_token'],
    ['POST', '/session/renew', 'renewal_token'],
  ] as const) {
    const made = await onStore({ staleIfError: '30s' })
    expect(await made.check()).toBe(200)
    expect((await made.request(method, path, { token: made.pair[kind] })).status).toBe(200)
    made.setAway(true)
    expect(await made.check()).toBe(503)
  }
})

test('a session that another session of this node ended is not answered from memory', async () => {
  for (const path of ['/sessions', (id: string) => `/sessions/${id}`]) {
    const made = await onStore({ staleIfError: '30s' })
    const mine = (await made.request('POST', '/session', { json: { user: USER } })).body.data.access_token
    const whole = await made.request('GET', '/session', { token: made.pair.access_token })
    expect(await made.check()).toBe(200)
    const target = typeof path === 'string' ? path : path(whole.body.data.session.id)
    expect((await made.request('DELETE', target, { token: mine })).status).toBe(200)
    made.setAway(true)
    expect(await made.check(), target).toBe(503)
  }
})

test('what was being read while it was ended is not remembered', async () => {
  const { now } = testClock()
  const { sessions, ...rest } = memoryStore({ now })
  let release = () => {}
  let slow = false
  let away = false
  const find = async (id: string) => {
    if (away) throw new Error('connection refused')
    const found = await sessions.find(id)
    if (slow) await new Promise<void>(resolve => (release = resolve))
    return found
  }
  const made = testAuth({
    store: { ...rest, sessions: { ...sessions, find } },
    now,
    session: { staleIfError: '30s', loadUser: false },
  })
  const { body } = await made.request('POST', '/registration', { json: { user: USER } })
  const { access_token: token } = body.data
  slow = true
  const reading = made.auth.open(testExchange('GET', '/', { token }))
  await vi.waitFor(() => expect(release).not.toBe(undefined))
  slow = false
  await made.auth.store.sessions.find('none')
  expect((await made.request('DELETE', '/session', { token })).status).toBe(200)
  release()
  await reading
  away = true
  expect((await made.request('GET', '/session', { token })).status).toBe(503)
})

test('a session that was found to be over is not remembered', async () => {
  const made = await onStore({ staleIfError: '30s' })
  expect(await made.check()).toBe(200)
  await made.store.sessions.deleteByUser(made.events.find(({ userId }) => userId)?.userId as string)
  expect(await made.check()).toBe(401)
  made.setAway(true)
  expect(await made.check()).toBe(503)
})

test('an expired access token is not opened by a stale answer', async () => {
  const made = await onStore({ staleIfError: '30s', access: '1m' })
  made.advance(50_000)
  expect(await made.check()).toBe(200)
  made.setAway(true)
  made.advance(10_000)
  expect(await made.check()).toBe(401)
})

test('staleIfError is thirty seconds at most', () => {
  expect(() => testAuth({ session: { staleIfError: '31s' } })).toThrow(/staleIfError.*'0s' to '30s'/)
})

test('a replayed token ends its session though the store was away when it was replayed', async () => {
  const { now, advance } = testClock()
  const { sessions, ...rest } = memoryStore({ now })
  let failing = 0
  const end = (id: string) => {
    if (failing-- > 0) throw new Error('connection refused')
    return sessions.delete(id)
  }
  const made = testAuth({ store: { ...rest, sessions: { ...sessions, delete: end } }, now })
  const { body } = await made.request('POST', '/registration', { json: { user: USER } })
  const renewed = await made.request('POST', '/session/renew', { token: body.data.renewal_token })
  advance(60_000)
  failing = 2
  expect((await made.request('POST', '/session/renew', { token: body.data.renewal_token })).status).toBe(503)
  expect(made.events.filter(({ name }) => name === 'session.reused')).toHaveLength(1)
  const check = () => made.request('GET', '/session', { token: renewed.body.data.access_token })
  await vi.waitFor(async () => expect((await check()).body.error?.reason).toBe('session_reused'), { timeout: 5000 })
})

test('not ready while the clocks of the machine and of its store differ by more than a minute', async () => {
  const { now } = testClock()
  let ahead = 59_999
  const store: Store = { ...memoryStore({ now }), clock: () => now() + ahead }
  const users = memoryUsers()
  const { auth } = testAuth({ store, users, now })
  await auth.ready()
  ahead = 60_000
  await expect(auth.ready()).rejects.toMatchObject({ code: 'unavailable' })
  const patient = testAuth({ store, users, now, clockLeeway: '2m' })
  await patient.auth.ready()
})
