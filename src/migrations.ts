import { sql } from 'kysely'
import type { Migration } from './base/migration.js'
import type { SqliteDatabase } from './base/sqlite-database.js'
import type { Extension } from './extensions/extension.js'
import { sqliteStoreMigrations } from './stores/sqlite.js'
import { sqlUsersMigrations } from './users/sql.js'

export interface MigrationOptions {
  /** Extensions whose tables are wanted too. */
  extensions?: readonly Pick<Extension, 'migrations'>[]
}

/** How a database stands to the code. */
export interface MigrationState {
  /** Names that were never run here, in order. */
  readonly pending: readonly string[]
  /** Names that ran here and that this code does not know: a newer Pawl was here. */
  readonly unknown: readonly string[]
  /** True when none ran yet. */
  readonly empty: boolean
}

const TABLE = 'pawl_migrations'

const groupOf = (name: string) => name.replace(/_\d+$/, '')

function collect({ extensions = [] }: MigrationOptions): readonly Migration[] {
  return [...sqlUsersMigrations, ...sqliteStoreMigrations, ...extensions.flatMap(each => each.migrations ?? [])]
}

/** Says which migrations are missing and which are from the future. Changes nothing. */
export async function migrationState(
  { kysely }: SqliteDatabase,
  options: MigrationOptions = {},
): Promise<MigrationState> {
  const known = collect(options).map(({ name }) => name)
  // A name of no group at hand is an extension's that was taken out: its tables stay, unused.
  const groups = new Set(known.map(groupOf))
  const tables = await kysely.introspection.getTables({ withInternalKyselyTables: true })
  const rows = tables.some(({ name }) => name === TABLE)
    ? await kysely.selectFrom(TABLE).select('name').orderBy('name').execute()
    : []
  const ran = rows.map(row => String(row.name))
  return {
    pending: known.filter(name => !ran.includes(name)),
    unknown: ran.filter(name => !known.includes(name) && groups.has(groupOf(name))),
    empty: ran.length === 0,
  }
}

/** Makes and changes the tables, each migration once. Throws what the database throws; returns the names it ran. */
export async function migrate(database: SqliteDatabase, options: MigrationOptions = {}): Promise<readonly string[]> {
  return database.kysely.connection().execute(async db => {
    await sql`begin immediate`.execute(db)
    try {
      await db.schema
        .createTable(TABLE)
        .ifNotExists()
        .addColumn('name', 'varchar(255)', column => column.notNull().primaryKey())
        .addColumn('timestamp', 'varchar(255)', column => column.notNull())
        .execute()
      const ran = new Set((await db.selectFrom(TABLE).select('name').execute()).map(({ name }) => String(name)))
      const pending = collect(options).filter(({ name }) => !ran.has(name))
      for (const { name, up } of pending) {
        await up(db)
        await db.insertInto(TABLE).values({ name, timestamp: new Date().toISOString() }).execute()
      }
      await sql`commit`.execute(db)
      return pending.map(({ name }) => name)
    } catch (error) {
      await sql`rollback`.execute(db)
      throw error
    }
  })
}
