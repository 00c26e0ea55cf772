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
  const isReplica = database.prepare('select pg_is_in_recovery() as replica')
  const clock = database.prepare('select (extract(epoch from clock_timestamp()) * 1000)::text as time')
  return {
    sessions: sqlSessions(database, now),
    values: sqlValues(database, now),
    database,
    revocations: postgresRevocations(pool),
    async ping() {
      const row = await isReplica.get()
      // It lags: what was ended may be live there still.
      if (row?.replica) throw new Error('this PostgreSQL is a replica: connect to the primary')
    },
    clock: async () => Number((await clock.get())?.time),
  }
}
