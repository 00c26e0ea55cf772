import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, expect, test } from 'vitest'
import {
  type AuthRequest,
  authPlugin,
  currentAuth,
  problemHandler,
  requireAuthenticated,
} from '../../src/adapters/fastify.js'
import type { Auth, BaseUser } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'
import { registrationForm } from '../support/guide.js'
import { storeAway } from './node-server.js'

const apps: FastifyInstance[] = []
afterEach(() => Promise.all(apps.splice(0).map(app => app.close())))

function appOf(auth: Auth, options = {}): FastifyInstance {
  const app = fastify(options)
  apps.push(app)
  app.addHook('onRequest', async (_request, reply) => void reply.header('access-control-allow-origin', '*'))
  app.addHook('onSend', async (_request, reply) => void reply.header('x-frame-options', 'DENY'))
  app.register(authPlugin(auth))
  return app
}

const json = { 'content-type': 'application/json' }

test('the hooks of the app have their say in our answers, also in those of a write that failed', async () => {
  const { auth } = testAuth({ store: storeAway() })
  const app = appOf(auth)
  const { user } = await auth.users.insert({ id: 'u1', email: 'me@example.com', passwordHash: null, createdAt: 0 })
  app.post('/enter', async request => {
    await auth.accounts.signIn(currentAuth(auth, request), user, { methods: ['pwd'] })
    return 'in'
  })
  for (const url of ['/api/v1/session', '/enter']) {
    const response = await app.inject({ method: 'POST', url, payload: url === '/enter' ? {} : { user: {} } })
    expect([url, response.statusCode]).toEqual([url, url === '/enter' ? 503 : 401])
    expect(response.headers['access-control-allow-origin']).toBe('*')
    if (url !== '/enter') expect(response.headers['x-frame-options']).toBe('DENY')
  }
})

test('what is thrown is forgotten without a problemHandler, whoever answers it', async () => {
  for (const own of [true, false]) {
    const { auth } = testAuth()
    const app = appOf(auth)
    if (own) app.setErrorHandler((_error, _request, reply) => reply.code(500).send('own'))
    const { user } = await auth.users.insert({ id: 'u1', email: 'me@example.com', passwordHash: null, createdAt: 0 })
    app.post('/enter', async request => {
      await auth.accounts.signIn(currentAuth(auth, request), user, { methods: ['pwd'] })
      throw new Error('after the sign-in')
    })
    expect((await app.inject({ method: 'POST', url: '/enter' })).statusCode).toBe(500)
    expect(await auth.store.sessions.listByUser('u1')).toEqual([])
  }
})

test('Fastify’s own refusals keep their status', async () => {
  const { auth, errors } = testAuth()
  const app = appOf(auth, { bodyLimit: 100 })
  app.setErrorHandler(problemHandler(auth))
  const schema = { body: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } }
  app.post('/x', { schema }, async () => 'in')
  const refusals = [
    [{ headers: json, payload: '{"a' }, 400, 'invalid_body'],
    [{ headers: json, payload: '' }, 400, 'invalid_body'],
    [{ headers: json, payload: '{}' }, 400, 'invalid_request'],
    [{ headers: json, payload: JSON.stringify({ name: 'x'.repeat(200) }) }, 413, 'body_too_large'],
    [{ headers: { 'content-type': 'text/yaml' }, payload: 'a' }, 415, 'unsupported_media_type'],
  ] as const
  for (const [sent, status, reason] of refusals) {
    const response = await app.inject({ method: 'POST', url: '/x', ...sent })
    expect([response.statusCode, response.json().error.reason]).toEqual([status, reason])
  }
  expect(errors).toEqual([])
})

test('the address is what `trustProxy` says', async () => {
  const { auth } = testAuth()
  const app = appOf(auth, { trustProxy: true })
  app.get('/address', async request => currentAuth(auth, request).request.address)
  const response = await app.inject({ url: '/address', headers: { 'x-forwarded-for': '203.0.113.9' } })
  expect(response.body).toBe('203.0.113.9')
})

test('handlers around which a guard stands know the app’s own user and the route’s types', async () => {
  interface Member extends BaseUser {
    readonly nick: string
  }
  const made = testAuth()
  const auth = made.auth as unknown as Auth<Member>
  const app = appOf(made.auth)
  app.get(
    '/me/:id',
    requireAuthenticated(auth, async (request: AuthRequest<Member, { Params: { id: string } }>, reply) => {
      const nick: string | undefined = request.auth.user?.nick
      const id: string = request.params.id
      // @ts-expect-error a user has no such thing
      request.auth.user?.nothing
      reply.header('x-id', id)
      return { nick: nick ?? null }
    }),
  )
  app.get('/hook', { preHandler: requireAuthenticated(auth) }, async request => currentAuth(auth, request).user?.email)
  const registered = await app.inject({
    method: 'POST',
    url: '/api/v1/registration',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: registrationForm().toString(),
  })
  const headers = { authorization: registered.json().data.access_token }
  const response = await app.inject({ url: '/me/7', headers })
  expect([response.headers['x-id'], response.json()]).toEqual(['7', { nick: null }])
  expect((await app.inject({ url: '/hook', headers })).body).toBe('test@example.com')
  expect((await app.inject({ url: '/hook' })).statusCode).toBe(401)
})
