import { describe, expect, test } from 'vitest'
import { bearerOrCookieSessions } from '../../src/index.js'
import { ASKING, ask, cookieAuth, NAME, named, PASSWORD, tokenIn, visitor } from './visitor.js'

const make = () => cookieAuth({ sessions: bearerOrCookieSessions() })

/** Two people, each with a pair of tokens and a cookie. */
async function two(made: ReturnType<typeof make>) {
  const person = async (email: string) => {
    const user = { email, password: PASSWORD, password_confirmation: PASSWORD }
    const { data } = (await ask(made.auth, 'POST', '/api/v1/registration', { json: { user } })).body
    const { cookies } = await ask(made.auth, 'POST', '/api/v1/session', { json: { user }, headers: ASKING })
    const cookie = `${NAME}=${tokenIn(cookies)}`
    return { email, access: data.access_token as string, renewal: data.renewal_token as string, cookie }
  }
  return [await person('one@example.com'), await person('two@example.com')] as const
}

const nameOf = (body: { data?: { user: { email: string } } }) => body.data?.user.email

describe('what a sign-in gets', () => {
  test.each([
    [undefined, 200, 'tokens'],
    ['bearer', 200, 'tokens'],
    ['cookie', 200, 'cookie'],
    ['Cookie', 400, null],
    ['cookie, bearer', 400, null],
    ['cookie, cookie', 400, null],
    ['', 400, null],
  ])('Session-Transport: %s', async (transport, status, kind) => {
    const { auth } = make()
    const user = { email: 'a@example.com', password: PASSWORD, password_confirmation: PASSWORD }
    await ask(auth, 'POST', '/api/v1/registration', { json: { user } })
    const headers: Record<string, string> = transport === undefined ? {} : { 'session-transport': transport }
    const answered = await ask(auth, 'POST', '/api/v1/session', { json: { user }, headers })
    expect(answered.status).toBe(status)
    expect(Boolean(answered.body.data?.access_token)).toBe(kind === 'tokens')
    expect(answered.cookies).toHaveLength(kind === 'cookie' ? 1 : 0)
    if (status === 400) expect(answered.body.error.message).toBe('Session-Transport must be cookie or bearer')
  })

  test('remember_me changes nothing about tokens', async () => {
    const made = make()
    const user = { email: 'a@example.com', password: PASSWORD, password_confirmation: PASSWORD, remember_me: false }
    const { data } = (await ask(made.auth, 'POST', '/api/v1/registration', { json: { user } })).body
    made.clock.advance(29 * 24 * 3_600_000)
    const { status } = await ask(made.auth, 'POST', '/api/v1/session/renew', { token: data.renewal_token })
    expect(status).toBe(200)
  })
})

describe('a request with a token and a cookie', () => {
  test('of one user is the token’s', async () => {
    const made = make()
    const [one] = await two(made)
    const { status, body } = await ask(made.auth, 'GET', '/api/v1/session', {
      token: one.access,
      headers: { cookie: one.cookie },
    })
    expect({ status, email: nameOf(body) }).toEqual({ status: 200, email: one.email })
  })

  test('of two users is nobody’s, for any verb, and harms neither', async () => {
    const made = make()
    const [one, other] = await two(made)
    for (const [method, path, token] of [
      ['GET', '/session', one.access],
      ['GET', '/session', one.renewal],
      ['GET', '/session', `Bearer ${one.access}`],
      ['POST', '/session/renew', one.renewal],
      ['DELETE', '/sessions', one.access],
    ] as const) {
      const { status } = await ask(made.auth, method, `/api/v1${path}`, { token, headers: { cookie: other.cookie } })
      expect(status, `${method} ${path}`).toBe(401)
    }
    expect(named(made, 'token.refused').map(({ detail }) => detail)).toEqual(expect.arrayContaining(['ambiguous']))
    expect((await ask(made.auth, 'GET', '/api/v1/session', { token: one.access })).status).toBe(200)
    expect((await ask(made.auth, 'GET', '/api/v1/session', { headers: { cookie: other.cookie } })).status).toBe(200)
  })

  test('of which one is no token is the other’s only where that is the header', async () => {
    const made = make()
    const [one, other] = await two(made)
    const get = (token: string, cookie: string) =>
      ask(made.auth, 'GET', '/api/v1/session', { token, headers: { cookie } })
    expect(nameOf((await get(one.access, `${NAME}=nonsense`)).body)).toBe(one.email)
    // A header that is wrong is never made good by a cookie.
    for (const token of ['nonsense', 'Basic dXNlcjpwYXNz', '', `${one.access}, ${one.access}`, 'Bearer']) {
      expect((await get(token, other.cookie)).status, token).toBe(401)
    }
  })

  test('signs both out', async () => {
    const made = make()
    const [one] = await two(made)
    const headers = { cookie: one.cookie }
    const { status, cookies } = await ask(made.auth, 'DELETE', '/api/v1/session', { token: one.access, headers })
    expect({ status, cleared: tokenIn(cookies) }).toEqual({ status: 200, cleared: null })
    expect((await ask(made.auth, 'GET', '/api/v1/session', { headers })).status).toBe(401)
    expect((await ask(made.auth, 'GET', '/api/v1/session', { token: one.access })).status).toBe(401)
  })

  test('from another site changes nothing, and does not end half', async () => {
    const made = make()
    const [one] = await two(made)
    const headers = { cookie: one.cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
    expect((await ask(made.auth, 'DELETE', '/api/v1/session', { token: one.access, headers })).status).toBe(403)
    expect((await ask(made.auth, 'GET', '/api/v1/session', { token: one.access })).status).toBe(200)
  })
})

test('a sign-in that asks for tokens leaves the cookie alone', async () => {
  const made = make()
  const mine = visitor(made)
  await mine.send('POST', '/registration', {
    json: { user: { email: 'a@example.com', password: PASSWORD, password_confirmation: PASSWORD } },
    headers: ASKING,
  })
  const { status, cookies } = await mine.send('POST', '/session', {
    json: { user: { email: 'a@example.com', password: PASSWORD } },
  })
  expect({ status, cookies }).toEqual({ status: 200, cookies: [] })
  expect(await mine.isSignedIn()).toBe(true)
})

test('signing out without anything clears nothing where tokens may be meant', async () => {
  const { status, cookies } = await ask(make().auth, 'DELETE', '/api/v1/session')
  expect({ status, cookies }).toEqual({ status: 200, cookies: [] })
})
