import { sql } from 'kysely'
import type { Migration } from './base/migration.js'
import type { SqlDatabase } from './base/sql-database.js'
import type { Extension } from './extensions/extension.js'
import { sqlStoreMigrations } from './stores/sql-tables.js'
import { sqlUsersMigrations } from './users/sql-tables.js'

export interface MigrationOptions {
  /** Extensions whose tables are wanted too. */
  extensions?: readonly Pick<Extension, 'migrations'>[]
  /** False makes no table `users`, for an app with one of its own. Default: true. */
  users?: boolean
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

/** Where databases differ: how one finds the table, and how of two that migrate at once one waits for the other. */
const DIALECTS = {
  sqlite: {
    findTable: sql`select name from sqlite_master where type = 'table' and name = ${TABLE}`,
    begin: 'begin immediate',
    lock: null,
  },
  postgres: {
    findTable: sql`select 1 where to_regclass(${TABLE}) is not null`,
    begin: 'begin',
    lock: sql`select pg_advisory_xact_lock(7274493022)`,
  },
} as const satisfies Record<SqlDatabase['dialect'], object>

const groupOf = (name: string) => name.replace(/_\d+$/, '')

function collect({ extensions = [], users = true }: MigrationOptions): readonly Migration[] {
  return [
    ...(users ? sqlUsersMigrations : []),
    ...sqlStoreMigrations,
    ...extensions.flatMap(each => each.migrations ?? []),
  ]
}

/** Says which migrations are missing and which are from the future. Changes nothing. */
export async function migrationState(
  { patient: kysely, dialect }: SqlDatabase,
  options: MigrationOptions = {},
): Promise<MigrationState> {
  const known = collect(options).map(({ name }) => name)
  // A name of no group at hand is an extension's that was taken out: its tables stay, unused.
  const groups = new Set(known.map(groupOf))
  const found = await DIALECTS[dialect].findTable.execute(kysely)
  const rows = found.rows.length > 0 ? await kysely.selectFrom(TABLE).select('name').orderBy('name').execute() : []
  const ran = rows.map(row => String(row.name))
  return {
    pending: known.filter(name => !ran.includes(name)),
    unknown: ran.filter(name => !known.includes(name) && groups.has(groupOf(name))),
    empty: ran.length === 0,
  }
}

/** Makes and changes the tables, each migration once. Throws what the database throws; returns the names it ran. */
export async function migrate(database: SqlDatabase, options: MigrationOptions = {}): Promise<readonly string[]> {
  return database.patient.connection().execute(async db => {
    await sql.raw(DIALECTS[database.dialect].begin).execute(db)
    try {
      await DIALECTS[database.dialect].lock?.execute(db)
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
      // Where that fails too, the first error is the one to tell.
      await sql`rollback`.execute(db).catch(() => {})
      throw error
    }
  })
}
