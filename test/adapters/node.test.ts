import { createServer, request as httpRequest } from 'node:http'
import { expect, test } from 'vitest'
import {
  authListener,
  type NodeHandler,
  requireAuthenticated,
  requireNotAuthenticated,
} from '../../src/adapters/node.js'
import { guidePresenter, memoryUsers, Problem } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'
import { PASSWORD, register, registrationForm, send } from '../support/guide.js'
import { serving, storeAway } from './node-server.js'

const JSON_TYPE = { 'content-type': 'application/json' }

/** The guarded route of the examples: who is signed in. */
const me: NodeHandler = ({ auth }, response) => response.end(JSON.stringify({ email: auth.user?.email ?? null }))

test("the guide's flow works over a real server", async () => {
  const { auth } = testAuth()
  const base = `${await serving(auth)}/api/v1`
  const { access, renewal } = await register(base)
  const profile = await send(base, 'GET', '/session', { token: access })
  expect(profile.json.data.user.email).toBe('test@example.com')
  expect(profile.json.data.session.device.created.address).toBe('127.0.0.1')
  const renewed = await send(base, 'POST', '/session/renew', { token: renewal })
  expect(renewed.status).toBe(200)
  expect((await send(base, 'GET', '/session', { token: access })).status).toBe(401)
  expect((await send(base, 'DELETE', '/session', { token: renewed.json.data.access_token })).json).toEqual({ data: {} })
})

test('without an app any other path is a 404 in JSON', async () => {
  const { auth } = testAuth()
  const url = await serving(auth)
  const { status, headers, json } = await send(url, 'GET', '/nowhere')
  expect(status).toBe(404)
  expect(headers.get('content-type')).toMatch(/^application\/json/)
  expect(json.error).toMatchObject({ status: 404, reason: 'not_found' })
  expect((await send(url, 'GET', '/api/v1')).status).toBe(404)
  expect((await send(url, 'GET', '/api/v1/%2e%2e/session')).status).toBe(404)
})

test('a guarded handler answers its user and nobody else', async () => {
  const { auth, clock } = testAuth()
  const url = await serving(auth, requireAuthenticated(auth, me))
  const { access, renewal } = await register(`${url}/api/v1`)
  for (const token of [access, `Bearer ${access}`, `bEARER ${access}`]) {
    expect((await send(url, 'GET', '/me', { token })).json).toEqual({ email: 'test@example.com' })
  }
  for (const token of [undefined, 'invalid', renewal, `${access}A`, `Basic ${access}`, `Bearer  ${access}`]) {
    const refused = await send(url, 'GET', '/me', token === undefined ? {} : { token })
    expect(refused.status, token).toBe(401)
    expect(refused.headers.get('www-authenticate')).toBe('Bearer')
    expect(refused.json.error).toMatchObject({ code: 401, message: 'Not authenticated' })
  }
  clock.advance(30 * 60_000)
  expect((await send(url, 'GET', '/me', { token: access })).status).toBe(401)
})

test('two Authorization headers are nobody, whichever of them is good', async () => {
  const { auth } = testAuth()
  const url = await serving(auth, requireAuthenticated(auth, me))
  const { access } = await register(`${url}/api/v1`)
  const statuses = [
    [access, access],
    [access, 'x'],
    ['x', access],
  ].map(
    tokens =>
      new Promise(resolve => {
        const headers = tokens.flatMap(token => ['Authorization', token])
        httpRequest(`${url}/me`, { headers: [...headers, 'Host', 'localhost'] }, ({ statusCode }) =>
          resolve(statusCode),
        )
          .on('error', resolve)
          .end()
      }),
  )
  expect(await Promise.all(statuses)).toEqual([401, 401, 401])
})

test('a guard answers with the presenter it was given', async () => {
  const { auth } = testAuth()
  const presenter = {
    ...guidePresenter,
    problem: ({ code }: Problem) => ({ status: 403, headers: { 'x-from': 'me' }, body: `not you: ${code}` }),
  }
  const url = await serving(auth, requireAuthenticated(auth, me, { presenter }))
  const refused = await send(url, 'GET', '/me')
  expect(refused).toMatchObject({ status: 403, text: 'not you: not_authenticated' })
  expect(refused.headers.get('x-from')).toBe('me')
  expect((await send(url, 'GET', '/api/v1/session')).status).toBe(401)
})

test('requireNotAuthenticated lets through who is nobody, and a bad token is nobody', async () => {
  const { auth } = testAuth()
  const url = await serving(auth, requireNotAuthenticated(auth, me))
  const { access } = await register(`${url}/api/v1`)
  expect((await send(url, 'GET', '/welcome')).json).toEqual({ email: null })
  expect((await send(url, 'GET', '/welcome', { token: 'invalid' })).json).toEqual({ email: null })
  const refused = await send(url, 'GET', '/welcome', { token: access })
  expect(refused.status).toBe(409)
  expect(refused.json.error.reason).toBe('already_authenticated')
})

