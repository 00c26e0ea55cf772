import { describe, expect, test } from 'vitest'
import { bearerOrCookieSessions, bearerSessions, cookieSessions, memoryStore, memoryUsers } from '../../src/index.js'
import { testAuth, testClock } from '../../src/testing/index.js'
import { ask, cookieAuth, NAME, PASSWORD, tokenIn, visitor } from './visitor.js'

describe('kinds of tokens', () => {
  const { now } = testClock()
  const shared = { store: memoryStore({ now }), users: memoryUsers(), now }
  const carriers = { bearer: bearerSessions, cookie: cookieSessions(), both: bearerOrCookieSessions() }
  const auths = Object.entries(carriers).map(
    ([name, sessions]) => [name as keyof typeof carriers, testAuth({ ...shared, sessions })] as const,
  )

  /** Which of the three opens which door with a token in which place. */
  test('each opens its own doors and no other', async () => {
    const bearer = testAuth({ ...shared, sessions: bearerSessions })
    const user = { email: 'kinds@example.com', password: PASSWORD, password_confirmation: PASSWORD }
    const registered = await ask(bearer.auth, 'POST', '/api/v1/registration', { json: { user } })
    const { access_token: access, renewal_token: renewal } = registered.body.data
    const made = cookieAuth(shared)
    const signedIn = await ask(made.auth, 'POST', '/api/v1/session', { json: { user } })
    const kinds = { access, renewal, cookie: tokenIn(signedIn.cookies) as string }

    const open: string[] = []
    for (const [carrier, { auth }] of auths) {
      for (const [kind, token] of Object.entries(kinds)) {
        for (const place of ['cookie', 'authorization', 'bearer'] as const) {
          const value = { cookie: `${NAME}=${token}`, authorization: token, bearer: `Bearer ${token}` }[place]
          const headers = { [place === 'cookie' ? 'cookie' : 'authorization']: value }
          const { status } = await ask(auth, 'GET', '/api/v1/session', { headers })
          if (status === 200) open.push(`${kind} as ${place} by ${carrier}`)
          // Those that may renew are tried by themselves: it would change them.
          if (place === 'cookie' ? kind !== 'cookie' : kind !== 'renewal') {
            const { status } = await ask(auth, 'POST', '/api/v1/session/renew', { headers })
            expect(status, `renewing with ${kind} as ${place} by ${carrier}`).toBe(401)
          }
        }
      }
    }
    expect(open.sort()).toEqual([
      'access as authorization by bearer',
      'access as authorization by both',
      'access as bearer by bearer',
      'access as bearer by both',
      'cookie as cookie by both',
      'cookie as cookie by cookie',
    ])
    expect((await ask(bearer.auth, 'POST', '/api/v1/session/renew', { token: renewal })).status).toBe(200)
    const headers = { cookie: `${NAME}=${kinds.cookie}` }
    expect((await ask(made.auth, 'POST', '/api/v1/session/renew', { headers })).status).toBe(200)
  })

  test('a cookie’s session is ended by no token in a header, and the other way round', async () => {
    const made = cookieAuth()
    const mine = visitor(made)
    await mine.register()
    await ask(made.auth, 'DELETE', '/api/v1/session', { token: mine.cookie as string })
    expect(await mine.isSignedIn()).toBe(true)
    const bearer = testAuth()
    const user = { email: 'x@example.com', password: PASSWORD, password_confirmation: PASSWORD }
    const { data } = (await ask(bearer.auth, 'POST', '/api/v1/registration', { json: { user } })).body
    const headers = { cookie: `${NAME}=${data.access_token}` }
    await ask(bearer.auth, 'DELETE', '/api/v1/session', { headers })
    expect((await ask(bearer.auth, 'GET', '/api/v1/session', { token: data.access_token })).status).toBe(200)
  })
})
