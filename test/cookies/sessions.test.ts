import { describe, expect, test } from 'vitest'
import { bearerOrCookieSessions, memoryStore, memoryUsers } from '../../src/index.js'
import { sessionsSuite, testAuth } from '../../src/testing/index.js'
import { ASKING, BOTH, cookieAuth, MINUTE, NAME, named, PASSWORD, tokenIn, visitor } from './visitor.js'

const KINDS = Object.keys(BOTH) as (keyof typeof BOTH)[]
const NOBODY = { error: { code: 401, message: 'Not authenticated', reason: 'not_authenticated' } }

describe.each(KINDS)('by %s', kind => {
  const make = (options = {}) => cookieAuth({ sessions: BOTH[kind](), ...options })
  const come = (made: ReturnType<typeof make>) => visitor(made, { headers: ASKING })

  test('a sign-in is answered with a cookie and without tokens', async () => {
    const mine = come(make())
    for (const answered of [await mine.register(), await mine.signIn()]) {
      expect({ status: answered.status, body: answered.body }).toEqual({ status: 200, body: { data: {} } })
      expect(mine.cookie).toMatch(/^pwc1_[A-Za-z0-9_-]{92}$/)
    }
    expect((await mine.send('GET', '/session')).body.data.session).toMatchObject({ current: true, methods: ['pwd'] })
  })

  test('a sign-in that is refused gives no cookie and ends nothing', async () => {
    const mine = come(make())
    await mine.register()
    const wrong = await mine.send('POST', '/session', {
      json: { user: { email: 'no@example.com', password: 'wrong' } },
    })
    expect({ status: wrong.status, cookies: wrong.cookies }).toEqual({ status: 401, cookies: [] })
    const taken = await mine.send('POST', '/registration', { json: { user: { email: 'x', password: 'short' } } })
    expect({ status: taken.status, cookies: taken.cookies }).toEqual({ status: 500, cookies: [] })
    expect(await mine.isSignedIn()).toBe(true)
  })

  test('signing in on top of a session ends it, and the cookie is another', async () => {
    const made = make()
    const [mine, other] = [come(made), come(made)]
    await mine.register()
    const { cookie: planted } = mine
    other.cookie = planted
    await other.register()
    expect(other.cookie).not.toBe(planted)
    expect(await mine.isSignedIn()).toBe(false)
    expect(await other.isSignedIn()).toBe(true)
    expect(named(made, 'session.ended')).toHaveLength(1)
  })

  test('a cookie that is planted before a sign-in is nobody’s after it', async () => {
    for (const planted of ['', 'x', `pwc1_${'A'.repeat(92)}`]) {
      const mine = come(make())
      mine.cookie = planted
      await mine.register()
      expect(mine.cookie).not.toBe(planted)
      expect((await mine.lose('GET', '/session', { cookie: planted })).status).toBe(401)
    }
  })

  test('signing in on top of a cookie that is due gives the new session alone', async () => {
    const made = make()
    const mine = come(made)
    await mine.register()
    const old = mine.cookie
    made.clock.advance(20 * MINUTE)
    const { cookies } = await mine.signIn()
    expect(cookies).toHaveLength(1)
    const { data } = (await mine.send('GET', '/sessions')).body
    expect(data.sessions).toHaveLength(1)
    expect((await mine.lose('GET', '/session', { cookie: old })).status).toBe(401)
  })

  test('sign-out ends the session and clears the cookie, also one that is due', async () => {
    const made = make()
    const mine = come(made)
    await mine.register()
    const old = mine.cookie
    made.clock.advance(20 * MINUTE)
    const { status, body, cookies } = await mine.send('DELETE', '/session')
    expect({ status, body }).toEqual({ status: 200, body: { data: {} } })
    expect(cookies).toEqual([`${NAME}=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0`])
    expect(mine.cookie).toBeNull()
    expect((await mine.lose('GET', '/session', { cookie: old })).body).toEqual(NOBODY)
  })

  test('sign-out clears what is no session any more', async () => {
    const made = make()
    const mine = come(made)
    await mine.register()
    const old = mine.cookie
    await mine.send('DELETE', '/session')
    for (const cookie of [old, 'nonsense', '']) {
      const { status, cookies } = await mine.lose('DELETE', '/session', { cookie })
      expect({ status, cleared: tokenIn(cookies) }).toEqual({ status: 200, cleared: null })
    }
    expect(named(made, 'session.ended')).toHaveLength(1)
  })

  test('POST /session/renew gives the next cookie, and nobody is told why not', async () => {
    const made = make()
    const mine = come(made)
    await mine.register(true)
    const before = mine.cookie
    const renewed = await mine.send('POST', '/session/renew')
    expect({ status: renewed.status, body: renewed.body }).toEqual({ status: 200, body: { data: {} } })
    expect(renewed.cookies).toEqual([expect.stringMatching(/Max-Age=2592000$/)])
    expect(mine.cookie).not.toBe(before)
    expect(await mine.isSignedIn()).toBe(true)
    await mine.send('DELETE', '/session')
    for (const cookie of [null, '', 'x', before]) {
      const { status, body, cookies } = await mine.lose('POST', '/session/renew', { cookie })
      expect({ status, body, cookies }).toEqual({
        status: 401,
        body: { error: { status: 401, message: 'Invalid token', reason: 'invalid_token' } },
        cookies: [],
      })
    }
  })

  test('POST /session/renew with a cookie that is due is one step, and replays say so', async () => {
    const made = make()
    const mine = come(made)
    await mine.register(true)
    const old = mine.cookie
    made.clock.advance(20 * MINUTE)
    await mine.send('POST', '/session/renew')
    expect(named(made, 'session.renewed')).toHaveLength(1)
    expect(await mine.isSignedIn()).toBe(true)
    made.clock.advance(10_000)
    const replayed = await mine.lose('POST', '/session/renew', { cookie: old })
    expect(replayed.body.error.reason).toBe('session_reused')
    expect(await mine.isSignedIn()).toBe(false)
  })

  test('the own sessions can be listed and ended, and proven again', async () => {
    const made = make()
    const mine = come(made)
    await mine.register()
    const there = come(made)
    const { email } = (await mine.send('GET', '/session')).body.data.user
    const enter = () => there.send('POST', '/session', { json: { user: { email, password: PASSWORD } } })
    await enter()
    const { sessions } = (await mine.send('GET', '/sessions')).body.data
    expect(sessions.map(({ current }: { current: boolean }) => current)).toEqual([true, false])
    expect((await mine.send('DELETE', `/sessions/${sessions[1].id}`)).status).toBe(200)
    expect(await there.isSignedIn()).toBe(false)

    there.cookie = null
    await enter()
    expect((await mine.send('DELETE', '/sessions')).status).toBe(200)
    expect(await there.isSignedIn()).toBe(false)
    expect(await mine.isSignedIn()).toBe(true)

    made.clock.advance(20 * MINUTE)
    const proven = await mine.send('POST', '/session/reauthenticate', { json: { user: { password: PASSWORD } } })
    expect(proven.status).toBe(200)
    const { session } = (await mine.send('GET', '/session')).body.data
    expect(session.authenticated_at).toBe(session.renewed_at)
    const { id } = session
    expect((await mine.send('DELETE', `/sessions/${id}`)).status).toBe(200)
    expect(await mine.isSignedIn()).toBe(false)
  })

  test('nobody ends another’s session', async () => {
    const made = make()
    const [mine, other] = [come(made), come(made)]
    await mine.register()
    await other.register()
    const { id } = (await mine.send('GET', '/session')).body.data.session
    expect((await other.send('DELETE', `/sessions/${id}`)).status).toBe(404)
    expect(await mine.isSignedIn()).toBe(true)
  })

  test('one tenant’s cookie is nobody’s in another', async () => {
    const made = make({ tenant: (exchange: { header(name: string): string | null }) => exchange.header('host') })
    const mine = visitor(made, { headers: { ...ASKING, host: 'a.example.com' } })
    await mine.register()
    expect(await mine.isSignedIn()).toBe(true)
    const headers = { ...ASKING, host: 'b.example.com' }
    for (const [method, path] of [
      ['GET', '/session'],
      ['POST', '/session/renew'],
    ] as const) {
      expect((await mine.lose(method, path, { headers })).status).toBe(401)
    }
    expect((await mine.lose('DELETE', '/session', { headers })).status).toBe(200)
    made.clock.advance(15 * MINUTE)
    expect(await mine.isSignedIn()).toBe(true)
  })

  test('one realm’s cookie is nobody’s in another on the same store', async () => {
    const shared = { store: memoryStore(), users: memoryUsers(), now: Date.now }
    const [people, staff] = [make(shared), make({ ...shared, realm: 'staff' })]
    const mine = come(people)
    await mine.register()
    const there = come(staff)
    there.cookie = mine.cookie
    expect(await there.isSignedIn()).toBe(false)
    await there.lose('DELETE', '/session')
    expect(await mine.isSignedIn()).toBe(true)
  })

  test('what signs in and throws gives no cookie', async () => {
    const { auth } = make()
    const { user } = await auth.users.insert({ id: 'u', email: 'u@example.com', passwordHash: null, createdAt: 0 })
    const ctx = await auth.open({
      method: 'POST',
      target: '/enter',
      address: null,
      header: name => (name === 'session-transport' ? 'cookie' : null),
      readBody: async () => new Uint8Array(),
    })
    await auth.accounts.signIn(ctx, user, { methods: ['pwd'] })
    expect(ctx.user).toEqual(user)
    auth.present(new Error('the handler threw'), ctx)
    await auth.send(ctx)
    expect({ user: ctx.user, session: ctx.session, cookies: ctx.cookies }).toEqual({
      user: null,
      session: null,
      cookies: [],
    })
    expect(await auth.store.sessions.listByUser('u')).toEqual([])
  })
})

test.each(['cookie', 'bearer'])('one request that signs in by %s and out leaves nothing', async transport => {
  const { auth } = cookieAuth({ sessions: bearerOrCookieSessions() })
  const { user } = await auth.users.insert({ id: 'u', email: 'u@example.com', passwordHash: null, createdAt: 0 })
  const ctx = await auth.open({
    method: 'POST',
    target: '/enter',
    address: null,
    header: name => (name === 'session-transport' ? transport : null),
    readBody: async () => new Uint8Array(),
  })
  await auth.accounts.signIn(ctx, user, { methods: ['pwd'] })
  await auth.sessions.delete(ctx)
  expect(await auth.send(ctx)).toBeNull()
  expect(tokenIn(ctx.cookies)).toBe(transport === 'cookie' ? null : undefined)
  expect(await auth.store.sessions.listByUser('u')).toEqual([])
})

sessionsSuite(() => testAuth({ sessions: bearerOrCookieSessions() }).auth, {
  test: (name, run) => test(`bearer or cookie keeps the contract of ${name}`, run),
})
