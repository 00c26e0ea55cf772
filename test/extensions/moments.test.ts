import { describe, expect, test } from 'vitest'
import { cookieSessions, type Extension, type Hooks, Problem } from '../../src/index.js'
import { testAuth, testExchange } from '../../src/testing/index.js'

const credentials = { email: 'me@example.com', password: 'correct horse' }
const user = { ...credentials, password_confirmation: credentials.password }
const attending = (hooks: Hooks): Extension => ({ name: 'it', setup: () => ({ hooks }) })
const refusal = () => {
  throw new Problem('it.refused', { status: 403, message: 'Not now' })
}

describe('registration', () => {
  test('a registering hook refuses before anything is read', async () => {
    const { request } = testAuth({ extensions: [attending({ registering: refusal })] })
    expect((await request('POST', '/registration', { json: { user: {} } })).body.error.reason).toBe('it.refused')
  })

  test("'signed_out' leaves an account and no session", async () => {
    const { auth, request, events } = testAuth({ extensions: [attending({ registered: () => 'signed_out' })] })
    const { status, body } = await request('POST', '/registration', { json: { user } })
    expect([status, body]).toEqual([200, { data: {} }])
    expect(events.map(({ name }) => name)).toEqual(['account.created'])
    expect((await request('POST', '/session', { json: { user: credentials } })).status).toBe(200)
    const ctx = await auth.open(testExchange('POST', '/mine'))
    expect(await auth.accounts.create(ctx, { ...user, email: 'other@example.com' })).toBe(null)
    expect(ctx.user).toBe(null)
  })

  test("'hidden' answers a taken address as it answers a new one, also a retry that guesses the password", async () => {
    const taken: unknown[] = []
    const { request } = testAuth({
      extensions: [
        attending({
          registered: () => 'signed_out',
          registrationTaken({ email, username }) {
            taken.push({ email, username })
            return 'hidden'
          },
        }),
      ],
    })
    const headers = { 'idempotency-key': 'one' }
    const first = await request('POST', '/registration', { json: { user }, headers })
    const guess = { email: ' ME@example.com', password: 'a wrong guess', password_confirmation: 'a wrong guess' }
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(await request('POST', '/registration', { json: { user: guess }, headers })).toEqual(first)
    }
    expect(taken).toHaveLength(3)
    expect(taken[0]).toEqual({ email: 'me@example.com', username: null })
  })

  test('what no hook hides is told as before', async () => {
    const { request } = testAuth({ extensions: [attending({ registrationTaken: () => undefined })] })
    await request('POST', '/registration', { json: { user } })
    const { status, body } = await request('POST', '/registration', { json: { user } })
    expect([status, body.error.errors]).toEqual([500, { email: ['has already been taken'] }])
  })
})

describe('a new password', () => {
  const policy = attending({
    choosingPassword: ({ password, email }) => (password.includes(email ?? ' ') ? 'contains your email' : undefined),
  })
  const bad = { password: 'x me@example.com', password_confirmation: 'x me@example.com' }

  test('is looked at by a hook at registration, at a change and for trusted code', async () => {
    const { auth, request } = testAuth({ extensions: [policy] })
    const refused = await request('POST', '/registration', { json: { user: { ...user, ...bad } } })
    expect(refused.body.error.errors).toEqual({ password: ['contains your email'] })
    const token = (await request('POST', '/registration', { json: { user } })).body.data.access_token
    const change = { current_password: credentials.password, ...bad }
    const changed = await request('PATCH', '/registration', { token, json: { user: change } })
    expect(changed.body.error.errors).toEqual({ password: ['contains your email'] })
    const { id = '' } = (await auth.users.findByIdentifier(credentials.email))?.user ?? {}
    await expect(auth.system.setPassword(id, bad.password)).rejects.toMatchObject({
      errors: { password: ['contains your email'] },
    })
  })

  test('that breaks a rule already is not looked at', async () => {
    const { request } = testAuth({ extensions: [attending({ choosingPassword: () => expect.fail('asked') })] })
    const short = { ...user, password: 'short', password_confirmation: 'short' }
    expect((await request('POST', '/registration', { json: { user: short } })).status).toBe(500)
  })
})

