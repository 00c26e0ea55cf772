import { describe, expect, test } from 'vitest'
import { compileApp } from '../support/type-project.js'

const MOST_ADDED = 1000
const MOST = 5000

const AUTH = `import { createAuth, memoryUsers } from 'pawl'
export const auth = createAuth({ secret: process.env.AUTH_SECRET, users: memoryUsers() })
`

/** The README's configuration: every option it shows. */
const WHOLE = `import { createAuth, cookieSessions, guidePresenter, memoryUsers, type Extension, type Presenter, Problem } from 'pawl'
import { migrate } from 'pawl/migrations'
import { openSqlite } from 'pawl/sqlite'
import { sqliteStore } from 'pawl/stores/sqlite'
import { sqlUsers } from 'pawl/users/sql'
const database = await openSqlite('app.db')
await migrate(database)
const presenter: Presenter = { ...guidePresenter }
const staffOnly: Extension = {
  name: 'staff_only',
  setup: () => ({
    hooks: {
      signingIn({ user }) {
        if (user.email.endsWith('@example.com')) return
        throw new Problem('staff_only.refused', { status: 403, message: 'Staff only' })
      },
    },
  }),
}
export const small = createAuth({ secret: process.env.AUTH_SECRET, users: memoryUsers() })
export const auth = createAuth({
  secret: ['the new secret, at least 32 bytes long', 'the old secret, at least 32 bytes long'],
  users: sqlUsers(database),
  store: sqliteStore(database),
  sessions: cookieSessions(),
  basePath: '/auth',
  errors: 'problem',
  session: { access: '15m', renewal: '14d', absolute: '60d', race: 'converge' },
  password: { minLength: 12 },
  presenter,
  extensions: [staffOnly],
  onEvent: event => console.log(event.name, event.userId),
  onError: (error, requestId) => console.error(requestId, error),
})
`

/** An option more, and what it is written with. */
const OPTIONS: Readonly<Record<string, string>> = {
  'cookieSessions()': `import { cookieSessions, createAuth, memoryUsers } from 'pawl'
export const auth = createAuth({ secret: process.env.AUTH_SECRET, users: memoryUsers(), sessions: cookieSessions() })
`,
  identifiers: `import { createAuth, memoryUsers } from 'pawl'
export const auth = createAuth({
  secret: process.env.AUTH_SECRET, users: memoryUsers(), identifiers: ['email', 'username'], realm: 'admin',
  tenant: ({ header }) => header('x-tenant'),
})
`,
  'fields of a plain schema': `import { createAuth, memoryUsers, type BaseUser, type FieldsSchema } from 'pawl'
interface Person extends BaseUser { readonly name: string; readonly age: number | null }
const fields: FieldsSchema<Person> = {
  '~standard': { version: 1, vendor: 'own', validate: value => ({ value: value as { name: string } }) },
}
export const auth = createAuth({
  secret: process.env.AUTH_SECRET, users: memoryUsers<Person>({ fields: ['name', 'age'] }), fields,
})
export const name = auth.system.findUser('1').then(user => user?.name)
`,
}

