import { once } from 'node:events'
import { connect as connectHttp2, createServer, type Http2Server } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import express, { type Response as ExpressResponse, type NextFunction, type Request } from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { stream } from 'hono/streaming'
import Koa from 'koa'
import { afterEach, expect, test } from 'vitest'
import { authMiddleware, problemHandler, requireNotAuthenticated } from '../../src/adapters/express.js'
import { authPlugin } from '../../src/adapters/fastify.js'
import { authMiddleware as honoAuth } from '../../src/adapters/hono.js'
import { authMiddleware as koaAuth } from '../../src/adapters/koa.js'
import { authListener, type NodeHandler } from '../../src/adapters/node.js'
import { authFetch } from '../../src/adapters/web.js'
import { type Auth, type BaseUser, memoryStore, type Session, type Store } from '../../src/index.js'
import type { Context } from '../../src/sessions/context.js'
import { type Host, testAuth } from '../../src/testing/index.js'
import { listening } from './hosts/listening.js'
import { serving, storeAway } from './node-server.js'

const closing: (() => unknown)[] = []
afterEach(() => Promise.all(closing.splice(0).map(close => close())))

/** Express behind an auth, with what `use` mounts. */
async function onExpress(auths: readonly Auth[], use: (app: express.Express) => void): Promise<Host> {
  const app = express().set('env', 'test')
  for (const auth of auths) app.use(authMiddleware(auth))
  use(app)
  const host = await listening(app)
  closing.push(() => host.close())
  return host
}

interface Slow {
  readonly store: Store
  /** Resolves once a session is on its way to the store. */
  readonly asked: Promise<void>
  /** Lets it arrive. */
  answer(): void
}

/** A store that answers an insert when it is told to, or fails then. */
function slow(fails = false): Slow {
  const inner = memoryStore()
  const [asked, answered] = [signal(), signal()]
  const insert = async (session: Session) => {
    asked.give()
    await answered.given
    if (fails) throw new Error('connect ECONNREFUSED')
    await inner.sessions.insert(session)
  }
  return { store: { ...inner, sessions: { ...inner.sessions, insert } }, asked: asked.given, answer: answered.give }
}

function signal(): { readonly given: Promise<void>; give(): void } {
  let give = () => {}
  const given = new Promise<void>(resolve => {
    give = resolve
  })
  return { given, give }
}

async function newUser(auth: Auth): Promise<BaseUser> {
  const id = crypto.randomUUID()
  return (await auth.users.insert({ id, email: `${id}@example.com`, passwordHash: null, createdAt: 0 })).user
}

async function signIn(auth: Auth, ctx: unknown): Promise<BaseUser> {
  const user = await newUser(auth)
  return auth.accounts.signIn(auth.opened(ctx as Context), user, { methods: ['pwd'] })
}

const sessionsOf = async ({ store }: Auth, user: BaseUser | undefined) =>
  (await store.sessions.listByUser(user?.id ?? '')).length

type Asked = Request & { auth: unknown }

for (const handled of [true, false]) {
  test(`what comes after the response leaves it as it was, ${handled ? 'presented' : 'or in Express’s own words'}`, async () => {
    const { store, asked, answer } = slow()
    const { auth } = testAuth({ store })
    const host = await onExpress([auth], app => {
      app.get('/late', async (request, response) => {
        await signIn(auth, (request as unknown as Asked).auth)
        response.set('cache-control', 'no-store').json({ token: 'x'.repeat(300) })
        await asked
        void turn().then(answer)
        throw new Error('the audit failed')
      })
      app.get('/next', async (request, response, next) => {
        await signIn(auth, (request as unknown as Asked).auth)
        response.set('cache-control', 'no-store').json({ token: 'x'.repeat(300) })
        answer()
        next()
      })
      if (handled) app.use(problemHandler(auth))
    })
    for (const path of ['/late', '/next']) {
      const response = await host.fetch(path, {})
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(await response.json()).toEqual({ token: 'x'.repeat(300) })
    }
  })
}

