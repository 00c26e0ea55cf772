import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Extension, SqliteDatabase } from '../../src/index.js'
import { migrate, migrationState } from '../../src/migrations.js'
import { openSqlite } from '../../src/server/sqlite.js'
import { newDatabase } from '../support/database.js'
import { register, send } from '../support/guide.js'
import { keptFolder, projectWith, refusal } from '../support/refusal.js'
import { runPawl, startServer } from '../support/server.js'

const env = { DATABASE_URL: 'sqlite:pawl.db', PAWL_SECRET: 'kR7vYw2pQ9sXzL4mN8bT1cF6gH3jD5aE' }

const NOTES = `
  export const notes = {
    name: 'notes',
    migrations: [
      {
        name: 'notes_0001',
        up: db => db.schema.createTable('notes').addColumn('id', 'text', column => column.primaryKey()).execute(),
      },
    ],
    setup: () => ({}),
  }
`

const notes: Extension = {
  name: 'notes',
  migrations: [
    {
      name: 'notes_0001',
      up: db => db.schema.createTable('notes').addColumn('id', 'text').execute(),
    },
  ],
  setup: () => ({}),
}

/** Opens the database of a folder for one change. */
async function inDatabase<T>(folder: string, act: (database: SqliteDatabase) => T | Promise<T>): Promise<T> {
  const database = await openSqlite(join(folder, 'pawl.db'))
  try {
    return await act(database)
  } finally {
    database.close()
  }
}

/** Starts the server, does one thing with its API and stops it. */
async function whileServing<T>(folder: string, act: (api: string) => Promise<T>): Promise<T> {
  const server = await startServer({ env, folder })
  try {
    return await act(`${server.url}/api/v1`)
  } finally {
    await server.stop()
  }
}

test('pawl migrate makes the tables of a new file, and has nothing to do the second time', async () => {
  const folder = keptFolder()
  const first = await runPawl(['migrate'], { env, folder })
  expect(first).toMatchObject({ code: 0, stderr: '' })
  expect(first.stdout).toMatch(/pawl\.db: .*users_0001/)
  expect(first.stdout).toContain('sessions_0001')
  const second = await runPawl(['migrate'], { env, folder })
  expect(second).toMatchObject({ code: 0, stderr: '' })
  expect(second.stdout).toMatch(/pawl\.db: nothing to do/)
  const state = await inDatabase(folder, database => migrationState(database))
  expect(state).toEqual({ pending: [], unknown: [], empty: false })
})

test('pawl serve starts on what pawl migrate made', async () => {
  const given = keptFolder()
  await runPawl(['migrate'], { env, folder: given })
  expect((await whileServing(given, api => register(api))).access).toMatch(/^pwa1_/)

  // Nobody has signed in yet, so a secret that is not there was never lost.
  const folder = keptFolder()
  expect((await runPawl(['migrate'], { folder })).code).toBe(0)
  const server = await startServer({ folder })
  try {
    expect((await send(server.url, 'GET', '/readyz')).status).toBe(200)
  } finally {
    await server.stop()
  }
})

test('a database of a newer Pawl is refused by serve and by migrate, and stays as it is', async () => {
  const folder = keptFolder()
  await runPawl(['migrate'], { env, folder })
  await inDatabase(folder, ({ kysely }) =>
    kysely
      .insertInto('pawl_migrations')
      .values({ name: 'sessions_9999', timestamp: new Date(0).toISOString() })
      .execute(),
  )
  const message = await refusal({ env, folder })
  expect(message).toMatch(/exited with 1/)
  expect(message).toMatch(/newer Pawl \(sessions_9999\)/)
  const migrated = await runPawl(['migrate'], { env, folder })
  expect(migrated.code).toBe(1)
  expect(migrated.stderr).toMatch(/newer Pawl \(sessions_9999\)/)
})

