import { expect, test } from 'vitest'
import { memoryUsers, type UserRepository } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'
import { ann, GUARDED, password, register, withTenants } from '../support/tenants.js'

test('every call to the users names the tenant', async () => {
  const { a, calls, auth } = withTenants({ identifiers: ['email', 'username'] })
  const { access, renewal } = await register(a, { ...ann, username: 'ann' })
  await a('POST', '/session', { json: { user: { username: 'ann', password } } })
  await a('POST', '/session', { json: { user: { email: 'x@example.com', password } } })
  const token = (await a('POST', '/session/renew', { token: renewal })).body.data.access_token
  await a('GET', '/session', { token: access })
  for (const [method, path, json] of GUARDED.filter(([method]) => method !== 'DELETE')) {
    await a(method, path, { token, ...(json && { json }) })
  }
  const system = auth.system.of('a')
  const { id } = await system.createUser({ ...ann, email: 'new@example.com', username: 'new' })
  await system.setRole(id, 'admin')
  await system.setPassword(id, 'another-1234')
  await system.suspend(id)
  await system.unsuspend(id)
  await system.signIn(id, { methods: ['otp'] })
  const [session] = await system.sessionsOf(id)
  await system.endSession(id, session?.id ?? '')
  await system.endSessions(id)
  await system.findUserBy('new')
  await system.deleteUser(id)
  for (const [method, path, json] of GUARDED.slice(2)) await a(method, path, { token, ...(json && { json }) })
  await a('DELETE', '/registration', { token, json: { user: { current_password: password } } })

  const tenantIn: Readonly<Record<string, (args: unknown[]) => unknown>> = {
    'users.findById': args => args[1],
    'users.findByIdentifier': args => args[1],
    'users.insert': args => (args[0] as { tenant?: string }).tenant,
    'users.update': args => args[3],
    'users.delete': args => args[2],
  }
  const seen = calls.filter(([name]) => name.startsWith('users.'))
  expect(new Set(seen.map(([name]) => name))).toEqual(new Set(Object.keys(tenantIn)))
  for (const [name, args] of seen) expect([name, tenantIn[name]?.(args)]).toEqual([name, 'a'])
})

test('users that keep no tenant fail loudly', async () => {
  const kept = memoryUsers()
  const users: UserRepository = {
    ...kept,
    findById: id => kept.findById(id),
    findByIdentifier: identifier => kept.findByIdentifier(identifier),
    insert: ({ tenant: _, ...account }) => kept.insert(account),
  }
  const { request, errors } = testAuth({ users, tenant: () => 'a' })
  expect((await request('POST', '/registration', { json: { user: ann } })).status).toBe(500)
  expect(errors[0]).toBeInstanceOf(TypeError)
  expect(String(errors[0])).toContain('keep no `tenant`')
  expect((await request('POST', '/session', { json: { user: ann } })).status).toBe(401)
})

test('where there are tenants a call that names none is a mistake, and writes nothing', async () => {
  const { auth, calls, a } = withTenants()
  await register(a)
  calls.length = 0
  const mistake = new TypeError('there are tenants, and this call named none')
  await expect(auth.system.createUser(ann)).rejects.toThrow(mistake)
  await expect(auth.system.findUserBy(ann.email)).rejects.toThrow(mistake)
  await expect(auth.system.findUser('x')).rejects.toThrow(mistake)
  await expect(auth.system.suspend('x')).rejects.toThrow(mistake)
  expect(calls).toEqual([])
})

test('of fifty who register one address in two tenants at once each tenant takes one', async () => {
  const { a, b } = withTenants()
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => (index % 2 ? a : b)('POST', '/registration', { json: { user: ann } })),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(2)
})
