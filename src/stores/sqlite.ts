import type { Clock } from '../base/clock.js'
import type { Json } from '../base/json.js'
import type { Migration } from '../base/migration.js'
import type { SqliteDatabase } from '../base/sqlite-database.js'
import type { KeyValueStore } from './key-value-store.js'
import { rowFromSession, SESSION_COLUMNS, type SessionRow, sessionFromRow } from './session-row.js'
import type { JoinedTable, SessionStore } from './session-store.js'
import type { Store } from './store.js'

export interface SqliteStoreOptions {
  /** Default: the system's. */
  now?: Clock
}

/** Expired rows go in small batches, now and then, when something is written. */
const PRUNE_EVERY_MS = 60_000
const PRUNE_BATCH = 500

/** The tables of `sqliteStore`. */
export const sqliteStoreMigrations: readonly Migration[] = [
  {
    name: 'sessions_0001',
    async up(db) {
      await db.schema
        .createTable('pawl_sessions')
        .addColumn('id', 'text', column => column.primaryKey().notNull())
        .addColumn('user_id', 'text', column => column.notNull())
        .addColumn('secret_hash', 'blob', column => column.notNull())
        .addColumn('generation', 'integer', column => column.notNull())
        .addColumn('credential_epoch', 'integer', column => column.notNull())
        .addColumn('created_at', 'integer', column => column.notNull())
        .addColumn('authenticated_at', 'integer', column => column.notNull())
        .addColumn('renewed_at', 'integer', column => column.notNull())
        .addColumn('access_expires_at', 'integer', column => column.notNull())
        .addColumn('renewal_expires_at', 'integer', column => column.notNull())
        .addColumn('expires_at', 'integer', column => column.notNull())
        .addColumn('methods', 'text', column => column.notNull())
        .addColumn('created_user_agent', 'text')
        .addColumn('created_address', 'text')
        .addColumn('renewed_user_agent', 'text')
        .addColumn('renewed_address', 'text')
        .addColumn('retry_key_hash', 'text')
        .addColumn('data', 'text', column => column.notNull())
        .execute()
      await db.schema.createIndex('pawl_sessions_user_id').on('pawl_sessions').column('user_id').execute()
      await db.schema.createIndex('pawl_sessions_end').on('pawl_sessions').column('renewal_expires_at').execute()
      await db.schema
        .createTable('pawl_values')
        .addColumn('key', 'text', column => column.primaryKey().notNull())
        .addColumn('value', 'text', column => column.notNull())
        .addColumn('expires_at', 'integer', column => column.notNull())
        .execute()
      await db.schema.createIndex('pawl_values_expires_at').on('pawl_values').column('expires_at').execute()
    },
  },
]

/** Runs one statement per batch of expired rows, at most once a minute. */
function pruner(database: SqliteDatabase, now: Clock, table: string, end: string): () => void {
  const statement = database.prepare(
    `delete from ${table} where rowid in (select rowid from ${table} where ${end} <= ? limit ${PRUNE_BATCH})`,
  )
  let prunedAt = now()
  return () => {
    const time = now()
    if (time - prunedAt < PRUNE_EVERY_MS) return
    // A full batch means there is more: the next write goes on with it.
    if (Number(statement.run(time).changes) < PRUNE_BATCH) prunedAt = time
  }
}

