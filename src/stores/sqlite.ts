import type { Clock } from '../base/clock.js'
import type { Json } from '../base/json.js'
import type { Migration } from '../base/migration.js'
import type { SqliteDatabase, SqliteStatement } from '../base/sqlite-database.js'
import type { KeyValueStore } from './key-value-store.js'
import { rowFromSession, SESSION_COLUMNS, type SessionRow, sessionFromRow } from './session-row.js'
import type { JoinedTable, SessionStore, SessionWithRow } from './session-store.js'
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
        .addColumn('secret_hash', 'text', column => column.notNull())
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

/** Columns as a list for `json_array`: one text, since making a value of each column costs more than the query. */
function listed(columns: readonly string[], table = ''): string {
  return columns.map(column => `${table}"${column}"`).join(', ')
}

/** Rows in the order of `columns`, from the text of a JSON array. */
function rowOf(columns: readonly string[], values: readonly unknown[], start = 0): Readonly<Record<string, unknown>> {
  return Object.fromEntries(columns.map((column, index) => [column, values[start + index]]))
}

/** The row a writing statement returns. Read to the end: before that the commit may still fail, and nobody would know. */
function written(statement: SqliteStatement, ...values: Parameters<SqliteStatement['all']>): unknown {
  return statement.all(...values)[0]
}

/** Remembers what the last `most` texts meant: the same text of a row is the same session. */
function remembering<T>(decode: (text: string) => T, most = 4096): (key: string, text: string) => T {
  const known = new Map<string, { readonly text: string; readonly value: T }>()
  return (key, text) => {
    const before = known.get(key)
    if (before?.text === text) return before.value
    const value = decode(text)
    if (!before && known.size >= most) known.delete(known.keys().next().value as string)
    known.set(key, { text, value })
    return value
  }
}

/** Runs one statement per batch of expired rows, at most once a minute. */
function pruner(database: SqliteDatabase, now: Clock, table: string, end: string): () => void {
  const statement = database.prepare(
    `delete from ${table} where rowid in (select rowid from ${table} where ${end} <= ? limit ${PRUNE_BATCH})`,
  )
  let prunedAt = now()
  return () => {
    const time = now()
    if (time >= prunedAt && time - prunedAt < PRUNE_EVERY_MS) return
    // A full batch means there is more: the next write goes on with it.
    if (Number(statement.run(time).changes) < PRUNE_BATCH) prunedAt = time
  }
}

function sqliteSessions(database: SqliteDatabase, now: Clock): SessionStore {
  const row = `json_array(${listed(SESSION_COLUMNS)}) as row`
  const live = 'renewal_expires_at > ? and expires_at > ?'
  const insert = database.prepare(
    `insert into pawl_sessions (${SESSION_COLUMNS.join(', ')}) values (${SESSION_COLUMNS.map(() => '?').join(', ')})`,
  )
  const find = database.prepare(`select ${row} from pawl_sessions where id = ? and ${live}`)
  const advance = database.prepare(
    `update pawl_sessions set generation = ?, renewed_at = ?, access_expires_at = ?, renewal_expires_at = ?,
       renewed_user_agent = ?, renewed_address = ?, retry_key_hash = ?
     where id = ? and generation = ? and ${live} returning ${row}`,
  )
  const remove = database.prepare('delete from pawl_sessions where id = ? returning renewal_expires_at, expires_at')
  const list = database.prepare(
    `select ${row} from pawl_sessions where user_id = ? and ${live} order by created_at, id`,
  )
  const removeByUser = database.prepare(
    'delete from pawl_sessions where user_id = ? and id is not ? returning renewal_expires_at, expires_at',
  )
  const prune = pruner(database, now, 'pawl_sessions', 'renewal_expires_at')
  const joins = new Map<JoinedTable, (id: string) => SessionWithRow | null>()

  const sessionOf = (values: readonly unknown[]) =>
    Object.freeze(sessionFromRow(rowOf(SESSION_COLUMNS, values) as unknown as SessionRow))
  const decode = (found: unknown) => (found ? sessionOf(JSON.parse((found as { row: string }).row)) : null)
  const isLive = (row: unknown) => {
    const { renewal_expires_at, expires_at } = row as SessionRow
    return Math.min(renewal_expires_at, expires_at) > now()
  }

  function joinWith({ table, key, columns }: JoinedTable): (id: string) => SessionWithRow | null {
    const statement = database.prepare(
      `select json_array(${listed(SESSION_COLUMNS, 's.')}, j."${key}", ${listed(columns, 'j.')}) as row
       from pawl_sessions s left join "${table}" j on j."${key}" = s.user_id
       where s.id = ? and s.renewal_expires_at > ? and s.expires_at > ?`,
    )
    const decodeBoth = remembering((text): SessionWithRow => {
      const values = JSON.parse(text)
      const after = SESSION_COLUMNS.length
      return { session: sessionOf(values), row: values[after] === null ? null : rowOf(columns, values, after + 1) }
    })
    return id => {
      const found = statement.get(id, now(), now()) as { row: string } | undefined
      return found ? decodeBoth(id, found.row) : null
    }
  }

  return {
    insert(session) {
      prune()
      const values = rowFromSession(session)
      insert.run(...SESSION_COLUMNS.map(column => values[column] ?? null))
    },
    find: id => decode(find.get(id, now(), now())),
    findWith(id, joined) {
      const read = joins.get(joined) ?? joinWith(joined)
      joins.set(joined, read)
      return read(id)
    },
    advance(id, from, next) {
      const { renewedBy } = next
      return decode(
        written(
          advance,
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
      const changed = rowFromSession(change)
      const names = Object.keys(changed) as (keyof SessionRow)[]
      if (names.length === 0) return decode(find.get(id, now(), now()))
      const sets = names.map(name => `${name} = ?`).join(', ')
      const statement = database.prepare(`update pawl_sessions set ${sets} where id = ? and ${live} returning ${row}`)
      return decode(written(statement, ...names.map(name => changed[name] ?? null), id, now(), now()))
    },
    delete: id => remove.all(id).some(isLive),
    listByUser: userId => list.all(userId, now(), now()).flatMap(found => decode(found) ?? []),
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
    const row = written(take, key) as { value: string; expires_at: number } | undefined
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
      const row = written(increment, key, now() + ttlMs, now(), now()) as { value: string }
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
