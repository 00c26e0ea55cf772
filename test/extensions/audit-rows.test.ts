import { expect, test } from 'vitest'
import { auditLog } from '../../src/extensions/audit/audit.js'
import {
  type AccountChange,
  type BaseUser,
  cookieSessions,
  createAuth,
  type Extension,
  type Hooks,
  memoryUsers,
  Problem,
  type UserRepository,
} from '../../src/index.js'
import { migrate, migrationState } from '../../src/migrations.js'
import { testAuth, testExchange } from '../../src/testing/index.js'
import { sqlUsers } from '../../src/users/sql.js'
import { ann, audited, credentials, PASSWORD, PLACES } from '../support/audited.js'
import { newDatabase } from '../support/database.js'

const [MEMORY = null as never] = PLACES
const proof = { current_password: PASSWORD }
const hooked = (hooks: Hooks, name = 'hooked'): Extension => ({ name, setup: () => ({ hooks }) })

test('the row says what was written in the end, whatever later hooks make of a change', async () => {
  const later = hooked({
    savingUser(saving) {
      const { email: _, ...rest } = saving.values as AccountChange
      if (saving.user) saving.values = rest
    },
  })
  const { request, register, all } = await audited(MEMORY, { extensions: [later] })
  const { access_token: token } = await register()
  const password = 'another-1234'
  const change = { ...proof, email: 'ann@example.org', password, password_confirmation: password }
  expect((await request('PATCH', '/registration', { token, json: { user: change } })).status).toBe(200)
  expect((await all({ name: 'account.updated' })).map(({ detail }) => detail)).toEqual(['password'])
})

test('a change that a later hook refuses leaves no row', async () => {
  const refuse = hooked({
    savingUser({ user }) {
      if (user) throw new Problem('forbidden')
    },
  })
  const { auth, names } = await audited(MEMORY, { extensions: [refuse] })
  const { id } = await auth.system.createUser(credentials)
  await expect(auth.system.setRole(id, 'admin')).rejects.toThrow(Problem)
  expect(await names()).toEqual(['account.created'])
})

test('users of a repository without transactions have their rows all the same', async () => {
  const kept = memoryUsers()
  const database = await newDatabase()
  await migrate(database, { extensions: [auditLog()] })
  const { tables: _, ...users } = kept
  const { auth, names } = await audited(MEMORY, { users: users as UserRepository<BaseUser>, database })
  const { id } = await auth.system.createUser(credentials)
  await auth.system.suspend(id)
  await auth.system.deleteUser(id)
  expect((await names()).filter(name => name.startsWith('account.'))).toEqual([
    'account.created',
    'account.updated',
    'account.deleted',
  ])
  expect(await database.prepare('select count(*) as count from audit_events').get()).toEqual({ count: 5 })
})

test('events of other extensions are written before the answer, and fail it where they cannot be', async () => {
  const vault: Extension = {
    name: 'vault',
    setup: ({ emit }) => ({
      routes: [
        {
          method: 'POST',
          path: '/vault',
          guard: 'authenticated',
          description: { summary: 'Open the vault', answers: 'Anything' },
          async handle(ctx) {
            await emit(ctx, 'vault.refused', { userId: ctx.user?.id as string, detail: 'too late' })
            return {}
          },
        },
      ],
    }),
  }
  const database = await newDatabase()
  await migrate(database, { extensions: [auditLog()] })
  const { request, register, all } = await audited(MEMORY, {
    extensions: [vault],
    users: sqlUsers(database),
  })
  const { access_token: token } = await register()
  expect((await request('POST', '/vault', { token })).status).toBe(200)
  const [row] = await all({ name: 'vault.refused' })
  expect(row).toMatchObject({ outcome: 'failure', detail: 'too late', actorId: row?.userId })
  database.prepare('drop table audit_events').run()
  expect((await request('POST', '/vault', { token })).status).toBe(503)
})

test('no answer leaves before what it is about is written down', async () => {
  const written: string[] = []
  const slow = hooked({
    async happened({ event }) {
      await new Promise(resolve => setImmediate(resolve))
      written.push(event.name)
    },
  })
  const { request, register, clock, events, auth } = await audited(MEMORY, { extensions: [slow] })
  const checked = () => expect([...written].sort()).toEqual(events.map(({ name }) => name).sort())
  const { access_token: token, renewal_token: renewal } = await register()
  checked()
  await request('POST', '/session/reauthenticate', { token, json: { user: { password: PASSWORD } } })
  checked()
  const { access_token: other } = (await request('POST', '/session', { json: { user: credentials } })).body.data
  const { id } = (await request('GET', '/session', { token: other })).body.data.session
  expect((await request('DELETE', `/sessions/${id}`, { token })).status).toBe(200)
  checked()
  await request('DELETE', '/sessions', { token })
  checked()
  await request('POST', '/session/renew', { token: renewal })
  clock.advance(60_000)
  // The refusal is the server's own business; nobody waits for that.
  expect((await request('POST', '/session/renew', { token: renewal })).status).toBe(401)
  expect(written.filter(name => name !== 'token.refused')).toEqual(
    events.map(({ name }) => name).filter(name => name !== 'token.refused'),
  )
  await new Promise(resolve => setImmediate(resolve))
  const { access_token: last } = (await request('POST', '/session', { json: { user: credentials } })).body.data
  await request('DELETE', '/session', { token: last })
  checked()
  await auth.system.endSessions((await auth.system.findUserBy(ann.email))?.id ?? '')
  checked()
})

