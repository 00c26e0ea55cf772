import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { expect, inject, test } from 'vitest'
import { migrationSql, migrationStatements } from '../../src/cli/migration-sql.js'
import type { Extension } from '../../src/index.js'
import { migrate, migrationState } from '../../src/migrations.js'
import { serverExtensions } from '../../src/server/extensions.js'
import { openSqlite } from '../../src/server/sqlite.js'
import { postgresDatabase } from '../../src/stores/postgres-database.js'
import { createDatabase } from '../support/engines.js'
import { keptFolder } from '../support/refusal.js'
import { runPawl } from '../support/server.js'
import { initIn, newProject, read } from './projects.js'

const postgres = inject('pawlPostgres')
const DONE = { pending: [], unknown: [], empty: false }

/** The text that init writes into a project. */
async function written(database: 'sqlite' | 'postgres'): Promise<string> {
  const folder = newProject()
  await initIn(folder, { database })
  return read(folder, 'migrations/0001_pawl.sql')
}

/** What SQLite says of all it holds, after a text was run in it by hand or after `migrate`. */
async function sqliteSchema(text: string | null): Promise<unknown> {
  const file = join(keptFolder(), 'app.db')
  const database = await openSqlite(file)
  try {
    if (text === null) await migrate(database)
    else for (const each of text.split(/;\n/)) if (each.trim() !== '') database.prepare(each).run()
    expect(await migrationState(database)).toEqual(DONE)
    expect(await migrate(database)).toEqual([])
    const names = database.prepare('select name from pawl_migrations order by name').all()
    return [names, database.prepare('select type, name, tbl_name, sql from sqlite_master order by name').all()]
  } finally {
    database.close()
  }
}

const COLUMNS = `select table_name, ordinal_position, column_name, data_type, character_maximum_length, is_nullable,
  column_default from information_schema.columns where table_schema = 'public' order by 1, 2`

async function postgresSchema(text: string | null): Promise<unknown> {
  const pool = new pg.Pool({ connectionString: await createDatabase(postgres as string) })
  const database = postgresDatabase(pool)
  try {
    if (text === null) await migrate(database)
    else await pool.query(text)
    expect(await migrationState(database)).toEqual(DONE)
    expect(await migrate(database)).toEqual([])
    const all = async (sql: string) => (await pool.query(sql)).rows
    return [
      await all('select name from pawl_migrations order by name'),
      await all(COLUMNS),
      await all("select indexname, indexdef from pg_indexes where schemaname = 'public' order by 1"),
      await all(
        "select conname, pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace order by 1",
      ),
    ]
  } finally {
    await database.close()
  }
}

test('by hand it makes what migrate makes, on SQLite', async () => {
  const made = await sqliteSchema(await written('sqlite'))
  expect(made).toEqual(await sqliteSchema(null))
  expect(JSON.stringify(made)).toContain('pawl_sessions')
})

test.skipIf(postgres === null)('by hand it makes what migrate makes, on PostgreSQL', async () => {
  const made = await postgresSchema(await written('postgres'))
  expect(made).toEqual(await postgresSchema(null))
  expect(JSON.stringify(made)).toContain('pawl_sessions')
})

test('a value is written as SQL writes it', async () => {
  const quotes: Pick<Extension, 'migrations'> = {
    migrations: [
      {
        name: "o'clock_0001",
        async up(db) {
          await db
            .insertInto('notes')
            .values([{ id: 1, text: "it's ? $1", done: null }])
            .execute()
        },
      },
    ],
  }
  for (const dialect of ['sqlite', 'postgres'] as const) {
    const statements = await migrationStatements(dialect, { extensions: [quotes], users: false })
    expect(statements).toContain(`insert into "notes" ("id", "text", "done") values (1, 'it''s ? $1', null)`)
    expect(statements.at(-1)).toMatch(/^insert into "pawl_migrations" .*'o''clock_0001'/)
    expect(statements.join('\n')).not.toContain('"users"')
  }
})

test('pawl migrate --print has the same statements and those of the extensions of a server, and touches nothing', async () => {
  const folder = keptFolder()
  const printed = async (env: Record<string, string>) => {
    const { code, stdout, stderr } = await runPawl(['migrate', '--print'], { folder, env })
    expect([code, stderr]).toEqual([0, ''])
    return stdout
  }
  const timeless = (text: string) => text.replace(/'\d{4}-\d\d-\d\dT[\d:.]+Z'/g, 'NOW')
  const { extensions } = serverExtensions({})
  const text = async (dialect: 'sqlite' | 'postgres') =>
    timeless(migrationSql(dialect, await migrationStatements(dialect, { extensions })))
  expect(timeless(await printed({}))).toBe(await text('sqlite'))
  const core = timeless(await written('sqlite')).split(/;\n+/)
  for (const statement of core) expect(await text('sqlite')).toContain(statement.trim())
  const env = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }
  expect(timeless(await printed(env))).toBe(await text('postgres'))
  expect(readdirSync(folder)).toEqual([])
})