test('a controller of the app registers, signs in, changes and closes accounts', async () => {
  const { auth } = testAuth()
  const url = await serving(auth, async ({ auth: ctx, method, url: path }, response) => {
    const body = new TextDecoder().decode(await ctx.request.readBody(10_000))
    const input = body === '' ? {} : JSON.parse(body)
    if (path === '/join') await auth.accounts.create(ctx, input)
    else if (path === '/enter') await auth.accounts.authenticate(ctx, input)
    else if (path === '/leave') await auth.sessions.delete(ctx)
    else if (method === 'PATCH') await auth.accounts.update(ctx, input)
    else if (method === 'DELETE') await auth.accounts.delete(ctx, input)
    response.writeHead(path === '/join' ? 201 : 200, JSON_TYPE)
    response.end(JSON.stringify({ ...ctx.tokens, email: ctx.user?.email }))
  })
  const call = (method: string, path: string, input: object, token?: string) =>
    send(url, method, path, { body: JSON.stringify(input), ...(token !== undefined && { token }) })
  const input = { email: 'me@example.com', password: PASSWORD }
  const valid = async (token: string) => (await send(url, 'GET', '/api/v1/session', { token })).status === 200

  const joined = await call('POST', '/join', { ...input, password_confirmation: PASSWORD })
  expect(joined.status).toBe(201)
  expect(await valid(joined.json.accessToken)).toBe(true)
  const entered = await call('POST', '/enter', input)
  expect(await valid(entered.json.accessToken)).toBe(true)

  const change = { email: 'you@example.com', current_password: PASSWORD }
  expect((await call('PATCH', '/me', change, entered.json.accessToken)).json).toEqual({ email: 'you@example.com' })
  expect(await valid(entered.json.accessToken)).toBe(true)
  expect(await valid(joined.json.accessToken)).toBe(false)

  const again = await call('POST', '/enter', { ...input, email: 'you@example.com' })
  await call('POST', '/leave', {}, again.json.accessToken)
  expect(await valid(again.json.accessToken)).toBe(false)
  await call('DELETE', '/me', { current_password: PASSWORD }, entered.json.accessToken)
  expect(await valid(entered.json.accessToken)).toBe(false)
  expect((await call('POST', '/enter', { ...input, email: 'you@example.com' })).status).toBe(401)
})

test('what a controller of the app throws is presented', async () => {
  const { auth, errors } = testAuth()
  const secret = 'a secret of the app'
  const url = await serving(auth, async ({ auth: ctx, url: path }) => {
    if (path === '/join') await auth.accounts.create(ctx, { email: 'nobody' })
    if (path === '/enter') await auth.accounts.authenticate(ctx, { email: 'a@example.com', password: 'x' })
    if (path === '/teapot') throw new Problem('teapot', { status: 418, message: 'Short and stout' })
    throw new Error(secret)
  })
  const joined = await send(url, 'POST', '/join')
  expect(joined.status).toBe(500)
  expect(joined.json.error).toMatchObject({
    message: "Couldn't create user",
    errors: { email: ['has invalid format'] },
  })
  expect((await send(url, 'POST', '/enter')).json.error).toMatchObject({ status: 401, reason: 'invalid_credentials' })
  expect((await send(url, 'GET', '/teapot')).json.error).toEqual({
    status: 418,
    message: 'Short and stout',
    reason: 'teapot',
  })
  const broken = await send(url, 'GET', '/broken')
  expect(broken.status).toBe(500)
  expect(broken.text).not.toContain(secret)
  expect(errors).toEqual([new Error(secret)])
})

test('while the store is away public routes answer and guarded ones say try again, never sign in again', async () => {
  const users = memoryUsers()
  const ready = testAuth({ users })
  const { access } = await register(`${await serving(ready.auth)}/api/v1`)
  const { auth } = testAuth({ users, store: storeAway() })
  const guarded = requireAuthenticated(auth, me)
  const anonymous = requireNotAuthenticated(auth, me)
  const url = await serving(auth, (request, response) => {
    if (request.url === '/public') return me(request, response)
    return request.url === '/welcome' ? anonymous(request, response) : guarded(request, response)
  })
  expect(await send(url, 'GET', '/public', { token: access })).toMatchObject({ status: 200, json: { email: null } })
  for (const path of ['/me', '/welcome', '/api/v1/session']) {
    const { status, headers, json } = await send(url, 'GET', path, { token: access })
    expect(status, path).toBe(503)
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    expect(headers.get('www-authenticate')).toBe(null)
    expect(json.error.reason).toBe('unavailable')
  }
  expect((await send(url, 'DELETE', '/api/v1/session', { token: access })).status).toBe(503)
  expect((await send(url, 'GET', '/me')).status).toBe(401)
})

test('requests at the same time never see one another', async () => {
  const { auth } = testAuth()
  const count = 30
  let inside = 0
  let open = () => {}
  const everybody = new Promise<void>(resolve => {
    open = resolve
  })
  const url = await serving(
    auth,
    requireAuthenticated(auth, async (request, response) => {
      if (++inside === count) open()
      await everybody
      await me(request, response)
    }),
  )
  const emails = Array.from({ length: count }, (_, index) => `person${index}@example.com`)
  const pairs = await Promise.all(emails.map(email => register(`${url}/api/v1`, email)))
  const answers = await Promise.all(pairs.map(({ access }) => send(url, 'GET', '/me', { token: access })))
  expect(answers.map(({ json }) => json.email)).toEqual(emails)
})

test('an id given to the request before is the one in events', async () => {
  const { auth, events } = testAuth()
  const listener = authListener(auth)
  const server = createServer((request, response) => listener(Object.assign(request, { id: 'mine-1' }), response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  try {
    const address = server.address() as { port: number }
    await send(`http://127.0.0.1:${address.port}/api/v1`, 'POST', '/registration', { body: registrationForm() })
    expect(new Set(events.map(({ requestId }) => requestId))).toEqual(new Set(['mine-1']))
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
