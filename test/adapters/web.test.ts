import { expect, test } from 'vitest'
import { authFetch, requireAuthenticated, requireNotAuthenticated, type WebHandler } from '../../src/adapters/web.js'
import { type Auth, type BaseUser, guidePresenter, type Problem } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'
import { PASSWORD, registrationForm } from '../support/guide.js'
import { slowStore, storeAway } from './node-server.js'

type Fetch = (request: Request) => Promise<Response>

/** Sends a request to a `fetch`, as a runtime would. */
async function call(
  fetch: Fetch,
  method: string,
  path: string,
  { token, body }: { token?: string; body?: URLSearchParams | FormData | string } = {},
) {
  const init: RequestInit = { method, ...(body !== undefined && { body }) }
  const request = new Request(`https://api.example.com${path}`, init)
  if (token !== undefined) request.headers.set('authorization', token)
  const response = await fetch(request)
  const text = await response.text()
  // biome-ignore lint/suspicious/noExplicitAny: a test reads into it and fails where it is wrong
  const json: any = text.startsWith('{') ? JSON.parse(text) : null
  return { status: response.status, headers: response.headers, text, json }
}

async function registered(fetch: Fetch, email?: string): Promise<{ access: string; renewal: string }> {
  const { json } = await call(fetch, 'POST', '/api/v1/registration', { body: registrationForm(email) })
  return { access: json.data.access_token, renewal: json.data.renewal_token }
}

async function newUser(auth: Auth): Promise<BaseUser> {
  const { user } = await auth.users.insert({ id: 'u1', email: 'me@example.com', passwordHash: null, createdAt: 0 })
  return user
}

const me: WebHandler = (_request, { user }) => Response.json({ email: user?.email ?? null })

test("the guide's flow works over Request and Response", async () => {
  const { auth } = testAuth()
  const fetch = authFetch(auth)
  const { access, renewal } = await registered(fetch)
  const session = await call(fetch, 'POST', '/api/v1/session', { body: registrationForm() })
  expect(session.headers.get('cache-control')).toBe('no-store')
  expect((await call(fetch, 'GET', '/api/v1/session', { token: access })).status).toBe(200)
  const renewed = await call(fetch, 'POST', '/api/v1/session/renew', { token: renewal })
  expect(renewed.status).toBe(200)
  expect((await call(fetch, 'GET', '/api/v1/session', { token: access })).status).toBe(401)
  const ended = await call(fetch, 'DELETE', '/api/v1/session', { token: renewed.json.data.access_token })
  expect(ended.json).toEqual({ data: {} })
})

test('JSON, forms and multipart forms are read, and too large a body is refused', async () => {
  const { auth } = testAuth()
  const fetch = authFetch(auth)
  const user = { email: 'json@example.com', password: PASSWORD, password_confirmation: PASSWORD }
  const json = new Request('https://x/api/v1/registration', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user }),
  })
  expect((await fetch(json)).status).toBe(200)
  const multipart = new FormData()
  for (const [name, value] of registrationForm('multipart@example.com')) multipart.append(name, value)
  expect((await call(fetch, 'POST', '/api/v1/registration', { body: multipart })).status).toBe(200)
  const large = registrationForm(`${'a'.repeat(70_000)}@example.com`)
  expect((await call(fetch, 'POST', '/api/v1/registration', { body: large })).status).toBe(413)
})

test('the address of the peer comes from the platform, and is unknown otherwise', async () => {
  const { auth } = testAuth()
  const known = authFetch(auth, undefined, { address: () => '203.0.113.9' })
  const addressOf = async (fetch: Fetch, email: string) => {
    const { access } = await registered(fetch, email)
    const { json } = await call(fetch, 'GET', '/api/v1/session', { token: access })
    return json.data.session.device.created.address
  }
  expect(await addressOf(known, 'a@example.com')).toBe('203.0.113.9')
  expect(await addressOf(authFetch(auth), 'b@example.com')).toBe(null)
})

