import { type as ark } from 'arktype'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type BaseUser, createAuth, type FieldsSchema, memoryUsers, type UserRepository } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'
import { readOwnFields } from '../../src/users/own-fields.js'
import { type FieldKind, sqlUsers } from '../../src/users/sql.js'
import { ENGINES, makeTable, type OwnTable } from '../support/tables.js'

interface Person extends BaseUser {
  readonly name: string
  readonly age: number
  readonly nickname?: string | null
}

const NAMES = ['name', 'age', 'nickname']
const credentials = { email: 'ann@example.com', password: 'secret1234', password_confirmation: 'secret1234' }
const ann = { ...credentials, name: '  Ann ', age: 41 }

/** One schema in three libraries: a name that is trimmed, an age, and perhaps a nickname. */
const SCHEMAS: Readonly<Record<string, FieldsSchema<Person>>> = {
  Zod: z.object({ name: z.string().trim().min(2), age: z.int().min(18), nickname: z.string().optional() }),
  Valibot: v.object({
    name: v.pipe(v.string(), v.trim(), v.minLength(2)),
    age: v.pipe(v.number(), v.minValue(18)),
    nickname: v.optional(v.string()),
  }),
  ArkType: ark({ name: ark('string.trim').to('string >= 2'), age: 'number >= 18', 'nickname?': 'string' }),
  'Zod, asking somebody': z.object({
    name: z
      .string()
      .trim()
      .refine(async name => (await Promise.resolve(name)).length >= 2),
    age: z.int().min(18),
    nickname: z.string().optional(),
  }),
}

const TABLE: OwnTable = {
  name: 'own fields',
  create: table => [
    `create table "${table}" (id text primary key, email text unique, password_hash text, credential_epoch integer,
      name text not null, age integer not null, nickname text)`,
  ],
  options: { fields: { name: 'text', age: 'number', nickname: 'text' } satisfies Record<string, FieldKind> },
}

const KEPT: readonly { name: string; open(): Promise<UserRepository<Person>> }[] = [
  { name: 'memory', open: async () => memoryUsers<Person>({ fields: NAMES }) },
  ...ENGINES.map(engine => ({
    name: engine.name,
    async open() {
      const opened = await engine.open()
      return sqlUsers<Person>(opened.database, await makeTable(opened, engine, TABLE))
    },
  })),
]

const CASES = KEPT.flatMap(kept => Object.entries(SCHEMAS).map(([name, fields]) => ({ kept, fields, name })))

describe.each(CASES)('$name on $kept.name', ({ kept, fields }) => {
  const make = async () => testAuth<Person>({ users: await kept.open(), fields })
  async function registered() {
    const made = await make()
    const { status, body } = await made.request('POST', '/registration', { json: { user: ann } })
    expect(status).toBe(200)
    const token = body.data.access_token as string
    const patch = (user: object) => made.request('PATCH', '/registration', { token, json: { user } })
    const profile = async () => (await made.request('GET', '/session', { token })).body.data?.user
    return { ...made, token, patch, profile }
  }

  test('registration takes the fields as the schema gives them, and the profile shows them', async () => {
    const { profile } = await registered()
    expect(await profile()).toMatchObject({ name: 'Ann', age: 41, nickname: null, email: 'ann@example.com' })
  })

  test('they change without the password, and end no session', async () => {
    const { request, patch, profile, clock, events } = await registered()
    const signedIn = await request('POST', '/session', { json: { user: credentials } })
    clock.advance(1000)
    const { status, body } = await patch({ name: ' Bea ' })
    expect(status).toBe(200)
    expect(body.data.user).toMatchObject({ name: 'Bea', age: 41 })
    expect(await profile()).toMatchObject({ name: 'Bea', age: 41, nickname: null })
    expect((await request('GET', '/session', { token: signedIn.body.data.access_token })).status).toBe(200)
    expect(events.at(-1)).toMatchObject({ name: 'account.updated', detail: 'fields' })
  })

  test('a part is judged as the whole it makes', async () => {
    const { patch, profile } = await registered()
    expect((await patch({ nickname: 'Annie' })).status).toBe(200)
    expect((await patch({ age: 42 })).status).toBe(200)
    const refused = await patch({ age: 17, nickname: 'Kid' })
    expect(refused.status).toBe(422)
    expect(Object.keys(refused.body.error.errors)).toEqual(['age'])
    expect(await profile()).toMatchObject({ name: 'Ann', age: 42, nickname: 'Annie' })
  })

  test('what is wrong with them is told with what is wrong with the rest, by field', async () => {
    const { request } = await make()
    const user = { email: 'no address', password: 'short', name: 'A', age: 'old' }
    const { status, body } = await request('POST', '/registration', { json: { user } })
    expect(status).toBe(500)
    const { errors } = body.error
    expect(Object.keys(errors).sort()).toEqual(['age', 'email', 'name', 'password', 'password_confirmation'])
    for (const messages of Object.values(errors)) {
      expect(messages).toEqual(expect.arrayContaining([expect.any(String)]))
    }
    expect(errors.email).toEqual(['has invalid format'])
  })

  test('with a new address in the same change the password is asked for, and nothing is saved by halves', async () => {
    const { patch, profile } = await registered()
    const change = { name: 'Bea', email: 'bea@example.com' }
    expect((await patch(change)).body.error.errors).toEqual({ current_password: ["can't be blank"] })
    const wrong = await patch({ ...change, current_password: 'wrong-one' })
    expect(wrong.body.error.errors).toEqual({ current_password: ['is invalid'] })
    expect(await profile()).toMatchObject({ name: 'Ann', email: 'ann@example.com' })
    expect((await patch({ ...change, current_password: credentials.password })).status).toBe(200)
    expect(await profile()).toMatchObject({ name: 'Bea', email: 'bea@example.com' })
  })

  test('of two changes at once neither undoes the other', async () => {
    const { patch, profile } = await registered()
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all([patch({ name: `Ann${round}` }), patch({ age: 50 + round })])
      expect(answers.map(({ status }) => status)).toEqual([200, 200])
      expect(await profile()).toMatchObject({ name: `Ann${round}`, age: 50 + round })
    }
  })
})

