import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, inject, test } from 'vitest'
import { WebSocket } from 'ws'
import { sessionsSuite, testAuth, testExchange, usersSuite } from '../src/testing/index.js'
import { createDatabase } from './support/engines.js'
import { EXAMPLES, followGuide, startExample, stopExample, stopExamples } from './support/examples.js'
import { pairOf, register, registrationForm, send } from './support/guide.js'
import { newFolder } from './support/server.js'

const folders: string[] = []
afterEach(async () => {
  await stopExamples()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

test('node-http follows the guide', async () => {
  const { url } = await startExample('node-http')
  await followGuide(url, '/api/v1', '/profile')
})

test('node-http keeps its people and sessions in a file', async () => {
  const folder = newFolder()
  folders.push(folder)
  const env = { DATABASE: join(folder, 'app.db'), AUTH_SECRET: 'kR7vYw2pQ9sXzL4mN8bT1cF6gH3jD5aE' }
  const first = await startExample('node-http', env)
  const { access } = await register(`${first.url}/api/v1`)
  await stopExample(first.child)
  const second = await startExample('node-http', env)
  expect((await send(second.url, 'GET', '/profile', { token: access })).json).toEqual({ hello: 'test@example.com' })
})

test.each(['express', 'fastify', 'hono', 'koa', 'nest'])('%s follows the guide', async name => {
  const { url } = await startExample(name)
  await followGuide(url, '/api/v1', '/profile')
})

test('standalone is a server beside a service that knows its wire alone', async () => {
  const { url, text } = await startExample('standalone', { PAWL_PORT: '0' })
  const pawl = /pawl on (\S+)/.exec(text())?.[1] as string
  const { access, renewal } = await register(`${pawl}/api/v1`)
  expect((await send(url, 'GET', '/profile', { token: access })).json).toEqual({ hello: 'test@example.com' })
  expect((await send(url, 'GET', '/profile', { token: renewal })).status).toBe(401)
  await send(`${pawl}/api/v1`, 'DELETE', '/session', { token: access })
  expect((await send(url, 'GET', '/profile', { token: access })).status).toBe(401)
})

test('standalone-web follows the guide', async () => {
  const { url } = await startExample('standalone-web')
  await followGuide(url, '/api/v1', '/profile')
})

test('standalone-web is a fetch for any runtime', async () => {
  const { default: app } = await import(new URL('standalone-web/app.js', EXAMPLES).href)
  const request = new Request('https://api.example.com/api/v1/registration', {
    method: 'POST',
    body: registrationForm(),
  })
  const { data } = await (await app.fetch(request)).json()
  const headers = { authorization: data.access_token }
  const response = await app.fetch(new Request('https://api.example.com/profile', { headers }))
  expect(await response.json()).toEqual({ hello: 'test@example.com' })
})

test.each(['express', 'hono'])('custom-controllers follows the guide on %s', async router => {
  const { url } = await startExample('custom-controllers', { ROUTER: router })
  await followGuide(url, '/api/v1', '/api/v1/profile')
  // The guide's own tests of its two controllers.
  const headers = { 'content-type': 'application/json' }
  const post = (path: string, user: object) =>
    send(`${url}/api/v1`, 'POST', path, { headers, body: JSON.stringify({ user }) })
  const valid = { email: 'json@example.com', password: 'secret1234', password_confirmation: 'secret1234' }
  const registered = pairOf(await post('/registration', valid))
  expect((await send(url, 'GET', '/api/v1/profile', { token: registered.access })).status).toBe(200)
  const invalid = await post('/registration', { ...valid, email: 'invalid', password_confirmation: '' })
  expect(invalid.status).toBe(500)
  expect(invalid.json.error.message).toBe("Couldn't create user")
  expect(invalid.json.error.status).toBe(500)
  expect(invalid.json.error.errors.password_confirmation).toEqual(['does not match confirmation'])
  expect(invalid.json.error.errors.email).toEqual(['has invalid format'])
  const { access, renewal } = pairOf(await post('/session', { email: valid.email, password: valid.password }))
  expect(access && renewal).toBeTruthy()
  const refused = await post('/session', { email: valid.email, password: 'invalid' })
  expect(refused.status).toBe(401)
  expect(refused.json.error).toEqual({ status: 401, message: 'Invalid email or password' })
  const guarded = await send(url, 'GET', '/api/v1/profile', { token: 'invalid' })
  expect(guarded.json).toEqual({ error: { code: 401, message: 'Not authenticated' } })
})

test('custom-users follows the guide, and takes a name', async () => {
  const { url } = await startExample('custom-users')
  await followGuide(url, '/api/v1', '/profile')
  const form = registrationForm('ada@example.com')
  form.set('user[name]', ' Ada ')
  const { json } = await send(`${url}/api/v1`, 'POST', '/registration', { body: form })
  const token = json.data.access_token
  expect((await send(url, 'GET', '/profile', { token })).json).toEqual({ hello: 'Ada' })
  expect((await send(url, 'GET', '/editors', { token })).status).toBe(403)
  expect((await send(url, 'GET', '/editors')).status).toBe(401)
})

const { openDatabase } = await import(new URL('custom-users/database.js', EXAMPLES).href)
const { drizzleUsers } = await import(new URL('custom-users/people.js', EXAMPLES).href)

usersSuite(async () => drizzleUsers((await openDatabase()).db), {
  test: (name, run) => test(`custom-users ${name}`, run),
})

test('custom-authorization follows the guide', async () => {
  const { url } = await startExample('custom-authorization')
  await followGuide(url, '/api/v1', '/profile')
  expect((await send(url, 'GET', '/api/v1/sessions')).status).toBe(404)
})

const { keyValueSessions } = await import(new URL('custom-authorization/sessions.js', EXAMPLES).href)

sessionsSuite(() => testAuth({ sessions: keyValueSessions }).auth, {
  test: (name, run) => test(`custom-authorization ${name}`, run),
})

test('custom-authorization keeps to its lifetimes', async () => {
  const { request, clock } = testAuth({ sessions: keyValueSessions })
  const form = registrationForm().toString()
  const { data } = (await request('POST', '/registration', { form })).body
  const whoIs = async (token: string) => (await request('GET', '/session', { token })).status
  clock.advance(30 * 60_000 - 1)
  expect(await whoIs(data.access_token)).toBe(200)
  clock.advance(1)
  expect(await whoIs(data.access_token)).toBe(401)
  const renewed = await request('POST', '/session/renew', { token: data.renewal_token })
  expect(await whoIs(renewed.body.data.access_token)).toBe(200)
  clock.advance(30 * 24 * 60 * 60_000)
  expect((await request('POST', '/session/renew', { token: renewed.body.data.renewal_token })).status).toBe(401)
})

test('custom-authorization ends sessions when the password changes, and stores no token', async () => {
  const kept: string[] = []
  const subject = testAuth()
  const { values } = subject.auth.store
  const put: typeof values.put = (...args) => {
    kept.push(JSON.stringify(args))
    return values.put(...args)
  }
  const store = { ...subject.auth.store, values: { ...values, put } }
  const { auth, request } = testAuth({ store, sessions: keyValueSessions })
  const { data } = (await request('POST', '/registration', { form: registrationForm().toString() })).body
  expect(kept).toHaveLength(2)
  expect(kept.join()).not.toContain(data.access_token)
  expect(kept.join()).not.toContain(data.renewal_token)

  const ctx = await auth.open(testExchange('PATCH', '/', { token: data.access_token }))
  await auth.accounts.update(ctx, { email: 'new@example.com', current_password: 'secret1234' })
  await auth.send(ctx)
  expect((await request('GET', '/session', { token: data.access_token })).status).toBe(401)
  expect((await request('POST', '/session/renew', { token: data.renewal_token })).status).toBe(401)
})

/** Opens a socket and says who it is. */
function openSocket(url: string, token: string): WebSocket {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/live`)
  socket.once('open', () => socket.send(token))
  return socket
}

test.skipIf(inject('pawlPostgres') === null || inject('pawlRedis') === null).each([
  ['PostgreSQL', {}],
  ['Redis', { REDIS_URL: inject('pawlRedis') as string }],
])('websocket closes what a session holds open on three nodes within a second, by %s', async (_, stores) => {
  const DATABASE_URL = await createDatabase(inject('pawlPostgres') as string)
  const env = { DATABASE_URL, AUTH_SECRET: 'a secret for tests, and for tests alone', ...stores }
  const nodes = await Promise.all([1, 2, 3].map(() => startExample('websocket', env)))
  const url = nodes[0]?.url as string
  const mine = await register(`${url}/api/v1`, 'mine@example.com')
  const other = await register(`${url}/api/v1`, 'other@example.com')

  const open = async (token: string) => {
    const sockets = nodes.map(node => openSocket(node.url, token))
    const greetings = await Promise.all(sockets.map(socket => once(socket, 'message')))
    expect(greetings.map(([message]) => String(message))).toEqual(
      Array(3).fill(expect.stringContaining('@example.com')),
    )
    return sockets
  }
  const sockets = await open(mine.access)
  const untouched = await open(other.access)
  const closed = Promise.all(sockets.map(socket => once(socket, 'close')))
  const started = performance.now()
  expect((await send(`${url}/api/v1`, 'DELETE', '/session', { token: mine.access })).status).toBe(200)
  for (const [code] of await closed) expect(code).toBe(4401)
  expect(performance.now() - started).toBeLessThan(1000)
  for (const socket of untouched) expect(socket.readyState).toBe(WebSocket.OPEN)

  const refused = openSocket(url, mine.access)
  expect((await once(refused, 'close'))[0]).toBe(4401)
  for (const socket of untouched) socket.close()
})