test('a database of an older Pawl is refused until pawl migrate has run, and keeps its people', async () => {
  const folder = keptFolder()
  await whileServing(folder, api => register(api))
  await inDatabase(folder, async ({ kysely }) => {
    const tables = await kysely.introspection.getTables()
    const ours = tables.map(({ name }) => name).filter(name => name.startsWith('pawl_') && !name.includes('migrations'))
    for (const name of ours) await kysely.schema.dropTable(name).execute()
    await kysely.deleteFrom('pawl_migrations').where('name', '=', 'sessions_0001').execute()
  })

  const message = await refusal({ env, folder })
  expect(message).toMatch(/older Pawl: run `npx pawl migrate` \(sessions_0001\)/)
  expect((await runPawl(['migrate'], { env, folder })).stdout).toMatch(/: sessions_0001\n$/)
  const again = await whileServing(folder, async api => {
    const user = { 'user[email]': 'test@example.com', 'user[password]': 'secret1234' }
    return send(api, 'POST', '/session', { body: new URLSearchParams(user) })
  })
  expect(again.status).toBe(200)
})

test("a database without a new extension's tables is refused until pawl migrate has run", async () => {
  const config = `import { notes } from './notes.js'\nexport default { extensions: [notes] }\n`
  const folder = projectWith({ 'notes.js': NOTES })
  await whileServing(folder, api => register(api))
  writeFileSync(join(folder, 'pawl.config.js'), config)

  expect(await refusal({ env, folder })).toMatch(/run `npx pawl migrate` \(notes_0001\)/)
  expect((await runPawl(['migrate'], { env, folder })).stdout).toMatch(/: notes_0001\n$/)
  await whileServing(folder, async api => expect((await send(api, 'GET', '/session')).status).toBe(401))
})

test("a new database gets an extension's tables with its own", async () => {
  const config = `${NOTES}\nexport default { extensions: [notes] }\n`
  const folder = projectWith({ 'pawl.config.js': config })
  await whileServing(folder, api => register(api))
  const tables = await inDatabase(folder, ({ kysely }) => kysely.introspection.getTables())
  expect(tables.map(({ name }) => name)).toContain('notes')
})

test('an extension that is taken out again does not keep the server from starting', async () => {
  const config = `${NOTES}\nexport default { extensions: [notes] }\n`
  const folder = projectWith({ 'pawl.config.js': config })
  const { access } = await whileServing(folder, api => register(api))
  rmSync(join(folder, 'pawl.config.js'))
  const { status } = await whileServing(folder, api => send(api, 'GET', '/session', { token: access }))
  expect(status).toBe(200)
  expect((await runPawl(['migrate'], { env, folder })).stdout).toMatch(/nothing to do/)
})

test('migrate runs the migrations of extensions too, each once', async () => {
  const database = await newDatabase()
  expect(await migrationState(database, { extensions: [notes] })).toEqual({
    pending: ['notes_0001'],
    unknown: [],
    empty: false,
  })
  expect(await migrate(database, { extensions: [notes] })).toEqual(['notes_0001'])
  expect(await migrate(database, { extensions: [notes] })).toEqual([])
  await database.kysely.insertInto('notes').values({ id: '1' }).execute()
})

test('an extension may build on the tables of the core, whatever its name', async () => {
  const avatars: Extension = {
    name: 'avatars',
    migrations: [
      { name: 'avatars_0001', up: db => db.schema.alterTable('users').addColumn('avatar', 'text').execute() },
    ],
    setup: () => ({}),
  }
  const database = await openSqlite(':memory:')
  try {
    await migrate(database, { extensions: [avatars] })
    expect((await migrationState(database, { extensions: [avatars] })).pending).toEqual([])
  } finally {
    database.close()
  }
})

test('a migration that fails is thrown and leaves nothing of itself', async () => {
  const database = await newDatabase()
  const broken: Extension = {
    name: 'broken',
    migrations: [
      {
        name: 'broken_0001',
        async up(db) {
          await db.schema.createTable('broken').addColumn('id', 'text').execute()
          throw new Error('out of luck')
        },
      },
    ],
    setup: () => ({}),
  }
  await expect(migrate(database, { extensions: [broken] })).rejects.toThrow('out of luck')
  expect((await migrationState(database, { extensions: [broken] })).pending).toEqual(['broken_0001'])
  const tables = await database.kysely.introspection.getTables()
  expect(tables.map(({ name }) => name)).not.toContain('broken')
})
