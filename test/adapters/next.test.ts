import { expect, test, vi } from 'vitest'
import { authHandlers, currentAuth, requireAuthenticated, withAuth } from '../../src/adapters/next.js'
import { cookieSessions, Problem } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'
import { registrationForm } from '../support/guide.js'

let given = new Headers()
vi.mock('next/headers', () => ({ headers: async () => given }))

/** What `redirect()` and `notFound()` of Next throw. */
const digested = (digest: string) => Object.assign(new Error(digest), { digest })

function signInThat(throws: unknown) {
  const made = testAuth()
  const handler = withAuth(made.auth, async (_request, ctx) => {
    const account = { id: 'u1', email: 'me@example.com', passwordHash: null, createdAt: 0 }
    const { user } = await made.auth.users.insert(account)
    await made.auth.accounts.signIn(ctx, user, { methods: ['pwd'] })
    ctx.beforeSend(() => ctx.setCookie('sid=1'))
    throw throws
  })
  const stored = async () => (await made.auth.store.sessions.listByUser('u1')).length
  return { handler, stored }
}

const request = () => new Request('https://x/enter', { method: 'POST' })

test('a handler that ends with redirect() has its writes done, and its cookies', async () => {
  const { handler, stored } = signInThat(digested('NEXT_REDIRECT;replace;/home?a=1;b;307;'))
  const response = await handler(request(), {})
  expect([response.status, response.headers.get('location')]).toEqual([307, '/home?a=1;b'])
  expect(response.headers.getSetCookie()).toEqual(['sid=1'])
  expect(await stored()).toBe(1)
})

test('notFound() stays Next’s own, and its writes are forgotten', async () => {
  const error = digested('NEXT_HTTP_ERROR_FALLBACK;404')
  const { handler, stored } = signInThat(error)
  await expect(handler(request(), {})).rejects.toBe(error)
  expect(await stored()).toBe(0)
})

test('a problem is presented', async () => {
  const { handler, stored } = signInThat(new Problem('mine.refused'))
  expect((await handler(request(), {})).status).toBe(400)
  expect(await stored()).toBe(0)
})

test('handlers know the type of their route', async () => {
  const { auth } = testAuth()
  const GET = requireAuthenticated(auth, async (_request, ctx, route: { params: Promise<{ id: string }> }) => {
    const { id } = await route.params
    return Response.json({ id, email: ctx.user?.email })
  })
  const response = await GET(request(), { params: Promise.resolve({ id: '7' }) })
  expect(response.status).toBe(401)
})

test('a server component reads who asks, and cannot write', async () => {
  const { auth } = testAuth()
  const { POST } = authHandlers(auth)
  const registered = await POST(
    new Request('https://x/api/v1/registration', { method: 'POST', body: registrationForm() }),
    {},
  )
  const { data } = (await registered.json()) as { data: { access_token: string } }
  given = new Headers({ authorization: data.access_token })
  const ctx = await currentAuth(auth)
  expect(ctx.user?.email).toBe('test@example.com')
  await expect(async () => auth.sessions.delete(ctx)).rejects.toThrow(/server component/)
  given = new Headers()
  expect((await currentAuth(auth)).user).toBe(null)
})

test('a server component knows a browser whose cookie is due to be exchanged, and leaves the exchange to others', async () => {
  const { auth, clock } = testAuth({ sessions: cookieSessions() })
  const { POST, GET } = authHandlers(auth)
  const body = registrationForm()
  const registered = await POST(new Request('https://x/api/v1/registration', { method: 'POST', body }), {})
  const cookie = registered.headers.getSetCookie()[0]?.split(';')[0] as string
  clock.advance(15 * 60_000)
  given = new Headers({ cookie })
  const ctx = await currentAuth(auth)
  expect(ctx.user?.email).toBe('test@example.com')
  expect(ctx.hasWrites).toBe(false)
  await expect(async () => auth.sessions.delete(ctx)).rejects.toThrow(/server component/)
  const answered = await GET(new Request('https://x/api/v1/session', { headers: { cookie } }), {})
  expect(answered.headers.getSetCookie()).toHaveLength(1)
  given = new Headers()
})