describe('renewal', () => {
  const allowed = { yes: true }
  const hooks: Hooks = { renewing: () => (allowed.yes ? undefined : refusal()) }

  test('a renewing hook refuses it, keeps the session, and lets it go on later', async () => {
    const { request } = testAuth({ extensions: [attending(hooks)] })
    const { data } = (await request('POST', '/registration', { json: { user } })).body
    allowed.yes = false
    const refused = await request('POST', '/session/renew', { token: data.renewal_token })
    expect([refused.status, refused.body.error.reason]).toEqual([403, 'it.refused'])
    expect((await request('GET', '/session', { token: data.access_token })).status).toBe(200)
    allowed.yes = true
    expect((await request('POST', '/session/renew', { token: data.renewal_token })).status).toBe(200)
  })

  test('a replayed token ends its session whatever the hook says', async () => {
    const { request, clock } = testAuth({ extensions: [attending(hooks)] })
    const { data } = (await request('POST', '/registration', { json: { user } })).body
    const next = (await request('POST', '/session/renew', { token: data.renewal_token })).body.data
    clock.advance(60_000)
    allowed.yes = false
    expect((await request('POST', '/session/renew', { token: data.renewal_token })).status).toBe(401)
    allowed.yes = true
    expect((await request('GET', '/session', { token: next.access_token })).status).toBe(401)
  })

  test('a cookie that is due to be exchanged is refused as well, and good again later', async () => {
    const { auth, clock } = testAuth({ extensions: [attending(hooks)], sessions: cookieSessions() })
    const origin = { origin: 'http://localhost', host: 'localhost', 'sec-fetch-site': 'same-origin' }
    const send = (method: string, path: string, headers = {}, json?: unknown) =>
      auth.respond(testExchange(method, `/api/v1${path}`, { headers: { ...origin, ...headers }, json }))
    const { cookies = [] } = await send('POST', '/registration', {}, { user })
    const cookie = cookies[0]?.split(';')[0] ?? ''
    allowed.yes = false
    expect((await send('GET', '/session', { cookie })).status).toBe(200)
    clock.advance(16 * 60_000)
    expect((await send('GET', '/session', { cookie })).status).toBe(403)
    expect((await send('POST', '/session/renew', { cookie })).status).toBe(403)
    allowed.yes = true
    expect((await send('GET', '/session', { cookie })).status).toBe(200)
  })

  test.each([true, false])(
    'a refused cookie is not exchanged by a route that is open to all, loadUser: %s',
    async loadUser => {
      const seen: unknown[] = []
      const open: Extension = {
        name: 'open',
        setup: () => ({
          routes: [
            {
              method: 'POST',
              path: '/open',
              description: { summary: 'Anybody' },
              handle: ctx => {
                seen.push(ctx.user, ctx.session)
                return {}
              },
            },
          ],
        }),
      }
      const { auth, clock } = testAuth({
        extensions: [attending(hooks), open],
        sessions: cookieSessions(),
        session: { loadUser },
      })
      const origin = { origin: 'http://localhost', host: 'localhost', 'sec-fetch-site': 'same-origin' }
      const send = (method: string, path: string, headers = {}, json?: unknown) =>
        auth.respond(testExchange(method, `/api/v1${path}`, { headers: { ...origin, ...headers }, json }))
      const { cookies = [] } = await send('POST', '/registration', {}, { user })
      const cookie = cookies[0]?.split(';')[0] ?? ''
      allowed.yes = false
      clock.advance(16 * 60_000)
      const answer = await send('POST', '/open', { cookie })
      allowed.yes = true
      expect([answer.status, answer.cookies ?? [], seen]).toEqual([200, [], [null, null]])
      expect((await send('GET', '/session', { cookie })).cookies).toHaveLength(1)
    },
  )
})