test('without an app any other path is a 404 in JSON, and HEAD has no body', async () => {
  const { auth } = testAuth()
  const fetch = authFetch(auth)
  const { status, headers, json } = await call(fetch, 'GET', '/nowhere')
  expect(status).toBe(404)
  expect(headers.get('content-type')).toMatch(/^application\/json/)
  expect(json.error).toMatchObject({ status: 404, reason: 'not_found' })
  expect(await call(fetch, 'HEAD', '/nowhere')).toMatchObject({ status: 404, text: '' })
  const { access } = await registered(fetch)
  expect(await call(fetch, 'HEAD', '/api/v1/session', { token: access })).toMatchObject({ status: 200, text: '' })
})

test('guards let through whom they should, and answer the others with their presenter', async () => {
  const { auth } = testAuth()
  const guarded = authFetch(auth, requireAuthenticated(auth, me))
  const { access, renewal } = await registered(guarded)
  expect((await call(guarded, 'GET', '/me', { token: access })).json).toEqual({ email: 'test@example.com' })
  for (const token of ['invalid', renewal, `${access}, ${access}`, `Basic ${access}`]) {
    const refused = await call(guarded, 'GET', '/me', { token })
    expect(refused.status, token).toBe(401)
    expect(refused.headers.get('www-authenticate')).toBe('Bearer')
  }

  const anonymous = authFetch(auth, requireNotAuthenticated(auth, me))
  expect((await call(anonymous, 'GET', '/welcome')).json).toEqual({ email: null })
  expect((await call(anonymous, 'GET', '/welcome', { token: access })).status).toBe(409)

  const presenter = {
    ...guidePresenter,
    problem: ({ code }: Problem) => ({ status: 403, headers: {}, body: `not you: ${code}` }),
  }
  const own = authFetch(auth, requireAuthenticated(auth, me, { presenter }))
  expect(await call(own, 'GET', '/me')).toMatchObject({ status: 403, text: 'not you: not_authenticated' })
})

test('a controller of the app registers, changes and closes accounts', async () => {
  const { auth } = testAuth()
  const fetch = authFetch(auth, async (request, ctx) => {
    const input = (await request.json()) as Record<string, unknown>
    if (request.method === 'POST') await auth.accounts.create(ctx, input)
    if (request.method === 'PATCH') await auth.accounts.update(ctx, input)
    if (request.method === 'DELETE') await auth.accounts.delete(ctx, input)
    return Response.json({ email: ctx.user?.email ?? null, ...ctx.tokens }, { status: 201 })
  })
  const send = (method: string, input: object, token?: string) =>
    call(fetch, method, '/account', { body: JSON.stringify(input), ...(token !== undefined && { token }) })
  const status = async (token: string) => (await call(fetch, 'GET', '/api/v1/session', { token })).status

  const input = { email: 'me@example.com', password: PASSWORD, password_confirmation: PASSWORD }
  const { json } = await send('POST', input)
  expect(await status(json.accessToken)).toBe(200)
  expect((await send('POST', input)).json.error.errors).toEqual({ email: ['has already been taken'] })
  const change = { email: 'you@example.com', current_password: PASSWORD }
  expect((await send('PATCH', change, json.accessToken)).json).toEqual({ email: 'you@example.com' })
  await send('DELETE', { current_password: PASSWORD }, json.accessToken)
  expect(await status(json.accessToken)).toBe(401)
})

