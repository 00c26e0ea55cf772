import { closeSync, openSync } from 'node:fs'
import { Kysely, type SqliteStatement as KyselyStatement, SqliteDialect } from 'kysely'
import type { SqliteDatabase, SqliteStatement, SqlQuery } from '../base/sql-database.js'

type Value = Parameters<SqliteStatement['get']>[number]

/** What `node:sqlite` and its stand-in have in common. */
interface Driver {
  exec(sql: string): void
  prepare(sql: string): SqliteStatement & { columns(): readonly unknown[] }
  close(): void
}

type DriverModule = { readonly DatabaseSync: new (file: string) => Driver }

/** Node's own SQLite where this Node has it, without its remark that it is young; otherwise the same API as a package. */
async function loadDriver(): Promise<DriverModule> {
  const { emitWarning } = process
  try {
    process.emitWarning = ((warning: string | Error, ...rest: never[]) => {
      if (!String(warning).includes('SQLite is an experimental feature')) emitWarning(warning, ...rest)
    }) as typeof emitWarning
    const builtin = process.getBuiltinModule?.('node:sqlite' as 'fs') as unknown as DriverModule | undefined
    return builtin ?? ((await import('@photostructure/sqlite')) as unknown as DriverModule)
  } finally {
    process.emitWarning = emitWarning
  }
}

function kyselyOver(driver: Driver): SqliteDatabase['kysely'] {
  const database = {
    close: () => {},
    prepare(sql: string): KyselyStatement {
      const statement = driver.prepare(sql)
      const values = (parameters: readonly unknown[]) => parameters as Value[]
      return {
        reader: statement.columns().length > 0,
        all: parameters => [...statement.all(...values(parameters))],
        run(parameters) {
          const { changes } = statement.run(...values(parameters))
          return { changes, lastInsertRowid: 0 }
        },
        iterate() {
          throw new Error('streaming is not supported')
        },
      }
    },
  }
  return new Kysely({ dialect: new SqliteDialect({ database }) })
}

/**
 * Opens a SQLite file, made with mode 0600 if it is not there; `:memory:` for none.
 * Write-ahead log, every commit synced: what was acknowledged survives a crash and a power cut.
 */
export async function openSqlite(file: string): Promise<SqliteDatabase> {
  const { DatabaseSync } = await loadDriver()
  if (file !== ':memory:') closeSync(openSync(file, 'a', 0o600))
  const driver = new DatabaseSync(file)
  for (const pragma of [
    'busy_timeout = 250',
    'journal_size_limit = 16777216',
    'journal_mode = wal',
    'synchronous = full',
    'foreign_keys = on',
  ]) {
    driver.exec(`pragma ${pragma}`)
  }
  const kysely = kyselyOver(driver)
  const run = ({ sql, parameters }: SqlQuery) => driver.prepare(sql).all(...(parameters as Value[]))
  return {
    dialect: 'sqlite',
    kysely,
    patient: kysely,
    // In one go: whatever else uses this connection comes before it or after it, and never in between.
    atomically(first, then) {
      driver.exec('begin immediate')
      try {
        const rows = run(first)
        for (const query of then(rows)) run(query)
        driver.exec('commit')
        return rows
      } catch (error) {
        try {
          driver.exec('rollback')
        } catch {
          // Some errors have rolled it back already. The first error is the one to tell.
        }
        throw error
      }
    },
    prepare(sql) {
      try {
        return driver.prepare(sql)
      } catch (cause) {
        if (!/no such (table|column)/.test(String(cause))) throw cause
        throw new Error(
          'the database has not the tables of this Pawl: run `pawl migrate`, or call `migrate(database)`',
          {
            cause,
          },
        )
      }
    },
    close() {
      // Leaves one file that can be copied whole.
      driver.exec('pragma wal_checkpoint(truncate)')
      driver.close()
    },
  }
}