test('what another extension throws as it hears of an end does not keep a session alive', async () => {
  const fails = hooked({
    happened({ event }) {
      if (/ended|reused/.test(event.name)) throw new Error('no room')
    },
  })
  const { request, register, errors } = await audited(MEMORY, { extensions: [fails] })
  const first = (await register()).access_token
  expect((await request('DELETE', '/sessions', { token: first, json: { include_current: true } })).status).toBe(200)
  expect((await request('GET', '/session', { token: first })).status).toBe(401)
  expect(errors).toHaveLength(1)
})

test('whoever signs in with a cookie on top of a session ends it, by name', async () => {
  const { request, all, auth } = await audited(MEMORY, {
    sessions: cookieSessions({ cookie: { insecure: true } }),
  })
  const signIn = (user: object, headers = {}) =>
    auth.respond(
      testExchange('POST', '/api/v1/session', {
        json: { user },
        headers: { origin: 'http://app', host: 'app', ...headers },
      }),
    )
  const { id } = await auth.system.createUser(credentials)
  await auth.system.createUser({ email: 'bob@example.com', password: PASSWORD })
  const first = await signIn(credentials)
  const cookie = (first.cookies?.[0] ?? '').split(';')[0] as string
  expect((await signIn({ email: 'bob@example.com', password: PASSWORD }, { cookie })).status).toBe(200)
  const [ended] = await all({ name: 'session.ended' })
  expect(ended?.userId).toBe(id)
  expect(ended?.actorId).not.toBe(id)
  expect((await request('GET', '/session')).status).toBe(401)
})

test('with sessions checked alone the actor is known still', async () => {
  const { request, register, all } = await audited(MEMORY, { session: { loadUser: false } })
  const { access_token: token } = await register()
  await request('DELETE', '/sessions', { token })
  const [ended] = await all({ name: 'sessions.ended' })
  expect(ended).toMatchObject({ actorId: ended?.userId, sessionId: expect.any(String) })
})

test('noise is left out; include and exclude say otherwise', async () => {
  const noise = async (options: Parameters<typeof auditLog>[0]) => {
    const { request, register, names } = await audited(MEMORY, {}, options)
    const { renewal_token: token } = await register()
    await request('POST', '/session/renew', { token })
    await request('GET', '/session', { token: 'nonsense' })
    return names()
  }
  expect(await noise({})).toEqual(['account.created', 'session.created'])
  expect(await noise({ include: ['session.renewed'] })).toContain('session.renewed')
  expect(await noise({ exclude: ['account.*'] })).toEqual(['session.created'])
  expect(await noise({ exclude: ['account.*', 'session.*'], include: ['session.created'] })).toEqual([
    'session.created',
  ])
})

test('options that are wrong are refused, each by name', () => {
  for (const [options, named] of [
    [{ retention: 'a year' }, '`retention`'],
    [{ retention: '0d' }, '`retention`'],
    [{ retention: 365 }, '`retention`'],
    [{ include: 'session.renewed' }, '`include`'],
    [{ exclude: ['*'] }, '`exclude`'],
    [{ exclude: ['Session'] }, '`exclude`'],
    [{ keep: '1d' }, '`keep`'],
  ] as const) {
    expect(() => auditLog(options as never)).toThrow(TypeError)
    expect(() => auditLog(options as never)).toThrow(named)
  }
})

test('a query that would quietly find everybody is refused', async () => {
  const { log } = await audited(MEMORY)
  for (const query of [
    { userId: undefined },
    { userId: '' },
    { userId: { $ne: null } },
    { userID: 'x' },
    { limit: 0 },
    { limit: 1001 },
    { limit: '10' },
    { before: '1 or 1=1' },
    { outcome: 'bad' },
    { since: 'yesterday' },
    { until: new Date('x') },
    { tenant: ['a'] },
  ]) {
    await expect(log.find(query as never), JSON.stringify(query)).rejects.toThrow(TypeError)
  }
  await expect(log.forget('')).rejects.toThrow(TypeError)
  await expect(log.forget(undefined as never)).rejects.toThrow(TypeError)
})

