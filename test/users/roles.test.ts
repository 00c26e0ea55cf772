import { describe, expect, test } from 'vitest'
import { type Extension, type Route, requireRole } from '../../src/index.js'
import { testAuth, testExchange } from '../../src/testing/index.js'

const password = 'secret1234'
const ann = { email: 'ann@example.com', password, password_confirmation: password }

const reports: Route = {
  method: 'GET',
  path: '/reports',
  guard: ['admin', 'editor'],
  description: { summary: 'Reports', answers: 'Anything' },
  handle: () => ({ reports: [] }),
}
const extension: Extension = {
  name: 'reports',
  setup: () => ({ routes: [reports, { ...reports, method: 'POST', handle: () => ({ made: true }) }] }),
}

async function withAnn(options: Parameters<typeof testAuth>[0] = {}) {
  const made = testAuth({ extensions: [extension], ...options })
  const { body } = await made.request('POST', '/registration', { json: { user: ann } })
  const token = body.data.access_token as string
  const id = (await made.auth.system.findUserBy(ann.email))?.id ?? ''
  const open = (as: string | null) => made.auth.open(testExchange('GET', '/mine', as === null ? {} : { token: as }))
  /** What `requireRole` throws for a request with this token; null for nothing. */
  async function refusal(as: string | null, roles: string | readonly string[]): Promise<unknown> {
    const ctx = await open(as)
    try {
      requireRole(ctx, roles)
      return null
    } catch (error) {
      return error
    }
  }
  return { ...made, token, id, refusal }
}

describe('requireRole', () => {
  test('lets in who has one of the roles, and nobody else', async () => {
    const { auth, refusal, token, id } = await withAnn()
    expect(await refusal(null, 'admin')).toMatchObject({ code: 'not_authenticated', status: 401 })
    expect(await refusal(`${token}x`, 'admin')).toMatchObject({ code: 'not_authenticated', status: 401 })
    expect(await refusal(token, 'admin')).toMatchObject({ code: 'forbidden', status: 403 })
    expect(await refusal(token, ['admin', 'user'])).toBeNull()
    await auth.system.setRole(id, 'admin')
    expect(await refusal(token, 'admin')).toBeNull()
    expect(await refusal(token, ['editor', 'admin'])).toBeNull()
    for (const other of ['Admin', 'adm', 'admin ', ['editor'], 'user', 'constructor']) {
      expect(await refusal(token, other)).toMatchObject({ code: 'forbidden' })
    }
  })

  test.each([[[]], [''], [['admin', '']]])('roles %j are a TypeError', async roles => {
    const { refusal, token } = await withAnn()
    expect(await refusal(token, roles)).toEqual(new TypeError('`requireRole` needs the name of a role'))
  })

  test('throws a problem of its own each time', async () => {
    const { refusal, token } = await withAnn()
    const [one, other] = [await refusal(token, 'admin'), await refusal(token, 'admin')]
    expect(one).not.toBe(other)
    expect(Object.isFrozen(one)).toBe(false)
  })

  test('says what is missing where the check leaves the user out', async () => {
    const { request, errors, refusal, token } = await withAnn({ session: { loadUser: false } })
    const clear = new TypeError('roles are the user: they cannot be asked for with `session.loadUser: false`')
    expect(await refusal(token, 'user')).toEqual(clear)
    expect(await refusal(null, 'user')).toMatchObject({ code: 'not_authenticated' })
    expect((await request('GET', '/reports', { token })).status).toBe(500)
    expect(errors).toEqual([clear])
  })
})

describe('a route for roles', () => {
  test('is 401 for nobody, 403 for others, and 200 for them', async () => {
    const { request, token, id, auth } = await withAnn()
    for (const method of ['GET', 'POST']) {
      const nobody = await request(method, '/reports')
      expect([nobody.status, nobody.body.error.reason]).toEqual([401, 'not_authenticated'])
      expect(nobody.headers['www-authenticate']).toBe('Bearer')
      const other = await request(method, '/reports', { token })
      expect([other.status, other.body.error]).toEqual([
        403,
        { status: 403, message: 'Forbidden', reason: 'forbidden' },
      ])
      expect(other.headers['www-authenticate']).toBeUndefined()
    }
    await auth.system.setRole(id, 'editor')
    for (const method of ['GET', 'POST']) expect((await request(method, '/reports', { token })).status).toBe(200)
  })

  test('a new role is had by the next request of every session, and taken from every one', async () => {
    const { request, token, id, auth } = await withAnn()
    const signedIn = await request('POST', '/session', { json: { user: ann } })
    const tokens = [token, signedIn.body.data.access_token]
    const statuses = () =>
      Promise.all(tokens.map(async each => (await request('GET', '/reports', { token: each })).status))
    expect(await statuses()).toEqual([403, 403])
    await auth.system.setRole(id, 'admin')
    expect(await statuses()).toEqual([200, 200])
    await auth.system.setRole(id, 'user')
    expect(await statuses()).toEqual([403, 403])
  })

  test('a role that is taken while the body is on its way counts', async () => {
    const { token, id, auth } = await withAnn()
    await auth.system.setRole(id, 'admin')
    const exchange = testExchange('POST', '/api/v1/reports', { token, json: {} })
    const answer = await auth.respond({
      ...exchange,
      async readBody(most) {
        await auth.system.setRole(id, 'user')
        return exchange.readBody(most)
      },
    })
    expect(answer.status).toBe(403)
  })

  test('is never reached by saying so', async () => {
    const { request, auth } = await withAnn()
    const user = { ...ann, email: 'eve@example.com', role: 'admin', roles: ['admin'], isAdmin: true }
    const { body } = await request('POST', '/registration', { json: { user, role: 'admin' } })
    const token = body.data.access_token
    const patch = { current_password: password, email: 'eva@example.com', role: 'admin' }
    expect((await request('PATCH', '/registration', { token, json: { user: patch } })).status).toBe(200)
    expect((await request('GET', '/reports', { token })).status).toBe(403)
    const form = `user[role]=admin&user[current_password]=${password}&user[email]=eve@example.com`
    await request('PATCH', '/registration', { token, form })
    expect((await auth.system.findUserBy('eve@example.com'))?.role).toBe('user')
  })

  test('is described with both refusals', async () => {
    const { request } = await withAnn()
    const { body } = await request('GET', '/openapi.json')
    const { get, post } = body.paths['/reports']
    expect(Object.keys(get.responses)).toEqual(expect.arrayContaining(['200', '401', '403', '503']))
    expect(Object.keys(post.responses)).toEqual(expect.arrayContaining(['200', '401', '403', '503']))
    expect(get.security).toEqual([{ accessToken: [] }])
    expect(Object.keys(body.paths['/sessions'].get.responses)).not.toContain('403')
  })
})
