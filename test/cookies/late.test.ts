import { expect, test } from 'vitest'
import { cookieSessions, memoryStore, memoryUsers, type Store } from '../../src/index.js'
import { testClock, testExchange } from '../../src/testing/index.js'
import { fifty } from '../support/fifty.js'
import { due, newCookies, REUSED, show } from './due.js'
import { type Answered, cookieAuth, HOUR, MINUTE, NAME, named, visitor } from './visitor.js'

test('a request that began before the exchange and ends after it was shown does not hide a replay', async () => {
  const made = cookieAuth()
  const { mine, old } = await due(made)
  const ctx = await made.auth.open(testExchange('GET', '/slow', { headers: { cookie: `${NAME}=${old}` } }))
  expect(await mine.isSignedIn()).toBe(true)
  expect(await mine.isSignedIn()).toBe(true)
  expect(await made.auth.send(ctx)).toBeNull()
  expect(newCookies([{ cookies: ctx.cookies } as Answered])).toEqual([mine.cookie])
  made.clock.advance(10_000)
  expect((await show(mine, old)).body).toEqual(REUSED)
})

test('a request that ends two exchanges after it began gets no cookie: the browser has one', async () => {
  const made = cookieAuth()
  const { mine, old } = await due(made)
  const ctx = await made.auth.open(testExchange('GET', '/slow', { headers: { cookie: `${NAME}=${old}` } }))
  for (let count = 0; count < 2; count++) expect((await mine.send('POST', '/session/renew')).status).toBe(200)
  expect(await made.auth.send(ctx)).toBeNull()
  expect(ctx.cookies).toEqual([])
})

test('whatever the store says of a generation long gone, its cookie is a replay', async () => {
  const made = cookieAuth()
  const { mine, old } = await due(made)
  for (let count = 0; count < 2; count++) expect((await mine.send('POST', '/session/renew')).status).toBe(200)
  const { id } = (await mine.send('GET', '/session')).body.data.session
  await made.auth.store.values.put(`cookie-unseen:${id}:1`, 'unseen', HOUR)
  made.clock.advance(10_000)
  expect((await show(mine, old)).body).toEqual(REUSED)
})

test('a slow request of one session does not take the cookie of the next', async () => {
  const made = cookieAuth()
  const { mine, old } = await due(made)
  await mine.lose('GET', '/session')
  // One behind: its answer would bring the current cookie.
  const ctx = await made.auth.open(testExchange('GET', '/slow', { headers: { cookie: `${NAME}=${old}` } }))
  await mine.signIn()
  expect(await made.auth.send(ctx)).toBeNull()
  expect(ctx.cookies).toEqual([])
})

test('a body that took its time is no replay, though the page exchanged the cookie meanwhile', async () => {
  const made = cookieAuth()
  const { mine, old } = await due(made)
  let arrived = () => {}
  const body = new Promise<Uint8Array>(resolve => {
    arrived = () => resolve(new TextEncoder().encode(JSON.stringify({ user: { password: 'secret1234' } })))
  })
  const slow = made.auth.respond({
    method: 'POST',
    target: '/api/v1/session/reauthenticate',
    address: null,
    header: name => ({ cookie: `__Host-session=${old}`, 'content-type': 'application/json' })[name as 'cookie'] ?? null,
    readBody: () => body,
  })
  expect(await mine.isSignedIn()).toBe(true)
  expect(await mine.isSignedIn()).toBe(true)
  made.clock.advance(MINUTE)
  arrived()
  expect((await slow).status).toBe(200)
  expect(named(made, 'session.reused')).toEqual([])
  expect(await mine.isSignedIn()).toBe(true)
})

test('rotation leaves no value behind that nobody will ask for', async () => {
  const { now, advance } = testClock()
  const store = memoryStore({ now })
  const ends = new Map<string, number>()
  const put: Store['values']['put'] = (key, value, ttlMs) => {
    ends.set(key, now() + ttlMs)
    return store.values.put(key, value, ttlMs)
  }
  const alive = () => [...ends.values()].filter(end => end > now()).length
  const values = { ...store.values, put }
  const made = { ...cookieAuth({ store: { ...store, values }, now }), clock: { now, advance } }
  const mine = visitor(made)
  await mine.register(true)
  for (let visit = 0; visit < 20; visit++) {
    advance(HOUR)
    const { cookie } = mine
    await fifty(() => show(mine, cookie))
    expect(await mine.isSignedIn()).toBe(true)
  }
  expect(await mine.isSignedIn()).toBe(true)
  advance(10_000)
  expect(alive()).toBe(0)
})

test('a server that sees the new cookie first an hour later opens no window for the one before', async () => {
  const { now, advance } = testClock()
  const shared = { store: memoryStore({ now }), users: memoryUsers(), now }
  const made = { ...cookieAuth(shared), clock: { now, advance } }
  const { mine, old } = await due(made)
  expect(await mine.isSignedIn()).toBe(true)
  expect(await mine.isSignedIn()).toBe(true)
  advance(MINUTE)
  const there = visitor(cookieAuth(shared))
  expect((await show(there, mine.cookie)).status).toBe(200)
  expect((await show(there, old)).body).toEqual(REUSED)
})

test('the cookie is signed anew with the newest secret when it is exchanged', async () => {
  const { now, advance } = testClock()
  const [older, newer] = ['the older secret, of 32 bytes or so', 'the newer secret, of 32 bytes or so']
  const shared = { store: memoryStore({ now }), users: memoryUsers(), now, sessions: cookieSessions() }
  const before = cookieAuth({ ...shared, secret: older })
  const mine = visitor(before)
  await mine.register(true)
  const during = visitor(cookieAuth({ ...shared, secret: [newer, older] }))
  during.cookie = mine.cookie
  expect(await during.isSignedIn()).toBe(true)
  advance(15 * MINUTE)
  expect(await during.isSignedIn()).toBe(true)
  const after = visitor(cookieAuth({ ...shared, secret: newer }))
  after.cookie = mine.cookie
  expect(await after.isSignedIn()).toBe(false)
  after.cookie = during.cookie
  expect(await after.isSignedIn()).toBe(true)
})