test('a response is not returned before the session is stored, also when it streams', async () => {
  const order: string[] = []
  const { auth } = testAuth({ store: slowStore(() => order.push('stored'), Date.now), now: Date.now })
  const user = await newUser(auth)
  let token = ''
  const fetch = authFetch(auth, async (request, ctx) => {
    await auth.accounts.signIn(ctx, user, { methods: ['pwd'] })
    token = ctx.tokens?.accessToken ?? ''
    if (request.url.endsWith('/plain')) return new Response(token)
    const parts = ['one ', 'two']
    const stream = new ReadableStream({
      pull(controller) {
        const part = parts.shift()
        if (part === undefined) controller.close()
        else controller.enqueue(new TextEncoder().encode(part))
      },
    })
    return new Response(stream)
  })
  for (const [path, text] of [
    ['/plain', /^pwa1_/],
    ['/stream', /^one two$/],
  ] as const) {
    const response = await fetch(new Request(`https://x${path}`, { method: 'POST' }))
    order.push('returned')
    expect(await response.text()).toMatch(text)
    expect((await call(fetch, 'GET', '/api/v1/session', { token })).status, path).toBe(200)
  }
  expect(order).toEqual(['stored', 'returned', 'stored', 'returned'])
})

test('a sign-in is forgotten when the handler throws after it', async () => {
  const { auth, errors } = testAuth()
  const user = await newUser(auth)
  const fetch = authFetch(auth, async (_request, ctx) => {
    await auth.accounts.signIn(ctx, user, { methods: ['pwd'] })
    throw new Error('after the sign-in')
  })
  const { status, text } = await call(fetch, 'POST', '/enter')
  expect(status).toBe(500)
  expect(text).not.toMatch(/pwa1_|after the sign-in/)
  expect(await auth.store.sessions.listByUser(user.id)).toEqual([])
  expect(errors).toEqual([new Error('after the sign-in')])
})

test('a handler that throws before it returns a promise is presented too', async () => {
  const { auth } = testAuth()
  const fetch = authFetch(auth, () => {
    throw new Error('at once')
  })
  expect((await call(fetch, 'GET', '/')).status).toBe(500)
})

test('a write that fails becomes the response, whatever the handler said', async () => {
  const { auth } = testAuth({ store: storeAway() })
  const user = await newUser(auth)
  const fetch = authFetch(auth, async (_request, ctx) => {
    await auth.accounts.signIn(ctx, user, { methods: ['pwd'] })
    const token = ctx.tokens?.accessToken ?? ''
    return new Response(token, { headers: { 'x-token': token } })
  })
  const { status, headers, text, json } = await call(fetch, 'POST', '/enter')
  expect(status).toBe(503)
  expect(json.error.reason).toBe('unavailable')
  expect(headers.get('retry-after')).toBe('1')
  expect(text + JSON.stringify([...headers])).not.toContain('pwa1_')
})

test('a response without queued writes is the very one the handler made', async () => {
  const { auth } = testAuth()
  const made = new Response('mine')
  expect(await authFetch(auth, () => made)(new Request('https://x/'))).toBe(made)
})

test('while the store is away public routes answer and guarded ones say try again', async () => {
  const users = testAuth().auth.users
  const { access } = await registered(authFetch(testAuth({ users }).auth))
  const { auth } = testAuth({ users, store: storeAway() })
  expect((await call(authFetch(auth, me), 'GET', '/public', { token: access })).json).toEqual({ email: null })
  const guarded = authFetch(auth, requireAuthenticated(auth, me))
  const { status, headers } = await call(guarded, 'GET', '/me', { token: access })
  expect(status).toBe(503)
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  expect(headers.get('www-authenticate')).toBe(null)
})

test('requests at the same time never see one another', async () => {
  const { auth } = testAuth()
  const emails = Array.from({ length: 30 }, (_, index) => `person${index}@example.com`)
  let inside = 0
  let open = () => {}
  const everybody = new Promise<void>(resolve => {
    open = resolve
  })
  const fetch = authFetch(
    auth,
    requireAuthenticated(auth, async (request, ctx) => {
      if (++inside === emails.length) open()
      await everybody
      return me(request, ctx)
    }),
  )
  const pairs = await Promise.all(emails.map(email => registered(fetch, email)))
  const answers = await Promise.all(pairs.map(({ access }) => call(fetch, 'GET', '/me', { token: access })))
  expect(answers.map(({ json }) => json.email)).toEqual(emails)
})