/** An app of a framework without auth, and with it. Both have \`auth.ts\`. */
const APPS: Readonly<Record<string, { bare: string; guarded: string; options?: object }>> = {
  node: {
    bare: `import { createServer } from 'node:http'
createServer((request, response) => void response.end(request.url)).listen(4000)`,
    guarded: `import { createServer } from 'node:http'
import { authListener, requireAuthenticated } from 'pawl/node'
import { auth } from './auth.js'
createServer(authListener(auth, requireAuthenticated(auth, (request, response) => void response.end(request.auth.user?.email)))).listen(4000)`,
  },
  web: {
    bare: `export default { fetch: async (request: Request) => new Response(request.url) }`,
    guarded: `import { authFetch, requireAuthenticated } from 'pawl/web'
import { auth } from './auth.js'
export default { fetch: authFetch(auth, requireAuthenticated(auth, (request, ctx) => new Response(ctx.user?.email))) }`,
  },
  express: {
    bare: `import express from 'express'
const app = express()
app.use((request, response, next) => next())
app.get('/', (request, response) => { response.send(request.url) })
app.use(((error, request, response, next) => next(error)) as express.ErrorRequestHandler)
app.listen(4000)`,
    guarded: `import express from 'express'
import { authMiddleware, problemHandler, requireAuthenticated } from 'pawl/express'
import { auth } from './auth.js'
const app = express()
app.use(authMiddleware(auth))
app.get('/', requireAuthenticated(auth, (request, response) => { response.send(request.auth.user?.email) }))
app.use(problemHandler(auth))
app.listen(4000)`,
  },
  fastify: {
    bare: `import fastify from 'fastify'
const app = fastify()
await app.register(async () => {})
app.get('/', async (request, reply) => reply.send(request.url))
await app.listen({ port: 4000 })`,
    guarded: `import fastify from 'fastify'
import { authPlugin, requireAuthenticated } from 'pawl/fastify'
import { auth } from './auth.js'
const app = fastify()
await app.register(authPlugin(auth))
app.get('/', requireAuthenticated(auth, async (request, reply) => reply.send(request.auth.user?.email)))
await app.listen({ port: 4000 })`,
  },
  hono: {
    bare: `import { Hono } from 'hono'
const app = new Hono()
app.use(async (c, next) => next())
app.get('/', c => c.text(c.req.url))
export default app`,
    guarded: `import { Hono } from 'hono'
import { authMiddleware, requireAuthenticated } from 'pawl/hono'
import { auth } from './auth.js'
const app = new Hono()
app.use(authMiddleware(auth))
app.get('/', requireAuthenticated(auth, c => c.text(c.get('auth').user?.email ?? '')))
export default app`,
  },
  koa: {
    bare: `import Koa from 'koa'
const app = new Koa()
app.use(async (ctx, next) => next())
app.use(ctx => { ctx.body = ctx.url })
app.listen(4000)`,
    guarded: `import Koa from 'koa'
import { authMiddleware, requireAuthenticated } from 'pawl/koa'
import { auth } from './auth.js'
const app = new Koa()
app.use(authMiddleware(auth))
app.use(requireAuthenticated(auth, ctx => { ctx.body = ctx.auth.user?.email }))
app.listen(4000)`,
  },
  nest: {
    options: { experimentalDecorators: true },
    bare: `import { type CanActivate, Controller, Get, Module, Req, UseGuards } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
const guard: CanActivate = { canActivate: () => true }
@Controller() class Home { @Get() @UseGuards(guard) home(@Req() request: { url: string }) { return request.url } }
@Module({ controllers: [Home] }) class App {}
const app = await NestFactory.create(App)
app.use((request: unknown, response: unknown, next: () => void) => next())
await app.listen(4000)`,
    guarded: `import { Controller, Get, Module, Req, UseGuards } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { authMiddleware, currentAuth, requireAuthenticated } from 'pawl/nest'
import { auth } from './auth.js'
@Controller() class Home { @Get() @UseGuards(requireAuthenticated(auth)) home(@Req() request: object) { return currentAuth(auth, request).user?.email } }
@Module({ controllers: [Home] }) class App {}
const app = await NestFactory.create(App)
app.use(authMiddleware(auth))
await app.listen(4000)`,
  },
  next: {
    bare: `export const GET = async (request: Request) => new Response(request.url)`,
    guarded: `import { authHandlers, requireAuthenticated } from 'pawl/next'
import { auth } from './auth.js'
export const { POST } = authHandlers(auth)
export const GET = requireAuthenticated(auth, (request, ctx) => new Response(ctx.user?.email))`,
  },
}

/** Those that are over it still, and what they may not exceed. */
const OVER: Readonly<Record<string, number>> = {}

async function costOf(files: Readonly<Record<string, string>>, options?: object): Promise<number> {
  const { errors, instantiations } = await compileApp(files, options)
  expect(errors).toEqual([])
  return instantiations
}

test(`the README's whole configuration costs less than ${MOST} instantiations`, async () => {
  const [small, whole] = [await costOf({ 'auth.ts': AUTH }), await costOf({ 'auth.ts': WHOLE })]
  console.info(`README's smallest: ${small}; whole: ${whole}`)
  expect(small).toBeLessThan(MOST_ADDED)
  expect(whole).toBeLessThan(MOST)
})

test.each(Object.entries(OPTIONS))(`%s adds less than ${MOST_ADDED}`, async (name, code) => {
  const added = (await costOf({ 'auth.ts': code })) - (await costOf({ 'auth.ts': AUTH }))
  console.info(`${name}: ${added}`)
  expect(added).toBeLessThan(MOST_ADDED)
})

describe('what an adapter with a guard adds to the same app without is little', () => {
  test.each(Object.entries(APPS))('%s', async (name, { bare, guarded, options }) => {
    const before = await costOf({ 'auth.ts': AUTH, 'app.ts': bare }, options)
    const added = (await costOf({ 'auth.ts': AUTH, 'app.ts': guarded }, options)) - before
    console.info(`${name}: ${added} on ${before}`)
    expect(added).toBeLessThan(OVER[name] ?? MOST_ADDED)
  })
})