test('a response that has begun is cut off by what is thrown while its writes are under way', async () => {
  const { store, asked, answer } = slow()
  const { auth } = testAuth({ store })
  const url = await serving(auth, async (request, response) => {
    await signIn(auth, request.auth)
    response.writeHead(200, { 'content-type': 'text/x-mine' })
    response.write('part')
    await asked
    void turn().then(answer)
    throw new Error('later')
  })
  await expect(fetch(url).then(response => response.text())).rejects.toThrow()
})

/** Wraps a response as `compression` and `express-session` do: what they found is called later, and asked for its head. */
function wrapping(_request: Request, response: ExpressResponse, next: NextFunction): void {
  const { write, end, writeHead } = response
  const parts: unknown[] = []
  let headed = false
  response.writeHead = ((...args: Parameters<typeof writeHead>) => {
    if (!headed) response.setHeader('x-wrapped', 'yes')
    headed = true
    return writeHead.apply(response, args)
  }) as typeof writeHead
  const head = () => {
    if (!response.headersSent) response.writeHead(response.statusCode)
  }
  response.write = ((part: unknown) => {
    head()
    parts.push(part)
    return true
  }) as typeof write
  response.end = ((part: unknown) => {
    head()
    write.call(response, `[${parts.join('')}`, 'utf8')
    response.once('drain', () => end.call(response, `${part}]`, 'utf8'))
    return response
  }) as typeof end
  next()
}

test('middleware that wraps a response that is held already writes through it', async () => {
  const { auth } = testAuth()
  let user: BaseUser | undefined
  const host = await onExpress([auth], app => {
    app.use(async (request, _response, next) => {
      user = await signIn(auth, (request as unknown as Asked).auth)
      next()
    })
    app.use(wrapping)
    app.get('/', (_request, response) => {
      response.write('one ')
      response.write('two ')
      response.end('three')
    })
  })
  const response = await host.fetch('/', {})
  expect([await response.text(), response.headers.get('x-wrapped')]).toEqual(['[one two three]', 'yes'])
  expect(await sessionsOf(auth, user)).toBe(1)
})

test('a second head is refused as Node refuses it, and nothing is stored', async () => {
  const { auth, errors } = testAuth()
  let user: BaseUser | undefined
  const url = await serving(auth, async (request, response) => {
    user = await signIn(auth, request.auth)
    response.writeHead(200, { 'x-a': '1' })
    response.writeHead(201, { 'x-a': '2' })
    response.end('hi')
  })
  expect((await fetch(url)).status).toBe(500)
  expect(errors).toMatchObject([{ code: 'ERR_HTTP_HEADERS_SENT' }])
  expect(await sessionsOf(auth, user)).toBe(0)
})

test('a write that fails takes back every word of the handler: a header it changed, and the status’ words', async () => {
  const { auth } = testAuth({ store: storeAway() })
  const url = await serving(auth, async (request, response) => {
    response.setHeader('x-token', 'none')
    await signIn(auth, request.auth)
    const { tokens } = request.auth
    response.setHeader('x-token', tokens?.accessToken ?? '')
    response.statusMessage = tokens?.accessToken ?? ''
    response.end('hi')
  })
  const response = await fetch(url)
  expect([response.status, response.statusText, response.headers.get('x-token')]).toEqual([
    503,
    'Service Unavailable',
    'none',
  ])
  const koa = new Koa().use(koaAuth(auth))
  koa.use(async ctx => {
    await signIn(auth, (ctx as unknown as { auth: unknown }).auth)
    ctx.body = 'hi'
  })
  const host = await listening(koa.callback())
  closing.push(() => host.close())
  expect((await host.fetch('/', {})).statusText).toBe('Service Unavailable')
})