describe('a change', () => {
  test('is written as a hook says, and ends nothing where no credential is left in it', async () => {
    const saved: string[] = []
    const extension = attending({
      savingUser(saving) {
        const { email: _, ...rest } = saving.values
        if (saving.user) saving.values = rest as typeof saving.values
      },
      credentialsChanged: ({ detail }) => void saved.push(detail),
    })
    const { request, events } = testAuth({ extensions: [extension] })
    const one = (await request('POST', '/registration', { json: { user } })).body.data
    const other = (await request('POST', '/session', { json: { user: credentials } })).body.data
    const change = { current_password: credentials.password, email: 'new@example.com' }
    const answer = await request('PATCH', '/registration', { token: one.access_token, json: { user: change } })
    expect([answer.status, answer.body.data.user.email]).toEqual([200, credentials.email])
    expect((await request('GET', '/session', { token: other.access_token })).status).toBe(200)
    const both = { ...change, password: 'another horse', password_confirmation: 'another horse' }
    expect((await request('PATCH', '/registration', { token: one.access_token, json: { user: both } })).status).toBe(
      200,
    )
    expect((await request('GET', '/session', { token: other.access_token })).status).toBe(401)
    expect((await request('GET', '/session', { token: one.access_token })).status).toBe(200)
    expect(saved).toEqual(['password'])
    expect(events.filter(({ name }) => name === 'account.updated').map(({ detail }) => detail)).toEqual([
      'fields',
      'password',
    ])
  })

  test('a current password is an attempt like any other', async () => {
    const attempts: string[] = []
    const extension = attending({
      authenticating({ purpose, identifier }) {
        attempts.push(`${purpose} ${identifier}`)
        if (attempts.length > 3) refusal()
      },
      authenticationFailed: ({ purpose }) => void attempts.push(`failed ${purpose}`),
    })
    const { request } = testAuth({ extensions: [extension] })
    const token = (await request('POST', '/registration', { json: { user } })).body.data.access_token
    const wrong = { token, json: { user: { password: 'wrong', current_password: 'wrong', email: 'x@example.com' } } }
    expect((await request('POST', '/session/reauthenticate', wrong)).status).toBe(401)
    expect((await request('DELETE', '/registration', wrong)).status).toBe(401)
    const one = 'current_password me@example.com'
    expect(attempts).toEqual([one, 'failed current_password', one, 'failed current_password'])
    expect((await request('POST', '/session/reauthenticate', wrong)).status).toBe(403)
  })
})

describe('events', () => {
  test('whoever waits for an event waits for what hears it, and fails with it', async () => {
    const heard: string[] = []
    let away = false
    const extension = attending({
      async happened({ event }) {
        await Promise.resolve()
        if (away) throw new Problem('unavailable')
        heard.push(event.name)
      },
    })
    const { request, errors } = testAuth({ extensions: [extension] })
    await request('POST', '/registration', { json: { user } })
    expect(heard).toEqual(['account.created', 'session.created'])
    await request('POST', '/session', { json: { user: { ...credentials, password: 'wrong' } } })
    expect(heard.at(-1)).toBe('sign_in.failed')
    away = true
    expect((await request('POST', '/session', { json: { user: credentials } })).status).toBe(503)
    expect(errors.length).toBeGreaterThan(0)
  })
})

describe('verbs', () => {
  const counter = () => ({
    name: 'counter',
    setup: () => {
      let count = 0
      const close = () => {
        count = -1
      }
      return { verbs: { next: () => ++count }, close }
    },
  })

  test('an extension gives each auth verbs of its own', async () => {
    const extension = counter()
    const [one, other] = [testAuth({ extensions: [extension] }).auth, testAuth({ extensions: [extension] }).auth]
    expect(one.extension(extension).next()).toBe(1)
    expect(one.extension(extension).next()).toBe(2)
    expect(other.extension(extension).next()).toBe(1)
    await one.close()
    expect(one.extension(extension).next()).toBe(0)
  })

  test('one that is not in the list, or has none, is a mistake that is named', () => {
    const { auth } = testAuth({ extensions: [attending({})] })
    expect(() => auth.extension(counter())).toThrow(/counter is not in `extensions`/)
    expect(() => auth.extension(attending({}))).toThrow(/has no verbs/)
  })
})