function sqliteSessions(database: SqliteDatabase, now: Clock): SessionStore {
  const columns = SESSION_COLUMNS.join(', ')
  const live = 'renewal_expires_at > ? and expires_at > ?'
  const insert = database.prepare(
    `insert into pawl_sessions (${columns}) values (${SESSION_COLUMNS.map(() => '?').join(', ')})`,
  )
  const find = database.prepare(`select ${columns} from pawl_sessions where id = ? and ${live}`)
  const advance = database.prepare(
    `update pawl_sessions set generation = ?, renewed_at = ?, access_expires_at = ?, renewal_expires_at = ?,
       renewed_user_agent = ?, renewed_address = ?, retry_key_hash = ?
     where id = ? and generation = ? and ${live} returning ${columns}`,
  )
  const remove = database.prepare('delete from pawl_sessions where id = ? returning renewal_expires_at, expires_at')
  const list = database.prepare(
    `select ${columns} from pawl_sessions where user_id = ? and ${live} order by created_at, id`,
  )
  const removeByUser = database.prepare(
    'delete from pawl_sessions where user_id = ? and id is not ? returning renewal_expires_at, expires_at',
  )
  const prune = pruner(database, now, 'pawl_sessions', 'renewal_expires_at')
  const joins = new Map<JoinedTable, (id: string) => SessionRow | undefined>()

  const decode = (row: unknown) => (row ? sessionFromRow(row as SessionRow) : null)
  const isLive = (row: unknown) => {
    const { renewal_expires_at, expires_at } = row as SessionRow
    return Math.min(renewal_expires_at, expires_at) > now()
  }

  function joinFor(joined: JoinedTable) {
    const quoted = joined.columns.map((column, index) => `j."${column}" as joined_${index}`)
    const statement = database.prepare(
      `select ${SESSION_COLUMNS.map(column => `s.${column}`).join(', ')}, j."${joined.key}" as joined_key, ${quoted}
       from pawl_sessions s left join "${joined.table}" j on j."${joined.key}" = s.user_id
       where s.id = ? and s.renewal_expires_at > ? and s.expires_at > ?`,
    )
    return (id: string) => statement.get(id, now(), now()) as SessionRow | undefined
  }

  return {
    insert(session) {
      prune()
      const row = { created_user_agent: null, created_address: null, ...rowFromSession(session) } as SessionRow
      insert.run(...SESSION_COLUMNS.map(column => row[column] ?? null))
    },
    find: id => decode(find.get(id, now(), now())),
    findWith(id, joined) {
      const read = joins.get(joined) ?? joinFor(joined)
      joins.set(joined, read)
      const found = read(id) as (SessionRow & Record<string, unknown>) | undefined
      if (!found) return null
      const row = Object.fromEntries(joined.columns.map((column, index) => [column, found[`joined_${index}`]]))
      return { session: sessionFromRow(found), row: found.joined_key === null ? null : row }
    },
    advance(id, from, next) {
      const { renewedBy } = next
      return decode(
        advance.get(
          next.generation,
          next.renewedAt,
          next.accessExpiresAt,
          next.renewalExpiresAt,
          renewedBy.userAgent,
          renewedBy.address,
          next.retryKeyHash,
          id,
          from,
          now(),
          now(),
        ),
      )
    },
    update(id, change) {
      const row = rowFromSession(change)
      const names = Object.keys(row) as (keyof SessionRow)[]
      if (names.length === 0) return decode(find.get(id, now(), now()))
      const sets = names.map(name => `${name} = ?`).join(', ')
      const statement = database.prepare(
        `update pawl_sessions set ${sets} where id = ? and ${live} returning ${columns}`,
      )
      return decode(statement.get(...names.map(name => row[name] ?? null), id, now(), now()))
    },
    delete: id => remove.all(id).some(isLive),
    listByUser: userId => list.all(userId, now(), now()).map(row => sessionFromRow(row as SessionRow)),
    deleteByUser: (userId, { except } = {}) => removeByUser.all(userId, except ?? null).filter(isLive).length,
  }
}

function sqliteValues(database: SqliteDatabase, now: Clock): KeyValueStore {
  const put = database.prepare(
    `insert into pawl_values (key, value, expires_at) values (?, ?, ?)
     on conflict (key) do update set value = excluded.value, expires_at = excluded.expires_at`,
  )
  const get = database.prepare('select value from pawl_values where key = ? and expires_at > ?')
  const take = database.prepare('delete from pawl_values where key = ? returning value, expires_at')
  const increment = database.prepare(
    `insert into pawl_values (key, value, expires_at) values (?, '1', ?)
     on conflict (key) do update set
       value = case when expires_at > ? then cast(cast(value as integer) + 1 as text) else '1' end,
       expires_at = case when expires_at > ? then expires_at else excluded.expires_at end
     returning value`,
  )
  const prune = pruner(database, now, 'pawl_values', 'expires_at')

  function takeText(key: string): string | null {
    const row = take.get(key) as { value: string; expires_at: number } | undefined
    return row && row.expires_at > now() ? row.value : null
  }

  return {
    put(key, value, ttlMs) {
      prune()
      put.run(key, JSON.stringify(value), now() + ttlMs)
    },
    get(key) {
      const row = get.get(key, now()) as { value: string } | undefined
      return row ? JSON.parse(row.value) : null
    },
    take(key): Json | null {
      const text = takeText(key)
      return text === null ? null : JSON.parse(text)
    },
    increment(key, ttlMs) {
      prune()
      const row = increment.get(key, now() + ttlMs, now(), now()) as { value: string }
      return Number(row.value)
    },
    delete: key => takeText(key) !== null,
  }
}

/** Keeps sessions and values in one SQLite file: one machine, durable. Make its tables with `migrate` first. */
export function sqliteStore(database: SqliteDatabase, { now = Date.now }: SqliteStoreOptions = {}): Store {
  const ping = database.prepare('select 1')
  return {
    sessions: sqliteSessions(database, now),
    values: sqliteValues(database, now),
    database,
    ping() {
      ping.get()
    },
  }
}
