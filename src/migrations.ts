import { type Kysely, Migrator } from 'kysely'
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
const LOCK_TABLE = 'pawl_migrations_lock'

function collect({ extensions = [] }: MigrationOptions): readonly Migration[] {
  return [...sqlUsersMigrations, ...sqliteStoreMigrations, ...extensions.flatMap(each => each.migrations ?? [])]
}

/** Says which migrations are missing and which are from the future. Changes nothing. */
export async function migrationState(
  { kysely }: SqliteDatabase,
  options: MigrationOptions = {},
): Promise<MigrationState> {
  const known = collect(options).map(({ name }) => name)
  const tables = await kysely.introspection.getTables({ withInternalKyselyTables: true })
  const rows = tables.some(({ name }) => name === TABLE)
    ? await kysely.selectFrom(TABLE).select('name').orderBy('name').execute()
    : []
  const ran = rows.map(row => String(row.name))
  return {
    pending: known.filter(name => !ran.includes(name)),
    unknown: ran.filter(name => !known.includes(name)),
    empty: ran.length === 0,
  }
}

/** Makes and changes the tables, each migration once. Throws what the database throws; returns the names it ran. */
export async function migrate(database: SqliteDatabase, options: MigrationOptions = {}): Promise<readonly string[]> {
  const migrations = Object.fromEntries(collect(options).map(({ name, up }) => [name, { up }]))
  const migrator = new Migrator({
    db: database.kysely as Kysely<unknown>,
    provider: { getMigrations: async () => migrations },
    migrationTableName: TABLE,
    migrationLockTableName: LOCK_TABLE,
    // Extensions come and go: what is missing runs, whatever ran before it.
    allowUnorderedMigrations: true,
  })
  const { error, results = [] } = await migrator.migrateToLatest()
  if (error) throw error
  return results.map(({ migrationName }) => migrationName)
}
