import { describe, expect, test } from 'vitest'
import { bearerOrCookieSessions, cookieSessions, memoryUsers } from '../../src/index.js'
import { testAuth, testExchange } from '../../src/testing/index.js'
import { type At, ann, GUARDED, password, register, withTenants } from '../support/tenants.js'

test('one address and password in two tenants are two users', async () => {
  const { a, b, auth } = withTenants()
  const [inA, inB] = [await register(a), await register(b)]
  const idOf = async (at: At, token: string) => (await at('GET', '/session', { token })).body.data.user.id
  expect(await idOf(a, inA.access)).not.toBe(await idOf(b, inB.access))
  expect((await a('POST', '/registration', { json: { user: ann } })).status).toBe(500)

  const change = { current_password: password, password: 'another-1234', password_confirmation: 'another-1234' }
  expect((await a('PATCH', '/registration', { token: inA.access, json: { user: change } })).status).toBe(200)
  const signIn = async (at: At, word: string) =>
    (await at('POST', '/session', { json: { user: { ...ann, password: word } } })).status
  expect(await signIn(a, password)).toBe(401)
  expect(await signIn(a, 'another-1234')).toBe(200)
  expect(await signIn(b, password)).toBe(200)
  expect(await signIn(b, 'another-1234')).toBe(401)
  expect((await b('GET', '/session', { token: inB.access })).status).toBe(200)
  expect((await auth.system.of('a').findUserBy(ann.email))?.tenant).toBe('a')
})

describe.each([true, false])('with loadUser %s', loadUser => {
  test("a tenant's token is nobody in another on every route, and asks the store nothing", async () => {
    const { a, b, calls, auth } = withTenants({ session: { loadUser } })
    const { access, renewal } = await register(a)
    await register(b)
    // Known in its own tenant, so that nothing remembered is at fault.
    expect((await a('GET', '/session', { token: access })).status).toBe(200)
    for (const [method, path, json] of GUARDED) {
      for (const token of [access, `Bearer ${access}`, renewal]) {
        calls.length = 0
        const answer = await b(method, path, { token, ...(json && { json }) })
        expect([method, path, answer.status]).toEqual([method, path, 401])
        expect(answer.body.error.reason).toBe('not_authenticated')
        expect(calls).toEqual([])
      }
    }
    for (const token of [renewal, access]) {
      calls.length = 0
      const answer = await b('POST', '/session/renew', { token })
      expect([answer.status, answer.body.error.reason]).toEqual([401, 'invalid_token'])
      const signedOut = await b('DELETE', '/session', { token })
      expect([signedOut.status, signedOut.body]).toEqual([200, { data: {} }])
      expect(calls).toEqual([])
    }
    expect((await a('GET', '/session', { token: access })).status).toBe(200)
    expect((await a('POST', '/session/renew', { token: renewal })).status).toBe(200)
    expect((await auth.system.of('a').findUserBy(ann.email))?.email).toBe(ann.email)
  })

  test.each([
    ['cookies', cookieSessions()],
    ['both', bearerOrCookieSessions()],
  ])("a tenant's cookie is nobody in another, with %s", async (_, sessions) => {
    const { auth, calls } = withTenants({ session: { loadUser }, sessions })
    const respond = (name: string, method: string, path: string, cookie: string | null, json?: object) => {
      const headers = { 'x-tenant': name, 'session-transport': 'cookie', ...(cookie !== null && { cookie }) }
      return auth.respond(testExchange(method, `/api/v1${path}`, { headers, ...(json && { json }) }))
    }
    const { cookies = [] } = await respond('a', 'POST', '/registration', null, { user: ann })
    const cookie = cookies[0]?.split(';')[0] ?? ''
    expect(cookie).toMatch(/^__Host-session=pwc1_/)
    expect((await respond('a', 'GET', '/session', cookie)).status).toBe(200)
    for (const [method, path, json] of [...GUARDED, ['POST', '/session/renew'] as const]) {
      calls.length = 0
      const answer = await respond('b', method, path, cookie, json)
      expect([method, path, answer.status]).toEqual([method, path, 401])
      expect(calls).toEqual([])
      expect(answer.cookies ?? []).toEqual([])
    }
    await respond('b', 'DELETE', '/session', cookie)
    expect((await respond('a', 'GET', '/session', cookie)).status).toBe(200)
  })
})