test('two auths hold one response, though one begins when the other has written', async () => {
  const [one, other] = [testAuth().auth, testAuth({ realm: 'other' }).auth]
  const users: BaseUser[] = []
  const host = await onExpress([one, other], app => {
    app.get('/begun', async (request, response) => {
      users.push(await signIn(one, (request as unknown as Asked).auth))
      response.write('begin ')
      await turn()
      users.push(await signIn(other, (request as unknown as Asked).auth))
      response.end('end')
    })
    app.get('/ended', async (request, response) => {
      users.push(await signIn(one, (request as unknown as Asked).auth))
      response.end('begin end')
      users.push(await signIn(other, (request as unknown as Asked).auth))
    })
  })
  for (const path of ['/begun', '/ended']) {
    expect(await (await host.fetch(path, {})).text()).toBe('begin end')
    const [first, second] = users.splice(0)
    expect(await sessionsOf(one, first)).toBe(1)
    await expect.poll(() => sessionsOf(other, second)).toBe(1)
  }
})

test('what one auth could not store takes with it what another has queued', async () => {
  const { store, asked, answer } = slow(true)
  const [one, other] = [testAuth({ store }).auth, testAuth({ realm: 'other' }).auth]
  let user: BaseUser | undefined
  const host = await onExpress([one, other], app => {
    app.get('/', async (request, response) => {
      await signIn(one, (request as unknown as Asked).auth)
      response.write('begin')
      await asked
      user = await signIn(other, (request as unknown as Asked).auth)
      answer()
      await turn()
      response.end('end')
    })
  })
  const response = await host.fetch('/', {})
  expect([response.status, await response.json()]).toMatchObject([503, { error: { reason: 'unavailable' } }])
  expect(await sessionsOf(other, user)).toBe(0)
})

test('an async handler of Fastify that sends and returns nothing is one answer', async () => {
  const { auth } = testAuth()
  const app = fastify()
  closing.push(() => app.close())
  await app.register(authPlugin(auth))
  app.addHook('onRequest', async (_request, reply) => void reply.header('x-early', 'yes'))
  app.get('/', async (request, reply) => {
    await signIn(auth, (request as unknown as Asked).auth)
    reply.removeHeader('x-early')
    reply.send({ hi: 1 })
  })
  const answered = await (await fetch(await app.listen({ port: 0 }))).json()
  expect(answered).toEqual({ hi: 1 })
  const { headers } = await app.inject('/')
  expect([headers['content-length'], headers['x-early']]).toEqual(['8', undefined])
})

/** Asks over HTTP/2 without TLS. */
async function overHttp2(
  auth: Auth,
  handler: NodeHandler,
): Promise<{ headers: Record<string, unknown>; text: string }> {
  const server: Http2Server = createServer(authListener(auth, handler) as never).listen(0)
  await once(server, 'listening')
  const client = connectHttp2(`http://localhost:${(server.address() as AddressInfo).port}`)
  const asking = client.request({ ':path': '/' })
  const [headers] = await once(asking, 'response')
  let text = ''
  for await (const part of asking) text += part
  client.close()
  server.close()
  return { headers, text }
}

test('HTTP/2 waits as well, with its cookies, and tells what failed', async () => {
  const [works, fails] = [testAuth().auth, testAuth({ store: storeAway() }).auth]
  for (const [auth, status] of [[works, 200] as const, [fails, 503] as const]) {
    for (const text of ['', 'hi']) {
      const { headers } = await overHttp2(auth, async (request, response) => {
        await signIn(auth, request.auth)
        request.auth.beforeSend(() => request.auth.setCookie('sid=1'))
        response.end(text)
      })
      expect([headers[':status'], headers['set-cookie']]).toEqual([status, status === 200 ? ['sid=1'] : undefined])
    }
  }
})

