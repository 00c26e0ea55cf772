import express from 'express'
import { afterEach, expect, test } from 'vitest'
import { authMiddleware, currentAuth, problemHandler, requireAuthenticated } from '../../src/adapters/express.js'
import { type BaseUser, memoryUsers, type UserRepository } from '../../src/index.js'
import { type Host, testAuth } from '../../src/testing/index.js'
import { registrationForm } from '../support/guide.js'
import { listening } from './hosts/listening.js'

const hosts: Host[] = []
afterEach(() => Promise.all(hosts.splice(0).map(host => host.close())))

async function serving(app: express.Express): Promise<Host> {
  const host = await listening(app)
  hosts.push(host)
  return host
}

const post = (body: string, type: string) => ({ method: 'POST', headers: { 'content-type': type }, body })
const FORM = 'application/x-www-form-urlencoded'

test('a handler around which a guard stands knows the app’s own user', async () => {
  interface Member extends BaseUser {
    readonly nick: string
  }
  const { auth } = testAuth()
  const members = auth as unknown as ReturnType<typeof testAuth>['auth'] & { readonly users: UserRepository<Member> }
  const typed = members as unknown as import('../../src/index.js').Auth<Member>
  const app = express()
  app.use(authMiddleware(typed))
  app.get(
    '/me/:id',
    requireAuthenticated(typed, (request, response) => {
      const nick: string | undefined = request.auth.user?.nick
      // @ts-expect-error a user has no such thing
      request.auth.user?.nothing
      response.json({ nick: nick ?? null, id: request.params.id, query: request.query })
    }),
  )
  app.get('/who', requireAuthenticated(typed), (request, response) => {
    response.json(currentAuth(typed, request).user?.nick ?? null)
  })
  const host = await serving(app)
  const registered = await host.fetch('/api/v1/registration', { method: 'POST', body: registrationForm() })
  const { data } = (await registered.json()) as { data: { access_token: string } }
  const headers = { authorization: data.access_token }
  expect(await (await host.fetch('/me/7?x=1', { headers })).json()).toEqual({ nick: null, id: '7', query: { x: '1' } })
  expect((await host.fetch('/who', { headers })).status).toBe(200)
})

test('the address is what `trust proxy` says, and the target is whole below a mount path', async () => {
  const { auth } = testAuth({ users: memoryUsers() })
  const app = express().set('trust proxy', true)
  const inner = express.Router()
  inner.use(authMiddleware(auth))
  inner.get('/ctx', (request, response) => {
    const { request: exchange } = currentAuth(auth, request)
    response.json([exchange.target, exchange.address])
  })
  app.use('/deep', inner)
  const host = await serving(app)
  const response = await host.fetch('/deep/ctx?a=1', { headers: { 'x-forwarded-for': '203.0.113.9' } })
  expect(await response.json()).toEqual(['/deep/ctx?a=1', '203.0.113.9'])
})

test('a parser that stands before the auth is presented too, and costs the store nothing', async () => {
  let reads = 0
  const { auth } = testAuth({
    tenant: () => {
      reads++
      return 'a'
    },
  })
  const app = express().use(express.json({ limit: 10 }), authMiddleware(auth), problemHandler(auth))
  const host = await serving(app)
  const broken = await host.fetch('/x', post('{"a', 'application/json'))
  expect(broken.status).toBe(400)
  expect(await broken.json()).toMatchObject({ error: { reason: 'invalid_body', message: 'Body is not valid JSON' } })
  const large = await host.fetch('/x', post('{"a":"bbbbbbbbbbbbb"}', 'application/json'))
  expect(large.status).toBe(413)
  expect(reads).toBe(0)
})

test('bodies as older and other parsers leave them are read', async () => {
  const { auth } = testAuth()
  const app = express()
  app.use((request, _response, next) => {
    if (request.headers['x-parser'] === 'idle') request.body = {}
    if (request.headers['x-parser'] !== 'multer') return next()
    request.resume().once('end', () => {
      request.body = Object.assign(Object.create(null), {
        user: Object.assign(Object.create(null), { email: 'm@example.com', password: 'secret1234' }),
        'user[password_confirmation]': 'secret1234',
      })
      next()
    })
  })
  app.use(authMiddleware(auth))
  const host = await serving(app)
  for (const parser of ['idle', 'multer']) {
    const sent = post(registrationForm(`${parser}@example.com`).toString(), FORM)
    const response = await host.fetch('/api/v1/registration', {
      ...sent,
      headers: { ...sent.headers, 'x-parser': parser },
    })
    expect([parser, response.status]).toEqual([parser, 200])
  }
})

test('what a guarded handler throws is forgotten without a problemHandler', async () => {
  const { auth, errors } = testAuth()
  const { user } = await auth.users.insert({ id: 'u1', email: 'me@example.com', passwordHash: null, createdAt: 0 })
  const app = express().use(authMiddleware(auth))
  app.post(
    '/enter',
    requireAuthenticated(auth, async (request, _response, next) => {
      await auth.accounts.signIn(request.auth, user, { methods: ['pwd'] })
      if (request.query.next) return next(new Error('after the sign-in'))
      throw new Error('after the sign-in')
    }),
  )
  app.use(((_error, _request, response, _next) => {
    response.status(500).send('own')
  }) satisfies express.ErrorRequestHandler)
  const host = await serving(app)
  const registered = await host.fetch('/api/v1/registration', { method: 'POST', body: registrationForm() })
  const { data } = (await registered.json()) as { data: { access_token: string } }
  for (const path of ['/enter', '/enter?next=1']) {
    const response = await host.fetch(path, { method: 'POST', headers: { authorization: data.access_token } })
    expect(await response.text()).toBe('own')
  }
  expect(await auth.store.sessions.listByUser('u1')).toEqual([])
  expect(errors).toEqual([])
})

test('a guard without its middleware is an error that says so', async () => {
  const { auth } = testAuth()
  const app = express().get('/me', requireAuthenticated(auth), (_request, response) => {
    response.send('in')
  })
  app.use(((error, _request, response, _next) => {
    response.status(500).send(error.message)
  }) satisfies express.ErrorRequestHandler)
  const host = await serving(app)
  expect(await (await host.fetch('/me', {})).text()).toMatch(/did not come through this auth/)
})
