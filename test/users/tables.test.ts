import { describe, expect, test } from 'vitest'
import { memoryStore, type UserRepository } from '../../src/index.js'
import { testAuth, testClock } from '../../src/testing/index.js'
import { type SqlUsersOptions, sqlUsers } from '../../src/users/sql.js'
import { sqlRows } from '../../src/users/sql-columns.js'
import { ENGINES, makeTable, NAMELESS, type OwnTable, RENAMED, SMALL } from '../support/tables.js'

const password = 'secret1234'
const ann = { email: 'ann@example.com', password, password_confirmation: password }

/** Counts what the front door asks the users themselves. */
function counted(users: UserRepository) {
  const asked = { byId: 0 }
  const findById: UserRepository['findById'] = (...args) => {
    asked.byId++
    return users.findById(...args)
  }
  return { asked, users: { ...users, findById } }
}

const CASES = ENGINES.flatMap(engine =>
  [RENAMED, SMALL].flatMap(table => [
    { name: `${engine.name}, ${table.name}, sessions beside it`, engine, table, isJoined: true },
    { name: `${engine.name}, ${table.name}, sessions elsewhere`, engine, table, isJoined: false },
  ]),
)

describe.each(CASES)('$name', ({ engine, table, isJoined }) => {
  async function make(loadUser = true) {
    const clock = testClock()
    const opened = await engine.open()
    const { users, asked } = counted(sqlUsers(opened.database, await makeTable(opened, engine, table)))
    const store = isJoined ? opened.storeWith(clock) : memoryStore(clock)
    const hasTenants = table === RENAMED
    const made = testAuth({
      users,
      store,
      now: clock.now,
      deadlineMs: 20_000,
      session: { loadUser },
      ...(hasTenants && { tenant: () => 'acme' }),
    })
    const system = hasTenants ? made.auth.system.of('acme') : made.auth.system
    return { ...made, clock, asked, system }
  }

  test('a person comes, is known, changes, renews and goes', async () => {
    const { request, clock, asked } = await make()
    const { body } = await request('POST', '/registration', { json: { user: ann } })
    const token = body.data.access_token
    asked.byId = 0
    const { user } = (await request('GET', '/session', { token })).body.data
    expect(asked.byId).toBe(isJoined ? 0 : 1)
    expect(user.email).toBe('ann@example.com')
    expect(user.id).toMatch(table === SMALL ? /^\d+$/ : /^[0-9a-f-]{36}$/)
    expect(user.created_at).toBe(new Date(table === SMALL ? 0 : clock.now()).toISOString())

    const other = (await request('POST', '/session', { json: { user: ann } })).body.data
    clock.advance(1234)
    const change = { email: 'bea@example.com', current_password: password }
    expect((await request('PATCH', '/registration', { token, json: { user: change } })).status).toBe(200)
    expect((await request('GET', '/session', { token: other.access_token })).status).toBe(401)
    expect((await request('POST', '/session/renew', { token: other.renewal_token })).status).toBe(401)
    const renewed = await request('POST', '/session/renew', { token: body.data.renewal_token })
    expect(renewed.status).toBe(200)
    const again = renewed.body.data.access_token
    expect((await request('GET', '/sessions', { token: again })).body.data.sessions).toHaveLength(1)
    const proof = { current_password: password }
    expect((await request('DELETE', '/registration', { token: again, json: { user: proof } })).status).toBe(200)
    expect((await request('GET', '/session', { token: again })).status).toBe(401)
  })

  test('where checks leave the user out it is there all the same', async () => {
    const { request } = await make(false)
    const { body } = await request('POST', '/registration', { json: { user: ann } })
    const { status, body: profile } = await request('GET', '/session', { token: body.data.access_token })
    expect([status, profile.data.user.email]).toEqual([200, 'ann@example.com'])
  })

  test('a user who is deleted behind its back is nobody', async () => {
    const { request, auth, system } = await make()
    const { body } = await request('POST', '/registration', { json: { user: ann } })
    const user = await system.findUserBy('ann@example.com')
    const tenant = table === RENAMED ? 'acme' : ''
    const account = await auth.users.findById(user?.id ?? '', tenant)
    expect(await auth.users.delete(user?.id ?? '', account?.passwordHash ?? null, tenant)).toBe(true)
    expect((await request('GET', '/session', { token: body.data.access_token })).status).toBe(401)
  })

  test('text that is no id is nobody, and no error', async () => {
    const { system, auth } = await make()
    const tenant = table === RENAMED ? 'acme' : ''
    for (const id of NO_IDS) {
      expect(await auth.users.findById(id, tenant)).toBeNull()
      expect(await auth.users.update(id, { updatedAt: 0 }, null, tenant)).toBeNull()
      expect(await auth.users.delete(id, null, tenant)).toBe(false)
      expect(await system.findUser(id)).toBeNull()
      await expect(system.suspend(id)).rejects.toMatchObject({ code: 'not_found' })
    }
  })
})