test('requests that follow one another on a connection get their own answers', async () => {
  const { auth } = testAuth()
  const url = await serving(auth, async (request, response) => {
    if (request.url === '/a') await signIn(auth, request.auth)
    response.end(`said ${request.url}`)
  })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const ask = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`
  socket.write(ask('/a') + ask('/b') + ask('/c', 'Connection: close\r\n'))
  let text = ''
  for await (const part of socket) text += part
  expect(text.match(/said .\w/g)).toEqual(['said /a', 'said /b', 'said /c'])
})

test('`auth` of other middleware is not taken for ours, and what a handler queued is forgotten all the same', async () => {
  const { auth } = testAuth()
  let user: BaseUser | undefined
  const app = express().use((request, _response, next) => {
    Object.assign(request, { auth: { user: 'basic', password: 'secret' } })
    next()
  })
  app.use(authMiddleware(auth))
  app.get('/', async request => {
    user = await signIn(auth, (request as unknown as Asked).auth)
    throw new Error('later')
  })
  app.use(problemHandler(auth))
  const host = await listening(app)
  closing.push(() => host.close())
  expect(await (await host.fetch('/', {})).json()).toMatchObject({ error: { reason: 'internal' } })
  expect(await sessionsOf(auth, user)).toBe(0)

  const hono = new Hono().use(async (c, next) => {
    c.set('auth' as never, { user: 'basic' } as never)
    await next()
  })
  hono.use(honoAuth(auth))
  hono.get('/', async c => {
    user = await signIn(auth, c.get('auth' as never))
    throw new Error('later')
  })
  hono.onError((_error, c) => c.text('own', 500))
  expect(await (await hono.request('/')).text()).toBe('own')
  expect(await sessionsOf(auth, user)).toBe(0)
})

test('whatever a guarded handler of Express calls `next` with for an error, nothing is stored', async () => {
  const { auth } = testAuth()
  const users: BaseUser[] = []
  const host = await onExpress([auth], app => {
    app.get(
      '/',
      requireNotAuthenticated(auth, async (request, _response, next) => {
        users.push(await signIn(auth, request.auth))
        next(request.query.text ?? { status: 400 })
      }),
    )
    app.use(((_error, _request, response, _next) => response.status(500).send('own')) as express.ErrorRequestHandler)
  })
  for (const path of ['/', '/?text=no']) expect(await (await host.fetch(path, {})).text()).toBe('own')
  for (const user of users) expect(await sessionsOf(auth, user)).toBe(0)
})

test('a sign-in while a Web response streams is stored, late as it is', async () => {
  const { auth } = testAuth()
  const user = await newUser(auth)
  const { given, give } = signal()
  const serve = authFetch(auth, (_request, ctx) => {
    const body = new ReadableStream({
      async pull(controller) {
        await given
        await auth.accounts.signIn(ctx, user, { methods: ['pwd'] })
        controller.enqueue(new TextEncoder().encode(ctx.tokens?.accessToken))
        controller.close()
      },
    })
    return new Response(body)
  })
  const response = await serve(new globalThis.Request('http://localhost/'))
  give()
  expect(await response.text()).toMatch(/^pwa1_/)
  await expect.poll(() => sessionsOf(auth, user)).toBe(1)

  const app = new Hono().use(honoAuth(auth)).get('/', c =>
    stream(c, async out => {
      await turn()
      await auth.accounts.signIn(auth.opened(c.get('auth' as never)), user, { methods: ['pwd'] })
      await out.write('told')
    }),
  )
  expect(await (await app.request('/')).text()).toBe('told')
  await expect.poll(() => sessionsOf(auth, user)).toBe(2)
})

test('a body that a host parsed is held to our limit, whatever its length is said to be', async () => {
  const { auth } = testAuth()
  const app = express().use(express.json({ limit: '50mb' }), authMiddleware(auth))
  const host = await listening(app)
  closing.push(() => host.close())
  const parts = ['{"user":{"email":"me@example.com","password":"', 'x'.repeat(70_000), '"}}']
  const body = ReadableStream.from(parts.map(part => new TextEncoder().encode(part)))
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body, duplex: 'half' }
  expect((await host.fetch('/api/v1/session', init as RequestInit)).status).toBe(413)
})