test('a tenant there is not is 404 on every route, and nothing is asked', async () => {
  const { at, request, calls, a } = withTenants()
  const { access } = await register(a)
  calls.length = 0
  const routes: typeof GUARDED = [
    ...GUARDED,
    ['POST', '/registration', { user: ann }],
    ['POST', '/session', { user: ann }],
    ['POST', '/session/renew'],
    ['DELETE', '/session'],
    ['GET', '/openapi.json'],
  ]
  for (const [method, path, json] of routes) {
    const sent = { token: access, ...(json && { json }) }
    for (const answer of [await at('c')(method, path, sent), await request(method, path, sent)]) {
      expect([method, path, answer.status]).toEqual([method, path, 404])
      expect(answer.body.error.reason).toBe('unknown_tenant')
    }
  }
  expect(calls).toEqual([])
})

test.each([null, undefined, '', 7, {}])('%j is no tenant', async answer => {
  const users = memoryUsers()
  const { request, auth } = testAuth({ users, tenant: () => answer as string })
  expect((await request('POST', '/registration', { json: { user: ann } })).status).toBe(404)
  const ctx = await auth.open(testExchange('GET', '/mine'))
  expect(ctx.failure).toMatchObject({ code: 'unknown_tenant' })
  expect(await users.findByIdentifier(ann.email)).toBeNull()
})

test('a tenant that cannot be found out signs nobody out', async () => {
  let isAway = false
  const { request, errors } = testAuth({
    tenant: async () => {
      if (isAway) throw new RangeError('the list is away')
      return 'a'
    },
  })
  const { body } = await request('POST', '/registration', { json: { user: ann } })
  const token = body.data.access_token
  isAway = true
  for (const [method, path, json] of GUARDED) {
    expect((await request(method, path, { token, ...(json && { json }) })).status).toBe(500)
  }
  expect(errors[0]).toEqual(new RangeError('the list is away'))
  isAway = false
  expect((await request('GET', '/session', { token })).status).toBe(200)
})

test('renewal, list, reauthentication, change, sign-out and end keep to their tenant', async () => {
  const { a, b, clock } = withTenants()
  const [inA, inB] = [await register(a), await register(b)]
  clock.advance(1)
  const renewed = await a('POST', '/session/renew', { token: inA.renewal })
  const token = renewed.body.data.access_token
  expect((await b('GET', '/session', { token })).status).toBe(401)
  expect((await b('POST', '/session/renew', { token: renewed.body.data.renewal_token })).status).toBe(401)
  expect((await a('POST', '/session/reauthenticate', { token, json: { user: { password } } })).status).toBe(200)

  const sessions = async (at: At, with_: string) =>
    (await at('GET', '/sessions', { token: with_ })).body.data.sessions.map(({ id }: { id: string }) => id)
  const [ofA, ofB] = [await sessions(a, token), await sessions(b, inB.access)]
  expect([ofA.length, ofB.length]).toEqual([1, 1])
  expect(ofA).not.toEqual(ofB)
  expect((await a('DELETE', `/sessions/${ofB[0]}`, { token })).status).toBe(404)
  expect((await a('DELETE', '/sessions', { token, json: { include_current: true } })).status).toBe(200)
  expect((await b('GET', '/session', { token: inB.access })).status).toBe(200)

  const back = (await a('POST', '/session', { json: { user: ann } })).body.data.access_token
  expect(
    (await a('DELETE', '/registration', { token: back, json: { user: { current_password: password } } })).status,
  ).toBe(200)
  expect((await a('POST', '/session', { json: { user: ann } })).status).toBe(401)
  expect((await b('POST', '/session', { json: { user: ann } })).status).toBe(200)
})

test('an Idempotency-Key counts in its own tenant', async () => {
  const { a, b } = withTenants()
  const send = (at: At) => at('POST', '/registration', { json: { user: ann }, headers: { 'idempotency-key': 'once' } })
  expect((await send(a)).status).toBe(200)
  await register(b)
  // In B it was never sent: the address is taken, and the right password does not sign in.
  expect((await send(b)).status).toBe(500)
  expect((await send(a)).status).toBe(200)
})
