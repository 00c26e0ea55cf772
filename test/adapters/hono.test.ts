import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import { expect, test } from 'vitest'
import {
  authMiddleware,
  currentAuth,
  problemHandler,
  requireAuthenticated,
  requireRole,
} from '../../src/adapters/hono.js'
import { type Auth, type BaseUser, readInput } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'
import { registrationForm } from '../support/guide.js'
import { storeAway } from './node-server.js'

test('a body that Hono gave to somebody before is read again, and gives itself to others after', async () => {
  const { auth } = testAuth()
  const app = new Hono()
  app.use(async (c, next) => {
    const how = c.req.header('x-read')
    if (how === 'formData') await c.req.formData()
    if (how === 'parseBody') await c.req.parseBody()
    if (how === 'text') await c.req.text()
    if (how === 'raw') await c.req.raw.text()
    await next()
  })
  app.use(authMiddleware(auth))
  app.post('/after', async c => {
    const input = await readInput(currentAuth(auth, c).request, true)
    return c.json([input, await c.req.text()])
  })
  const multipart = new FormData()
  for (const [name, value] of registrationForm('multipart@example.com')) multipart.append(name, value)
  for (const body of [registrationForm(), multipart]) {
    for (const how of ['formData', 'parseBody', 'text', 'none']) {
      const email = `${how}-${body === multipart ? 'm' : 'f'}@example.com`
      body.set('user[email]', email)
      const sent = { method: 'POST', headers: { 'x-read': how }, body }
      expect([email, (await app.request('/api/v1/registration', sent)).status]).toEqual([email, 200])
    }
  }
  const raw = await app.request('/api/v1/session', { method: 'POST', headers: { 'x-read': 'raw' }, body: 'a=b' })
  expect(await raw.json()).toMatchObject({ error: { message: 'Body was read already' } })
  const after = await app.request('/after', { method: 'POST', body: new URLSearchParams('a=b') })
  expect(await after.json()).toEqual([{ a: 'b' }, 'a=b'])
})

test('what middleware said of the request stays with an answer that replaces the handler’s', async () => {
  const { auth } = testAuth({ store: storeAway() })
  const { user } = await auth.users.insert({ id: 'u1', email: 'me@example.com', passwordHash: null, createdAt: 0 })
  const app = new Hono().use(cors(), authMiddleware(auth))
  app.post('/enter', async c => {
    await auth.accounts.signIn(currentAuth(auth, c), user, { methods: ['pwd'] })
    c.header('x-token', 'secret')
    return c.text('in', 200, { 'x-also': 'secret' })
  })
  for (const path of ['/enter', '/api/v1/session']) {
    const response = await app.request(path, { method: 'POST' })
    expect(response.status).toBe(path === '/enter' ? 503 : 400)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(JSON.stringify([...response.headers])).not.toContain('secret')
  }
})

test('what is thrown is forgotten, whoever answers it', async () => {
  for (const error of [new Error('later'), new HTTPException(403, { message: 'Not you' }), 'text']) {
    for (const handled of [true, false]) {
      const { auth } = testAuth()
      const { user } = await auth.users.insert({ id: 'u1', email: 'me@example.com', passwordHash: null, createdAt: 0 })
      const app = new Hono().use(authMiddleware(auth))
      if (handled) app.onError(problemHandler(auth))
      else app.onError((_error, c) => c.text('own', 500))
      app.post('/enter', async c => {
        await auth.accounts.signIn(currentAuth(auth, c), user, { methods: ['pwd'] })
        throw error
      })
      const response = await app.request('/enter', { method: 'POST' })
      const isOwn = handled && error instanceof HTTPException
      expect(response.status).toBe(isOwn ? 403 : 500)
      if (isOwn) expect(await response.text()).toBe('Not you')
      expect(await auth.store.sessions.listByUser('u1')).toEqual([])
    }
  }
})

test('the address is Node’s, or what the app says', async () => {
  const { auth } = testAuth()
  const env = { incoming: { socket: { remoteAddress: '192.0.2.7' } } }
  const addressOf = async (bindings?: object) => {
    const app = new Hono()
    app.use(authMiddleware(auth))
    app.get('/address', c => c.text(String(currentAuth(auth, c).request.address)))
    return (await app.request('/address', {}, bindings)).text()
  }
  expect(await addressOf(env)).toBe('192.0.2.7')
  expect(await addressOf()).toBe('null')
  const own = authMiddleware(auth, { address: c => c.req.header('x-real-ip') ?? null })
  const app = new Hono().use(own)
  app.get('/address', c => c.text(String(currentAuth(auth, c).request.address)))
  const response = await app.request('/address', { headers: { 'x-real-ip': '203.0.113.9' } })
  expect(await response.text()).toBe('203.0.113.9')
})

test('handlers know the app’s own user', async () => {
  interface Member extends BaseUser {
    readonly nick: string
  }
  const made = testAuth()
  const auth = made.auth as unknown as Auth<Member>
  const app = new Hono()
    .use(authMiddleware(auth))
    .get(
      '/around/:id',
      requireAuthenticated(auth, c => {
        const nick: string | undefined = c.get('auth').user?.nick
        // @ts-expect-error a user has no such thing
        c.var.auth.user?.nothing
        return c.json({ nick: nick ?? null, id: c.req.param('id') })
      }),
    )
    .get('/before', requireRole(auth, 'admin'), c => {
      const nick: string | undefined = c.get('auth').user?.nick
      return c.json(nick ?? null)
    })
    .get('/plain', c => c.json(c.var.auth.user?.nick ?? null))
  const registered = await app.request('/api/v1/registration', { method: 'POST', body: registrationForm() })
  const { data } = (await registered.json()) as { data: { access_token: string } }
  const headers = { authorization: data.access_token }
  expect(await (await app.request('/around/7', { headers })).json()).toEqual({ nick: null, id: '7' })
  expect((await app.request('/before', { headers })).status).toBe(403)
  expect((await app.request('/before')).status).toBe(401)
  expect((await app.request('/plain')).status).toBe(200)
})
