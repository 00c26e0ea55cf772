import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { addRows, tableOf, writeRows } from '../../src/extensions/beside.js'
import { type Extension, memoryUsers, type UserRepository } from '../../src/index.js'
import { migrate } from '../../src/migrations.js'
import { defineTable, type Table } from '../../src/stores/table.js'
import { testAuth } from '../../src/testing/index.js'
import { sqlUsers } from '../../src/users/sql.js'
import { ENGINES } from '../support/tables.js'

type Entry = { readonly id: string; readonly what: string; readonly who: string }

const PASSWORD = 'correct horse'

/** Writes down what becomes of users, in their own transaction. `next` names the entry that is written next. */
function ledger() {
  const shape = defineTable<Entry>(`ledger_${randomUUID().slice(0, 8)}_0001`, {
    name: `ledger_${randomUUID().slice(0, 8)}`,
    columns: { id: 'text', what: 'text', who: 'text' },
    key: ['id'],
  })
  const made: { table?: Table<Entry>; next: () => string } = { next: randomUUID }
  const extension: Extension = {
    name: 'ledger',
    migrations: [shape.migration],
    setup(tools) {
      const table = tableOf(tools, shape)
      made.table = table
      const entry = (what: string, who: string) => table.beside({ id: made.next(), what, who })
      return {
        hooks: {
          savingUser(saving) {
            addRows(saving, ({ user }) => [entry(saving.detail, user.id)])
            addRows(saving, ({ user }) => [entry('again', user.id)])
          },
          deletingUser: ({ user }) => [entry('deleted', user.id)],
        },
      }
    },
  }
  return {
    extension,
    made,
    entries: async () => ((await made.table?.find()) ?? []).map(({ what }) => what).sort(),
  }
}

const PLACES: { name: string; users(ledgerOf: Extension): Promise<UserRepository> }[] = [
  { name: 'memory', users: async () => memoryUsers() },
  {
    name: 'an own repository without transactions',
    async users() {
      const { findById, findByIdentifier, insert, update, delete: remove } = memoryUsers()
      return { findById, findByIdentifier, insert, update, delete: remove, tables: 'memory' }
    },
  },
  ...ENGINES.map(engine => ({
    name: engine.name,
    async users(extension: Extension) {
      const { database } = await engine.open()
      await migrate(database, { extensions: [extension] })
      return sqlUsers(database)
    },
  })),
]

async function start(place: (typeof PLACES)[number]) {
  const book = ledger()
  const auth = testAuth({ users: await place.users(book.extension), extensions: [book.extension] })
  const email = `${randomUUID()}@example.com`
  const user = { email, password: PASSWORD, password_confirmation: PASSWORD }
  return { ...book, ...auth, email, user }
}

describe.each(PLACES)('rows beside users in $name', place => {
  test('are written with a registration, a change and a deletion, by all who add some', async () => {
    const { request, user, entries } = await start(place)
    const token = (await request('POST', '/registration', { json: { user } })).body.data.access_token
    expect(await entries()).toEqual(['account.created', 'again'])
    const change = { current_password: PASSWORD, password: 'another horse', password_confirmation: 'another horse' }
    expect((await request('PATCH', '/registration', { token, json: { user: change } })).status).toBe(200)
    const proof = { current_password: 'another horse' }
    expect((await request('DELETE', '/registration', { token, json: { user: proof } })).status).toBe(200)
    expect(await entries()).toEqual(['account.created', 'again', 'again', 'deleted', 'password'])
  })

  test('are not written with what is not done: a taken address, a lost race', async () => {
    const { auth, request, user, email, entries } = await start(place)
    await request('POST', '/registration', { json: { user } })
    expect((await request('POST', '/registration', { json: { user } })).status).toBe(500)
    expect(await entries()).toEqual(['account.created', 'again'])
    const account = await auth.users.findByIdentifier(email)
    const rows = () => [{ table: '', row: {}, write: () => expect.fail('written') }]
    const change = { role: 'admin', updatedAt: 1, rows }
    expect(await auth.users.update(account?.user.id ?? '', change, 'not its hash')).toBe(null)
    expect(await auth.users.delete(account?.user.id ?? '', 'not its hash', '', rows())).toBe(false)
  })

  test('are written by trusted code as well, once each', async () => {
    const { auth, user, entries } = await start(place)
    const { id } = await auth.system.createUser(user)
    await auth.system.setRole(id, 'admin')
    await auth.system.suspend(id)
    await auth.system.deleteUser(id)
    expect((await entries()).filter(what => what !== 'again')).toEqual([
      'account.created',
      'deleted',
      'role',
      'suspended',
    ])
  })
})

describe.each(ENGINES)('in one transaction in $name', engine => {
  test('a row that cannot be written leaves no user, no change and no deletion', async () => {
    const place = PLACES.find(({ name }) => name === engine.name) as (typeof PLACES)[number]
    const { auth, request, user, email, made, entries } = await start(place)
    made.next = () => 'the same'
    expect((await request('POST', '/registration', { json: { user } })).status).toBe(503)
    expect(await auth.users.findByIdentifier(email)).toBe(null)
    expect(await entries()).toEqual([])

    made.next = randomUUID
    const token = (await request('POST', '/registration', { json: { user } })).body.data.access_token
    made.next = () => 'the same'
    await made.table?.insert({ id: 'the same', what: 'taken', who: '' })
    const id = (await auth.users.findByIdentifier(email))?.user.id ?? ''
    await expect(auth.system.setRole(id, 'admin')).rejects.toMatchObject({ code: 'unavailable' })
    await expect(auth.system.deleteUser(id)).rejects.toMatchObject({ code: 'unavailable' })
    expect((await auth.users.findById(id))?.user.role).toBe('user')
    // And the connection is of use to the next.
    expect((await request('GET', '/session', { token })).status).toBe(200)
    expect(await entries()).toEqual(['account.created', 'again', 'taken'])
  })

  test('fifty registrations of one address leave one user and its rows alone', async () => {
    const place = PLACES.find(({ name }) => name === engine.name) as (typeof PLACES)[number]
    const { request, user, entries } = await start(place)
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => request('POST', '/registration', { json: { user } })),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(await entries()).toEqual(['account.created', 'again'])
  })
})

test('rows that belong to no user are written by themselves', async () => {
  const { extension, made, entries } = ledger()
  testAuth({ extensions: [extension] })
  const table = made.table as Table<Entry>
  await writeRows({ database: 'memory', deadlineMs: 500 }, [table.beside({ id: 'a', what: 'alone', who: '' })])
  expect(await entries()).toEqual(['alone'])
})
