import { describe, expect, test } from 'vitest'
import { type AuthRequest, authListener, requireAuthenticated } from '../../src/adapters/node.js'
import { bearerSessions, memoryStore, memoryUsers } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'
import { type Answered, pairOf, registrationForm, send } from '../support/guide.js'
import { newPort, portOf } from './raw.js'
import { startExample } from './sites.js'
import { BOTH, cookieAuth, MINUTE, NAME, named, tokenIn } from './visitor.js'

const cookiesOf = ({ headers }: Answered) => headers.getSetCookie()
const cookieOf = (answered: Answered) => `${NAME}=${tokenIn(cookiesOf(answered))}`

describe.each(Object.keys(BOTH) as (keyof typeof BOTH)[])('a server by %s', kind => {
  async function serving() {
    const made = cookieAuth({ sessions: BOTH[kind]() })
    const { auth } = made
    const app = requireAuthenticated(auth, (request, response) => {
      response.writeHead(200, { 'cache-control': 'public' }).end(request.auth.user?.email)
    })
    const url = `http://127.0.0.1:${await newPort(auth, app)}`
    return { ...made, url, api: `${url}/api/v1` }
  }

  test('registers, checks, exchanges, renews and signs out, with every cookie under no-store', async () => {
    const { url, api, clock } = await serving()
    const headers = { 'session-transport': 'cookie' }
    const registered = await send(api, 'POST', '/registration', { body: registrationForm(), headers })
    expect({ status: registered.status, json: registered.json }).toEqual({ status: 200, json: { data: {} } })
    let cookie = cookieOf(registered)
    const mine = async () => send(url, 'GET', '/mine', { headers: { cookie } })
    expect(await mine()).toMatchObject({ status: 200, text: 'test@example.com' })
    expect((await mine()).headers.get('cache-control')).toBe('public')
    expect((await send(url, 'GET', '/mine')).status).toBe(401)

    clock.advance(15 * MINUTE)
    const exchanged = await mine()
    expect(exchanged.text).toBe('test@example.com')
    cookie = cookieOf(exchanged)
    const renewed = await send(api, 'POST', '/session/renew', { headers: { cookie } })
    cookie = cookieOf(renewed)
    const out = await send(api, 'DELETE', '/session', { headers: { cookie } })
    expect(cookiesOf(out)).toEqual([`${NAME}=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0`])
    for (const answered of [registered, exchanged, renewed, out]) {
      expect(cookiesOf(answered)).toHaveLength(1)
      expect(answered.headers.get('cache-control')).toBe('no-store')
    }
    expect((await mine()).status).toBe(401)
  })

  test('of fifty requests at once one exchanges the cookie, and all are served', async () => {
    const made = await serving()
    const headers = { 'session-transport': 'cookie' }
    const cookie = cookieOf(await send(made.api, 'POST', '/registration', { body: registrationForm(), headers }))
    made.clock.advance(15 * MINUTE)
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => send(made.url, 'GET', '/mine', { headers: { cookie } })),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
    expect(new Set(answers.map(cookieOf)).size).toBe(1)
    expect(named(made, 'session.renewed')).toHaveLength(1)
  })

  test('refuses another origin with 403, on its own routes and on the app’s', async () => {
    const { url, api } = await serving()
    const transport = { 'session-transport': 'cookie' }
    const cookie = cookieOf(await send(api, 'POST', '/registration', { body: registrationForm(), headers: transport }))
    const headers = { cookie, origin: 'https://evil.example' }
    for (const [base, method, path] of [
      [api, 'DELETE', '/session'],
      [url, 'POST', '/mine'],
    ] as const) {
      const { status, json } = await send(base, method, path, { headers })
      expect({ status, reason: json.error.reason }).toEqual({ status: 403, reason: 'origin_rejected' })
    }
    expect((await send(url, 'POST', '/mine', { headers: { cookie, origin: url } })).status).toBe(200)
  })
})

test('two auths on the same users, store and secret: tokens under one path, a cookie under the other', async () => {
  const { clock, auth: bearer } = testAuth({ sessions: bearerSessions, users: memoryUsers(), store: memoryStore() })
  const browser = testAuth({
    sessions: BOTH.cookie(),
    users: bearer.users,
    store: bearer.store,
    basePath: '/web',
    now: clock.now,
  }).auth
  const either = (request: AuthRequest) => {
    const of = [bearer, browser].map(auth => auth.opened(request.auth)).find(({ user }) => user !== null)
    return of?.user?.email ?? 'nobody'
  }
  const inner = authListener(browser, (request, response) => response.end(either(request)))
  const url = `http://127.0.0.1:${await portOf(authListener(bearer, inner))}`
  const pair = pairOf(await send(`${url}/api/v1`, 'POST', '/registration', { body: registrationForm() }))
  const signedIn = await send(`${url}/web`, 'POST', '/session', { body: registrationForm() })
  expect(signedIn.json).toEqual({ data: {} })
  const headers = { cookie: cookieOf(signedIn) }
  expect((await send(url, 'GET', '/', { headers })).text).toBe('test@example.com')
  expect((await send(url, 'GET', '/', { token: pair.access })).text).toBe('test@example.com')
  expect((await send(url, 'GET', '/')).text).toBe('nobody')
  expect((await send(`${url}/api/v1`, 'GET', '/session', { headers })).status).toBe(401)
  expect((await send(`${url}/web`, 'GET', '/session', { token: pair.access })).status).toBe(401)
  const listed = await send(`${url}/web`, 'GET', '/sessions', { headers })
  expect(listed.json.data.sessions).toHaveLength(2)
})

test('the example for browsers answers clients that are none as well', async () => {
  const url = await startExample()
  const registered = await send(`${url}/api/v1`, 'POST', '/registration', { body: registrationForm() })
  const headers = { cookie: cookieOf(registered) }
  expect((await send(url, 'GET', '/hello', { headers })).json).toEqual({ hello: 'test@example.com' })
  expect((await send(url, 'GET', '/hello')).status).toBe(401)
  expect((await send(url, 'GET', '/')).text).toContain('<title>')
  expect((await send(url, 'GET', '/server.js')).status).toBe(404)
  expect((await send(`${url}/api/v1`, 'DELETE', '/session', { headers })).json).toEqual({ data: {} })
  expect((await send(url, 'GET', '/hello', { headers })).status).toBe(401)
})