test('failed sign-ins are found by address, in any spelling and under an older secret, and no address is stored', async () => {
  const secrets = ['b'.repeat(40), 'a secret for tests, and for tests alone']
  const users = memoryUsers()
  const database = await newDatabase()
  await migrate(database, { extensions: [auditLog()] })
  const wrong = { json: { user: { email: 'Nobody@Example.com', password: 'wrong' } } }
  const before = await audited(MEMORY, { users, database })
  await before.request('POST', '/session', wrong)
  const after = await audited(MEMORY, { users, database, secret: secrets })
  after.clock.advance(1000)
  await after.request('POST', '/session', wrong)
  const found = await after.log.find({ identifier: ' nobody@example.COM' })
  expect(found.map(({ userId, outcome }) => [userId, outcome])).toEqual([
    [null, 'failure'],
    [null, 'failure'],
  ])
  expect((found[0]?.at ?? 0) > (found[1]?.at ?? 0)).toBe(true)
  expect(await after.log.find({ identifier: 'nobody@example.com', limit: 1 })).toHaveLength(1)
  expect(await after.log.find({ identifier: 'somebody@example.com' })).toEqual([])
  expect(JSON.stringify(await database.prepare('select * from audit_events').all())).not.toMatch(/nobody/i)
})

test('a row holds bounded text without control characters, so that nobody can make one that fails', async () => {
  for (const place of PLACES) {
    const { request, log } = await audited(place)
    const headers = { 'user-agent': `\u0000\u001b[2J\ud800${'x'.repeat(5000)}` }
    const refused = await request('POST', '/session', {
      headers,
      json: { user: { ...credentials, password: 'wrong' } },
    })
    expect(refused.status).toBe(401)
    const [row] = await log.find()
    expect(row?.userAgent).toMatch(/^\ufffd\ufffd\[2J\ufffdx+$/)
    expect(row?.userAgent?.length).toBeLessThanOrEqual(256)
  }
})

test.each(PLACES)('no password and no token is in a row, an event or an error: $name', async place => {
  const made = await audited(place, {}, { include: ['session.renewed', 'token.refused'] })
  const { request, auth, events, errors, log } = made
  const mark = (n: number) => `marked-secret-${n}-xyz`
  const secrets = Array.from({ length: 8 }, (_, n) => mark(n))
  const user = (n: number) => ({ email: 'ann@example.com', password: mark(n), password_confirmation: mark(n) })
  const { body } = await request('POST', '/registration', {
    json: { user: user(0) },
    headers: { 'idempotency-key': mark(7) },
  })
  secrets.push(body.data.access_token, body.data.renewal_token)
  await request('POST', '/session', { json: { user: { email: mark(1), password: mark(1) } } })
  await request('POST', '/session', { json: { user: { email: `${mark(1)}@example.com`, password: mark(2) } } })
  await request('POST', '/session', { json: { user: user(2) } })
  const renewed = await request('POST', '/session/renew', { token: body.data.renewal_token })
  const token = renewed.body.data.access_token
  secrets.push(token, renewed.body.data.renewal_token)
  await request('GET', '/session', { token: body.data.access_token })
  await request('GET', '/session', { token: mark(3) })
  await request('POST', '/session/reauthenticate', { token, json: { user: { password: mark(4) } } })
  await request('POST', '/session/reauthenticate', { token, json: { user: { password: mark(0) } } })
  await request('PATCH', '/registration', { token, json: { user: { current_password: mark(3), password: mark(5) } } })
  const change = { ...user(5), current_password: mark(0) }
  expect((await request('PATCH', '/registration', { token, json: { user: change } })).status).toBe(200)
  await auth.system.setPassword((await auth.system.findUserBy(ann.email))?.id ?? '', mark(6))
  await request('DELETE', '/sessions', { token })
  await request('DELETE', '/registration', { token, json: { user: { current_password: mark(5) } } })
  const signedIn = await request('POST', '/session', { json: { user: user(6) } })
  await request('DELETE', '/session', { token: signedIn.body.data.renewal_token })
  secrets.push(signedIn.body.data.access_token, signedIn.body.data.renewal_token)

  const rows = await log.find({ limit: 1000 })
  expect(rows.length).toBeGreaterThan(10)
  expect(rows.find(({ name }) => name === 'session.renewed')).toBeDefined()
  const stored = JSON.stringify(rows)
  for (const secret of secrets) expect(stored).not.toContain(secret)
  const told = JSON.stringify([events.filter(({ identifier }) => !identifier?.includes('@')), errors])
  for (const secret of secrets) expect(told).not.toContain(secret)
})

test('taken out, it leaves no table, no row and no trace', async () => {
  const database = await newDatabase()
  const tables = "select name from sqlite_master where name like 'audit%'"
  expect(database.prepare(tables).all()).toEqual([])
  const users = sqlUsers(database)
  const { request } = testAuth({ users })
  expect((await request('POST', '/registration', { json: { user: ann } })).status).toBe(200)
  await migrate(database, { extensions: [auditLog()] })
  expect(database.prepare(tables).all().length).toBeGreaterThan(0)
  // What was kept is kept, and nothing minds it.
  expect(await migrationState(database)).toEqual({ pending: [], unknown: [], empty: false })
  expect((await request('POST', '/session', { json: { user: credentials } })).status).toBe(200)
  expect(database.prepare('select * from audit_events').all()).toEqual([])
})

test('without a place for its table it says what is missing', () => {
  const { tables: _, ...users } = memoryUsers()
  const options = { secret: 'a secret for tests, and for tests alone', users, extensions: [auditLog()] }
  expect(() => createAuth(options as never)).toThrow(/`audit_events` is a table: give createAuth the `database`/)
})
