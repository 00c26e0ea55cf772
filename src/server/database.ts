import { setTimeout as wait } from 'node:timers/promises'
import type { SqlDatabase } from '../base/sql-database.js'
import type { Extension } from '../extensions/extension.js'
import { migrate, migrationState } from '../migrations.js'
import { postgresStore } from '../stores/postgres.js'
import { type PostgresPool, postgresDatabase } from '../stores/postgres-database.js'
import { sqliteStore } from '../stores/sqlite.js'
import type { Store } from '../stores/store.js'
import type { Place } from './data-dir.js'
import { shownUrl } from './database-url.js'
import { type ServeConfig, settingError } from './env.js'
import { openSqlite } from './sqlite.js'

/** A database the server opened. */
export interface OpenDatabase {
  /** Where it is, for people: without a password. */
  readonly name: string
  readonly database: SqlDatabase
  /** Sessions and values in the same database. */
  store(): Store
}

/** Imports a driver, or says which setting needs it and how to get it. */
export async function driver<T>(name: string, load: () => Promise<T>, setting: string): Promise<T> {
  try {
    return await load()
  } catch (cause) {
    throw Object.assign(settingError(`${setting} needs the package ${name}: run \`npm install ${name}\``), { cause })
  }
}

async function openPostgres(url: string, { deadlineMs = 500, databasePool = 10 }: ServeConfig): Promise<OpenDatabase> {
  const { default: pg } = await driver('pg', () => import('pg'), 'DATABASE_URL')
  if (!URL.canParse(url)) {
    throw settingError('DATABASE_URL is no URL: write special characters of user and password as %40 and the like')
  }
  const pool = new pg.Pool({
    connectionString: url,
    statement_timeout: deadlineMs,
    max: databasePool,
    connectionTimeoutMillis: Math.max(1000, deadlineMs),
    keepAlive: true,
    application_name: 'pawl',
  }) as unknown as PostgresPool
  const database = postgresDatabase(pool, { deadlineMs })
  return { name: shownUrl(url), database, store: () => postgresStore(pool) }
}

async function openFile(file: string): Promise<OpenDatabase> {
  const database = await openSqlite(file)
  return { name: file, database, store: () => sqliteStore(database) }
}

/** Opens the configured database. Its tables may be missing or of another version: see `checkTables`. */
export async function openDatabase(place: Place, config: ServeConfig): Promise<OpenDatabase> {
  const { databaseFile } = place
  return databaseFile === null ? openPostgres(config.databaseUrl as string, config) : openFile(databaseFile)
}

/** Looks for up to ten seconds: servers and their database are often started together. */
async function patiently<T>(look: () => Promise<T>, name: string): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await look()
    } catch (error) {
      const { code = '', message } = error as { code?: string; message: string }
      const isAway = code.startsWith('ECONN') || code === '57P03' || /in time|timeout|terminated/.test(message)
      if (!isAway) throw settingError(`DATABASE_URL ${name} cannot be used: ${message}`)
      if (attempt === 20) throw settingError(`DATABASE_URL ${name} does not answer: ${message || code}`)
      await wait(500)
    }
  }
}

/**
 * Makes the tables of a database that has none, and refuses one that is older or newer than the code, saying what to
 * run. True when this start made them: of several servers that start at once one is told so.
 */
export async function checkTables(
  { name, database }: OpenDatabase,
  extensions: readonly Extension[],
): Promise<boolean> {
  const options = { extensions }
  const { pending, unknown, empty } = await patiently(() => migrationState(database, options), name)
  if (unknown.length > 0) {
    throw settingError(`${name} was made by a newer Pawl (${unknown.join(', ')}): install that version or a newer one`)
  }
  if (pending.length > 0 && !empty) {
    throw settingError(`${name} was made by an older Pawl: run \`npx pawl migrate\` (${pending.join(', ')})`)
  }
  return empty && (await migrate(database, options)).length > 0
}