/** Some of them are numbers that no column of four bytes, or of eight, can hold. */
const NO_IDS = [
  '',
  ' ',
  'x',
  '0',
  '-1',
  '1.5',
  '1e3',
  '01',
  ' 1',
  '1\n',
  '4000000000',
  '9223372036854775807',
  '9223372036854775808',
  '99999999999999999999999',
  "' or 1=1 --",
  'null',
  '00000000-0000-0000-0000-00000000000',
  '00000000-0000-0000-0000-00000000000G',
  '{00000000-0000-0000-0000-000000000000}',
]

const refused = (fn: () => unknown) => expect(async () => fn()).rejects

describe.each(ENGINES)('what a table lacks, on $name', engine => {
  async function on(table: OwnTable, more: Partial<SqlUsersOptions> = {}) {
    const opened = await engine.open()
    return sqlUsers(opened.database, { ...(await makeTable(opened, engine, table)), ...more })
  }
  const person = { id: '1', email: 'ann@example.com', passwordHash: null, createdAt: 0 }
  const lacks = (name: string) =>
    new TypeError(`the users' table has no column for \`${name}\`: name it in \`columns\` of sqlUsers`)

  test('is a TypeError that names it, and nothing is written', async () => {
    const users = await on(SMALL)
    await refused(() => users.insert({ ...person, username: 'ann' })).toThrow(lacks('username'))
    await refused(() => users.insert({ ...person, role: 'admin' })).toThrow(lacks('role'))
    await refused(() => users.insert({ ...person, tenant: 'acme' })).toThrow(lacks('tenant'))
    await refused(() => users.findById('1', 'acme')).toThrow(lacks('tenant'))
    await refused(() => users.findByIdentifier('ann@example.com', 'acme')).toThrow(lacks('tenant'))
    await refused(() => users.delete('1', null, 'acme')).toThrow(lacks('tenant'))
    const change = { suspendedAt: 1, updatedAt: 1 }
    await refused(() => users.update('1', change, null)).toThrow(lacks('suspendedAt'))
    expect(await users.findByIdentifier('ann@example.com')).toBeNull()
    const nameless = await on(NAMELESS)
    await refused(() => nameless.insert({ ...person, username: 'ann' })).toThrow(lacks('email'))
    expect(await nameless.findByIdentifier('ann@example.com')).toBeNull()
  })

  test('is that TypeError for whoever calls the system, and 500 for a request', async () => {
    const { auth } = testAuth({ users: await on(SMALL) })
    const { id } = await auth.system.createUser({ email: 'ann@example.com', password })
    await refused(() => auth.system.suspend(id)).toThrow(lacks('suspendedAt'))
    await refused(() => auth.system.setRole(id, 'admin')).toThrow(lacks('role'))

    const named = testAuth({ users: await on(SMALL), identifiers: ['email', 'username'] })
    const answer = await named.request('POST', '/registration', { json: { user: { ...ann, username: 'ann' } } })
    expect([answer.status, answer.body.error.reason]).toEqual([500, 'internal'])
    expect(named.errors).toEqual([lacks('username')])
    const tenanted = testAuth({ users: await on(SMALL), tenant: () => 'acme' })
    expect((await tenanted.request('POST', '/registration', { json: { user: ann } })).status).toBe(500)
    expect(tenanted.errors).toEqual([lacks('tenant')])
  })

  test.each([
    [{ columns: { password_hash: 'x' } }, /`columns.password_hash`/],
    [{ columns: { id: null } }, /`columns.id`/],
    [{ columns: { passwordHash: null } }, /`columns.passwordHash`/],
    [{ columns: { email: '' } }, /name of a table or a column/],
    [{ columns: { role: 'a"b' } }, /name of a table or a column/],
    [{ columns: { role: 'title' }, fields: { title: 'text' } }, /`fields.title` of sqlUsers has the column title/],
    [{ fields: { a: { column: 'x', kind: 'text' }, b: { column: 'x', kind: 'text' } } }, /`fields.a`.* the column x/],
    [{ ids: 'number' }, /`ids`/],
    [{ times: 's' }, /`times`/],
    [{ fields: { name: 'string' } }, /`fields.name`/],
  ])('%j is refused', async (wrong, message) => {
    await refused(() => on(SMALL, wrong as unknown as SqlUsersOptions)).toThrow(message)
    await refused(() => on(SMALL, wrong as unknown as SqlUsersOptions)).toThrow(TypeError)
  })
})