const RESERVED = [
  ...'id email username role tenant password password_hash passwordHash credential_epoch'.split(' '),
  ...'credentialEpoch suspended_at suspendedAt created_at createdAt updated_at updatedAt __proto__ remember_me'.split(
    ' ',
  ),
]

test.each(RESERVED)('%s is no field of the app’s own', name => {
  const users = memoryUsers({ fields: ['name', name] })
  expect(() => testAuth({ users })).toThrow(
    new TypeError(`\`${name}\` is no field of the app's own: take it out of the \`fields\` of \`users\``),
  )
})

test('what is not named is never written from input, whatever the body and the schema say', async () => {
  // Takes everything, and adds to it.
  const greedy = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: unknown) => ({
        value: { ...(value as object), role: 'admin', id: 'mine', tenant: 'x', suspendedAt: 0, createdAt: 0, extra: 1 },
      }),
    },
  } as unknown as FieldsSchema<BaseUser>
  const { auth, request, clock } = testAuth({ users: memoryUsers({ fields: ['name'] }), fields: greedy })
  const sent = {
    name: 'Ann',
    role: 'admin',
    id: 'mine',
    tenant: 'acme',
    suspended_at: 1,
    suspendedAt: 1,
    password_hash: '$cheap$x',
    passwordHash: '$cheap$x',
    credentialEpoch: 99,
    constructor: 'x',
  }
  const json = JSON.stringify({ user: { ...credentials, ...sent } }).replace(
    '"name"',
    '"__proto__":{"role":"admin"},"name"',
  )
  const headers = { 'content-type': 'application/json' }
  const { body } = await request('POST', '/registration', { form: json, headers })
  const token = body.data.access_token
  const patched = await request('PATCH', '/registration', { token, json: { user: { ...sent, name: 'Bea' } } })
  expect(patched.status).toBe(200)
  const user = await auth.system.findUserBy('ann@example.com')
  expect(user).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    email: 'ann@example.com',
    name: 'Bea',
    role: 'user',
    suspendedAt: null,
    createdAt: clock.now(),
    updatedAt: clock.now(),
  })
  expect(Object.getPrototypeOf(user)).toBe(Object.prototype)
  const form = 'user[name]=Cleo&user[role]=admin&user[__proto__][role]=admin'
  expect((await request('PATCH', '/registration', { token, form })).status).toBeLessThan(500)
  expect((await auth.system.findUserBy('ann@example.com'))?.role).toBe('user')
  expect(({} as { role?: string }).role).toBeUndefined()
})

test('the schema sees its own fields and nothing else of the body', async () => {
  const seen: unknown[] = []
  const fields = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate(value: unknown) {
        seen.push(value)
        return { value }
      },
    },
  } as FieldsSchema<BaseUser>
  const { request } = testAuth({ users: memoryUsers({ fields: ['name'] }), fields })
  const user = { ...credentials, name: 'Ann', role: 'admin', extra: 1 }
  const { body } = await request('POST', '/registration', { json: { user } })
  const change = { user: { role: 'admin', name: 'Bea' } }
  await request('PATCH', '/registration', { token: body.data.access_token, json: change })
  expect(seen).toEqual([{ name: 'Ann' }, { name: 'Bea' }])
})

