import type { Clock } from '../base/clock.js'
import { type PostgresOptions, type PostgresPool, postgresDatabase } from './postgres-database.js'
import { postgresRevocations } from './postgres-revocations.js'
import { sqlSessions } from './sql-sessions.js'
import { sqlValues } from './sql-values.js'
import type { Store } from './store.js'

export interface PostgresStoreOptions extends PostgresOptions {
  /** Default: the system's. */
  now?: Clock
}

/** Keeps sessions and values in PostgreSQL, for several machines. Make its tables with `migrate` first. */
export function postgresStore(pool: PostgresPool, { now = Date.now, ...options }: PostgresStoreOptions = {}): Store {
  const database = postgresDatabase(pool, options)
  const ping = database.prepare('select 1')
  return {
    sessions: sqlSessions(database, now),
    values: sqlValues(database, now),
    database,
    revocations: postgresRevocations(pool),
    async ping() {
      await ping.get()
    },
  }
}
