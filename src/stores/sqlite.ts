import type { Clock } from '../base/clock.js'
import type { SqliteDatabase } from '../base/sql-database.js'
import { localRevocations } from './revocations.js'
import { sqlSessions } from './sql-sessions.js'
import { sqlValues } from './sql-values.js'
import type { Store } from './store.js'

export interface SqliteStoreOptions {
  /** Default: the system's. */
  now?: Clock
}

/** Keeps sessions and values in one SQLite file: one machine, durable. Make its tables with `migrate` first. */
export function sqliteStore(database: SqliteDatabase, { now = Date.now }: SqliteStoreOptions = {}): Store {
  const ping = database.prepare('select 1')
  const revocations = localRevocations()
  return {
    sessions: sqlSessions(database, now, revocations.tell),
    values: sqlValues(database, now),
    database,
    revocations,
    ping() {
      ping.get()
    },
  }
}