test('fields without a schema are shown and never taken from input', async () => {
  const { auth, request } = testAuth({ users: memoryUsers({ fields: ['plan'] }) })
  const { body } = await request('POST', '/registration', { json: { user: { ...credentials, plan: 'gold' } } })
  const token = body.data.access_token
  const patched = await request('PATCH', '/registration', { token, json: { user: { plan: 'gold' } } })
  expect(patched.status).toBe(200)
  expect(patched.body.data.user.plan).toBeNull()
  const user = (await auth.system.findUserBy(credentials.email)) as BaseUser
  const account = await auth.users.findById(user.id)
  await auth.users.update(user.id, { fields: { plan: 'gold' }, updatedAt: 0 }, account?.passwordHash ?? null)
  expect((await request('GET', '/session', { token })).body.data.user.plan).toBe('gold')
})

test('a schema that throws is an error of ours: nobody is made, and no session lost', async () => {
  let broken = true
  const fields = z.object({
    name: z.string().transform(name => {
      if (broken) throw new RangeError('no such name')
      return name
    }),
  })
  const { auth, request, errors } = testAuth<Person>({ users: memoryUsers<Person>({ fields: ['name'] }), fields })
  const register = () => request('POST', '/registration', { json: { user: ann } })
  const { status, body } = await register()
  expect([status, body.error.reason]).toEqual([500, 'internal'])
  expect(JSON.stringify(body)).not.toContain('no such name')
  expect(errors).toEqual([new RangeError('no such name')])
  expect(await auth.system.findUserBy('ann@example.com')).toBeNull()
  broken = false
  const token = (await register()).body.data.access_token
  broken = true
  const patched = await request('PATCH', '/registration', { token, json: { user: { name: 'Bea' } } })
  expect(patched.status).toBe(500)
  expect((await request('GET', '/session', { token })).body.data.user.name).toBe('  Ann ')
})

test('an error of the whole is told at the first field, and an odd path breaks nothing', async () => {
  const issues = [
    { message: 'of all' },
    { message: 'deep', path: [{ key: 'name' }, 'x'] },
    { message: 'p', path: ['__proto__'] },
  ]
  const fields = { '~standard': { version: 1, vendor: 'test', validate: () => ({ issues }) } } as FieldsSchema<Person>
  const { request } = testAuth<Person>({ users: memoryUsers<Person>({ fields: NAMES }), fields })
  const { body } = await request('POST', '/registration', { json: { user: ann } })
  expect(body.error.errors.name).toEqual(['of all', 'deep'])
})

test('a schema for users that keep no fields, and what is no schema, are refused', () => {
  const secret = 'a secret for tests, and for tests alone'
  const fields = z.object({})
  expect(() => createAuth({ secret, users: memoryUsers(), fields })).toThrow(/keep no `fields`/)
  const users = memoryUsers({ fields: ['name'] })
  for (const wrong of [{}, { name: 'string' }, 'name', () => true]) {
    const options = { secret, users, fields: wrong } as unknown as Parameters<typeof createAuth>[0]
    expect(() => createAuth(options)).toThrow(/`fields` must be a Standard Schema/)
  }
})

test('a value that must be there, though it may be null, is judged as it was', async () => {
  const fields = z.object({ name: z.string(), nickname: z.string().nullable() })
  for (const { open } of KEPT) {
    const { request } = testAuth<Person>({ users: await open(), fields: fields.extend({ age: z.number() }) })
    const { body } = await request('POST', '/registration', { json: { user: { ...ann, nickname: null } } })
    const token = body.data.access_token
    const patched = await request('PATCH', '/registration', { token, json: { user: { name: 'Bea' } } })
    expect(patched.body.data.user).toMatchObject({ name: 'Bea', nickname: null })
  }
})

test('what a schema or a table puts into another order is no change', async () => {
  const schema = (given: object) => ({
    '~standard': { version: 1 as const, vendor: 'own', validate: () => ({ value: given }) },
  })
  const before = { nick: 'old', prefs: { b: 1, a: { d: [1, { f: 2, e: 3 }], c: 4 } }, at: '2030-01-01T00:00:00.000Z' }
  const given = {
    nick: 'new',
    prefs: { a: { c: 4, d: [1, { e: 3, f: 2 }] }, b: 1 },
    at: new Date('2030-01-01T00:00:00.000Z'),
  }
  const names = ['nick', 'prefs', 'at']
  const read = await readOwnFields(schema(given), names, { nick: 'new' }, before)
  expect(read.fields).toEqual({ nick: 'new' })
  const other = await readOwnFields(schema({ ...given, prefs: { b: 2 } }), names, { nick: 'new' }, before)
  expect(other.fields).toEqual({ nick: 'new', prefs: { b: 2 } })
})

test('a new password asks for none of the own fields again', async () => {
  const users = memoryUsers<Person>({ fields: NAMES })
  const { auth, request } = testAuth<Person>({ users, fields: SCHEMAS.Zod as FieldsSchema<Person> })
  const { id } = await auth.system.createUser(ann)
  await auth.system.setPassword(id, 'secret5678')
  const signIn = { ...credentials, password: 'secret5678' }
  expect((await request('POST', '/session', { json: { user: signIn } })).status).toBe(200)
})
