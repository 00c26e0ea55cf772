import { join } from 'node:path'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, describe, expect, inject, test } from 'vitest'
import type { SqlDatabase } from '../../src/index.js'
import { migrate, migrationState } from '../../src/migrations.js'
import { openSqlite } from '../../src/server/sqlite.js'
import { type PostgresPool, postgresDatabase } from '../../src/stores/postgres-database.js'
import { testAuth } from '../../src/testing/index.js'
import { cheapHasher } from '../../src/testing/test-auth.js'
import { sqlUsers } from '../../src/users/sql.js'
import { sqlUsersMigrations } from '../../src/users/sql-tables.js'
import { createDatabase } from '../support/engines.js'
import { newFolder } from '../support/server.js'

const closing: (() => unknown)[] = []
afterAll(() => Promise.all(closing.splice(0).map(close => close())))

async function emptySqlite(): Promise<SqlDatabase> {
  const database = await openSqlite(join(newFolder(), 'pawl.db'))
  closing.push(() => database.close())
  return database
}

async function emptyPostgres(): Promise<SqlDatabase> {
  const connectionString = await createDatabase(inject('pawlPostgres') as string)
  const pool = new pg.Pool({ connectionString }) as unknown as PostgresPool
  closing.push(() => pool.end())
  return postgresDatabase(pool, { deadlineMs: 20_000 })
}

const ENGINES = [
  { name: 'sqlite', open: emptySqlite },
  ...(inject('pawlPostgres') === null ? [] : [{ name: 'postgres', open: emptyPostgres }]),
]
const password = 'secret1234'

/** Makes the table as the first migration did, with people in it. */
async function firstTable(database: SqlDatabase, people: readonly string[]): Promise<void> {
  const db = database.kysely
  await sqlUsersMigrations[0]?.up(db)
  await db.schema
    .createTable('pawl_migrations')
    .addColumn('name', 'varchar(255)', column => column.primaryKey())
    .addColumn('timestamp', 'varchar(255)', column => column.notNull())
    .execute()
  await db.insertInto('pawl_migrations').values({ name: 'users_0001', timestamp: '2026-01-01' }).execute()
  const password_hash = await cheapHasher().hash(password)
  for (const name of people) {
    const times = { created_at: 1_700_000_000_000, updated_at: 1_700_000_000_001 }
    const person = { id: `id-of-${name}`, email: `${name}@example.com`, password_hash, credential_epoch: 3 }
    await db
      .insertInto('users')
      .values({ ...person, ...times })
      .execute()
  }
}

describe.each(ENGINES)('on $name', ({ open }) => {
  test('users of the first table are kept, and have all that came after', async () => {
    const database = await open()
    await firstTable(database, ['ann', 'bob'])
    const ran = await migrate(database)
    expect(ran).toContain('users_0002')
    expect(ran).not.toContain('users_0001')
    expect(await migrate(database)).toEqual([])
    expect((await migrationState(database)).pending).toEqual([])

    const users = sqlUsers(database)
    expect(await users.findByIdentifier('ann@example.com')).toMatchObject({
      credentialEpoch: 3,
      user: {
        id: 'id-of-ann',
        email: 'ann@example.com',
        username: null,
        role: 'user',
        suspendedAt: null,
        createdAt: 1_700_000_000_000,
        updatedAt: 1_700_000_000_001,
      },
    })
    const { request, auth } = testAuth({ users })
    const signIn = () => request('POST', '/session', { json: { user: { email: 'ann@example.com', password } } })
    expect((await signIn()).status).toBe(200)
    await auth.system.setRole('id-of-ann', 'admin')
    await auth.system.suspend('id-of-ann')
    expect((await signIn()).status).toBe(403)
    const ann = { email: 'ann@example.com', password, password_confirmation: password }
    const again = await request('POST', '/registration', { json: { user: ann } })
    expect(again.body.error.errors).toEqual({ email: ['has already been taken'] })
  })

  test('the code of before writes into the new table while it is being replaced', async () => {
    const database = await open()
    await firstTable(database, [])
    await migrate(database)
    await database.kysely
      .insertInto('users')
      .values({ id: 'old', email: 'old@example.com', password_hash: null, created_at: 1, updated_at: 1 })
      .execute()
    expect((await sqlUsers(database).findByIdentifier('old@example.com'))?.user).toMatchObject({ role: 'user' })
  })

  test('a second migration that fails leaves the first table as it was', async () => {
    const database = await open()
    await firstTable(database, ['ann'])
    // In its way.
    await database.kysely.schema.createTable('other').addColumn('a', 'text').execute()
    await database.kysely.schema.createIndex('users_username_index').on('other').column('a').execute()
    await expect(migrate(database)).rejects.toThrow(/users_username_index/)
    const row = await database.kysely.selectFrom('users').selectAll().executeTakeFirst()
    expect(row).toMatchObject({ email: 'ann@example.com' })
    expect(row).not.toHaveProperty('tenant')
    await database.kysely.schema.dropIndex('users_username_index').execute()
    expect(await migrate(database)).toContain('users_0002')
  })

  test('an app with a table of its own gets none', async () => {
    const database = await open()
    const ran = await migrate(database, { users: false })
    expect(ran.filter(name => name.startsWith('users_'))).toEqual([])
    expect(ran).toContain('sessions_0001')
    await expect(sql`select * from users`.execute(database.kysely)).rejects.toThrow()
    expect(await migrationState(database, { users: false })).toEqual({ pending: [], unknown: [], empty: false })
    expect((await migrationState(database)).pending).toEqual(['users_0001', 'users_0002'])
    expect(await migrate(database)).toEqual(['users_0001', 'users_0002'])
  })

  test("an app's own table of the same name is left alone", async () => {
    const database = await open()
    await database.kysely.schema.createTable('users').addColumn('mine', 'text').execute()
    await migrate(database, { users: false })
    await database.kysely.insertInto('users').values({ mine: 'x' }).execute()
    expect(await database.kysely.selectFrom('users').selectAll().execute()).toEqual([{ mine: 'x' }])
  })
})