test('a column that SQLite does not have is named when the users are made', async () => {
  const [engine] = ENGINES
  const opened = await (engine as (typeof ENGINES)[0]).open()
  const options = await makeTable(opened, engine as (typeof ENGINES)[0], SMALL)
  const make = (more: SqlUsersOptions) => () => sqlUsers(opened.database, { ...options, ...more })
  expect(make({ columns: { username: 'login' } })).toThrow(
    /^the table `people_.*` is not as sqlUsers was told: .*login/,
  )
  expect(make({ fields: { name: 'text' } })).toThrow(/name/)
  expect(make({ table: 'nowhere' })).toThrow(/nowhere/)
})

describe.each(ENGINES)('a broken unique index, on $name', engine => {
  /** A table whose names are not those of what they hold. */
  const odd: OwnTable = {
    name: 'odd indexes',
    create: (table, kind) => [
      `create table "${table}" (id text primary key, email text, username text, phone text,
        password_hash text, credential_epoch integer)`,
      kind === 'sqlite'
        ? `create unique index "${table}_email_x" on "${table}" (lower(email))`
        : `create unique index "${table}_username_x" on "${table}" (lower(email))`,
      `create unique index "${table}_email" on "${table}" (username)`,
      `create unique index "${table}_email_and_username" on "${table}" (phone)`,
    ],
    options: { columns: { username: 'username' }, fields: { phone: 'text' } },
  }

  test('says which name is taken, whatever the index is called', async () => {
    const opened = await engine.open()
    const users = sqlUsers(opened.database, await makeTable(opened, engine, odd))
    const someone = (n: string, more: object = {}) => ({
      id: n,
      email: `${n}@example.com`,
      username: `user${n}`,
      passwordHash: null,
      createdAt: 0,
      ...more,
    })
    await users.insert(someone('a', { fields: { phone: '1' } }))
    await refused(() => users.insert(someone('b', { email: 'A@example.com' }))).toMatchObject({ code: 'email_taken' })
    await refused(() => users.insert(someone('b', { username: 'usera' }))).toMatchObject({ code: 'username_taken' })
    // Another column is none of ours: its error stays what it is.
    await refused(() => users.insert(someone('b', { fields: { phone: '1' } }))).not.toHaveProperty(
      'code',
      'email_taken',
    )
    await refused(() => users.insert(someone('b', { fields: { phone: '1' } }))).toThrow(/unique/i)
    await users.insert(someone('b', { fields: { phone: '2' } }))
    await refused(() => users.update('b', { username: 'usera', updatedAt: 0 }, null)).toMatchObject({
      code: 'username_taken',
    })
  })

  test('a value that looks like the message does not mislead', async () => {
    const opened = await engine.open()
    const users = sqlUsers(opened.database, await makeTable(opened, engine, odd))
    const username = 'x) (email)=(y'
    const account = { id: 'a', email: 'a@example.com', username, passwordHash: null, createdAt: 0 }
    await users.insert(account)
    await refused(() => users.insert({ ...account, id: 'b', email: 'b@example.com' })).toMatchObject({
      code: 'username_taken',
    })
  })
})

test.each([
  [
    'doppelter Schlüsselwert verletzt Unique-Constraint »x«',
    'Schlüssel »(tenant, email)=(, a@b.c)« existiert bereits.',
  ],
  ['llave duplicada viola restricción de unicidad «x»', 'Ya existe la llave (tenant, email)=(, a@b.c).'],
  ['重复键违反唯一约束"x"', '键值"(tenant, email)=(, a@b.c)" 已经存在'],
])('a PostgreSQL that says it in another language is understood: %s', (message, detail) => {
  const { taken } = sqlRows({ dialect: 'postgres' }, {})
  const said = Object.assign(new Error(message), { code: '23505', detail })
  expect(taken(said)).toMatchObject({ code: 'email_taken', cause: said })
  const other = Object.assign(new Error(message), { code: '23503', detail })
  expect(taken(Object.assign(other, { message: 'x' }))).toBe(other)
})
