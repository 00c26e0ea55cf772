import { bodyParser } from '@koa/bodyparser'
import Koa from 'koa'
import { afterEach, expect, test } from 'vitest'
import { authMiddleware, currentAuth, problemHandler, requireAuthenticated } from '../../src/adapters/koa.js'
import { type Auth, type BaseUser, guidePresenter, Problem } from '../../src/index.js'
import { type Host, testAuth } from '../../src/testing/index.js'
import { registrationForm } from '../support/guide.js'
import { listening } from './hosts/listening.js'

const hosts: Host[] = []
afterEach(() => Promise.all(hosts.splice(0).map(host => host.close())))

async function serving(app: Koa): Promise<Host> {
  app.silent = true
  const host = await listening(app.callback())
  hosts.push(host)
  return host
}

test('middleware outside of ours has its say in our answers', async () => {
  const { auth } = testAuth()
  const app = new Koa()
  const seen: unknown[] = []
  app.use(async (ctx, next) => {
    await next()
    ctx.set('x-after', 'yes')
    seen.push(ctx.status, typeof ctx.body)
  })
  app.use(authMiddleware(auth))
  app.use(() => {
    throw new Problem('mine.refused')
  })
  const host = await serving(app)
  for (const [path, status] of [
    ['/api/v1/session', 401],
    ['/x', 400],
  ] as const) {
    const response = await host.fetch(path, {})
    expect([response.status, response.headers.get('x-after')]).toEqual([status, 'yes'])
  }
  expect(seen).toEqual([401, 'string', 400, 'string'])
})

test('what a body parser refuses is presented, before the auth and after it', async () => {
  const { auth, errors } = testAuth()
  for (const first of [true, false]) {
    const app = new Koa()
    if (first) app.use(problemHandler(auth)).use(bodyParser()).use(authMiddleware(auth))
    else app.use(authMiddleware(auth)).use(bodyParser())
    const host = await serving(app)
    const headers = { 'content-type': 'application/json' }
    const response = await host.fetch('/x', { method: 'POST', headers, body: '{"a' })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { reason: 'invalid_body' } })
  }
  expect(errors).toEqual([])
})

test('a part of an app presents in its own way', async () => {
  const { auth } = testAuth()
  const presenter = { ...guidePresenter, problem: () => ({ status: 418, headers: {}, body: 'mine' }) }
  const app = new Koa().use(authMiddleware(auth)).use(problemHandler(auth, { presenter }))
  app.use(() => {
    throw new Problem('mine.refused')
  })
  const host = await serving(app)
  const response = await host.fetch('/x', {})
  expect([response.status, await response.text()]).toEqual([418, 'mine'])
})

test('the address is what `proxy` says, and handlers know the app’s own user', async () => {
  interface Member extends BaseUser {
    readonly nick: string
  }
  const made = testAuth()
  const auth = made.auth as unknown as Auth<Member>
  const app = new Koa({ proxy: true }).use(authMiddleware(auth)).use(
    requireAuthenticated(auth, ctx => {
      const nick: string | undefined = ctx.auth.user?.nick
      // @ts-expect-error a user has no such thing
      ctx.auth.user?.nothing
      ctx.body = { nick: nick ?? null, address: currentAuth(auth, ctx).request.address }
    }),
  )
  const host = await serving(app)
  const registered = await host.fetch('/api/v1/registration', { method: 'POST', body: registrationForm() })
  const { data } = (await registered.json()) as { data: { access_token: string } }
  const headers = { authorization: data.access_token, 'x-forwarded-for': '203.0.113.9' }
  expect(await (await host.fetch('/me', { headers })).json()).toEqual({ nick: null, address: '203.0.113.9' })
})
