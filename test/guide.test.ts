// The guide's own three test modules, assertion by assertion.
import { beforeEach, describe, expect, test } from 'vitest'
import { Problem } from '../src/index.js'
import type { Context } from '../src/sessions/context.js'
import { type TestAuth, testAuth, testExchange } from '../src/testing/index.js'
import type { BaseUser } from '../src/users/user.js'

const PASSWORD = 'secret1234'
const form = (fields: Record<string, string>) =>
  Object.entries(fields)
    .map(([name, value]) => `user[${name}]=${encodeURIComponent(value)}`)
    .join('&')

describe('APIAuthPlugTest', () => {
  test('can create, fetch, renew, and delete session', async () => {
    const { auth } = testAuth()
    const { user } = await auth.users.insert({ id: '1', email: 'test@example.com', passwordHash: null, createdAt: 0 })

    type Act<T> = (ctx: Context<BaseUser>) => T | Promise<T>
    async function run<T>(header: string | null, act: Act<T>): Promise<{ ctx: Context<BaseUser>; result: T }> {
      const ctx = await auth.open(testExchange('GET', '/', header === null ? {} : { token: header }))
      const result = await act(ctx)
      expect(await auth.send(ctx)).toBeNull()
      return { ctx, result }
    }
    const fetch = async (header: string | null) => (await run(header, ctx => auth.sessions.fetch(ctx))).result
    const renew = (header: string) => run(header, ctx => auth.sessions.renew(ctx))
    const remove = (header: string) => run(header, ctx => auth.sessions.delete(ctx))
    const pair = ({ tokens }: Context<BaseUser>) => tokens ?? { accessToken: '', renewalToken: '' }

    expect(await fetch(null)).toBeNull()

    const created = await run(null, ctx => auth.accounts.signIn(ctx, user, { methods: ['pwd'] }))
    expect(created.result).toEqual(user)
    const { accessToken, renewalToken } = pair(created.ctx)

    expect(await fetch('invalid')).toBeNull()
    expect(await fetch(accessToken)).toEqual(user)
    const renewed = await renew(renewalToken)
    expect(renewed.result).toEqual(user)
    const { accessToken: renewedAccess, renewalToken: renewedRenewal } = pair(renewed.ctx)

    expect(await fetch(accessToken)).toBeNull()
    expect((await renew(renewalToken)).result).toBeNull()
    expect(await fetch(renewedAccess)).toEqual(user)

    await remove('invalid')
    expect(await fetch(renewedAccess)).toEqual(user)

    await remove(renewedAccess)
    expect(await fetch(renewedAccess)).toBeNull()
    expect((await renew(renewedRenewal)).result).toBeNull()
  })
})

describe('RegistrationControllerTest create/2', () => {
  test('with valid params', async () => {
    const user = { email: 'test@example.com', password: PASSWORD, password_confirmation: PASSWORD }
    const { status, body } = await testAuth().request('POST', '/registration', { form: form(user) })

    expect(status).toBe(200)
    expect(body.data.access_token).toBeTruthy()
    expect(body.data.renewal_token).toBeTruthy()
  })

  test('with invalid params', async () => {
    const user = { email: 'invalid', password: PASSWORD, password_confirmation: '' }
    const { status, body } = await testAuth().request('POST', '/registration', { form: form(user) })

    expect(status).toBe(500)
    expect(body.error.message).toBe("Couldn't create user")
    expect(body.error.status).toBe(500)
    expect(body.error.errors.password_confirmation).toEqual(['does not match confirmation'])
    expect(body.error.errors.email).toEqual(['has invalid format'])
  })
})

describe('SessionControllerTest', () => {
  let made: TestAuth
  const valid = form({ email: 'test@example.com', password: PASSWORD })

  beforeEach(async () => {
    made = testAuth()
    const user = { email: 'test@example.com', password: PASSWORD, password_confirmation: PASSWORD }
    await made.request('POST', '/registration', { json: { user } })
  })

  async function signIn(): Promise<{ access_token: string; renewal_token: string }> {
    return (await made.request('POST', '/session', { form: valid })).body.data
  }

  test('create/2 with valid params', async () => {
    const { status, body } = await made.request('POST', '/session', { form: valid })

    expect(status).toBe(200)
    expect(body.data.access_token).toBeTruthy()
    expect(body.data.renewal_token).toBeTruthy()
  })

  test('create/2 with invalid params', async () => {
    const wrong = form({ email: 'test@example.com', password: 'invalid' })
    const { status, body } = await made.request('POST', '/session', { form: wrong })

    expect(status).toBe(401)
    expect(body.error.message).toBe('Invalid email or password')
    expect(body.error.status).toBe(401)
  })

  test('renew/2 with valid authorization header', async () => {
    const { renewal_token } = await signIn()
    const { status, body } = await made.request('POST', '/session/renew', { token: renewal_token })

    expect(status).toBe(200)
    expect(body.data.access_token).toBeTruthy()
    expect(body.data.renewal_token).toBeTruthy()
  })

  test('renew/2 with invalid authorization header', async () => {
    const { status, body } = await made.request('POST', '/session/renew', { token: 'invalid' })

    expect(status).toBe(401)
    expect(body.error.message).toBe('Invalid token')
    expect(body.error.status).toBe(401)
  })

  test('delete/2 invalidates', async () => {
    const { access_token } = await signIn()
    const { status, body } = await made.request('DELETE', '/session', { token: access_token })

    expect(status).toBe(200)
    expect(body.data).toEqual({})
  })
})

describe('APIAuthErrorHandler', () => {
  test('a guarded route answers 401 to an invalid token', async () => {
    const { status, body } = await testAuth().request('GET', '/session', { token: 'invalid' })

    expect(status).toBe(401)
    expect(body.error.code).toBe(401)
    expect(body.error.message).toBe('Not authenticated')
    expect(Problem.is(new Problem('not_authenticated'), 'not_authenticated')).toBe(true)
  })
})
