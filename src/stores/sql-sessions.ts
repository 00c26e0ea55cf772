import { type Awaitable, chain } from '../base/awaitable.js'
import type { Clock } from '../base/clock.js'
import { quoted, type SqlDatabase, type SqlRow } from '../base/sql-database.js'
import { remembering } from './meanings.js'
import type { EndedSession } from './revocations.js'
import { rowFromSession, SESSION_COLUMNS, type SessionRow, sessionFromRow } from './session-row.js'
import type { JoinedTable, Session, SessionStore, SessionWithRow } from './session-store.js'
import { type SqlChange, sqlChange } from './sql-change.js'
import { DIALECTS } from './sql-dialect.js'
import { pruner } from './sql-pruner.js'

/** Columns as a list: one JSON text of a row, since making a value of each column costs more than the query. */
function listed(columns: readonly string[], table = ''): string {
  return columns.map(column => `${table}"${column}"`).join(', ')
}

/** Rows in the order of `columns`, from the text of a JSON array. */
function rowOf(columns: readonly string[], values: readonly unknown[], start = 0): SqlRow {
  return Object.fromEntries(columns.map((column, index) => [column, values[start + index]]))
}

function sessionOf(values: readonly unknown[]): Session {
  return Object.freeze(sessionFromRow(rowOf(SESSION_COLUMNS, values) as unknown as SessionRow))
}

function decode(found: SqlRow | undefined): Session | null {
  return found ? sessionOf(JSON.parse(String(found.row))) : null
}

/** Sessions in the table `pawl_sessions`. `ended` hears what a delete ended, where the database does not tell by itself. */
export function sqlSessions(
  database: SqlDatabase,
  now: Clock,
  ended: (session: EndedSession) => void = () => {},
): SessionStore {
  const { jsonArray, ended: endedColumns, userId } = DIALECTS[database.dialect]
  const row = `${jsonArray(listed(SESSION_COLUMNS))} as row`
  const live = 'renewal_expires_at > ? and expires_at > ?'
  const changing = (change: string, result: string) => sqlChange(database, now, change, result)
  const insert = changing(
    `insert into pawl_sessions (${SESSION_COLUMNS.join(', ')}) values (${SESSION_COLUMNS.map(() => '?').join(', ')})`,
    'id',
  )
  const find = database.prepare(`select ${row} from pawl_sessions where id = ? and ${live}`)
  const advance = changing(
    `update pawl_sessions set generation = ?, renewed_at = ?, access_expires_at = ?, renewal_expires_at = ?,
       renewed_user_agent = ?, renewed_address = ?, retry_key_hash = ?
     where id = ? and generation = ? and ${live}`,
    row,
  )
  const list = database.prepare(
    `select ${row} from pawl_sessions where user_id = ? and ${live} order by created_at, id`,
  )
  const removing = (where: string) => changing(`delete from pawl_sessions where ${where}`, endedColumns)
  const remove = removing('id = ?')
  const removeByUser = removing('user_id = ?')
  const removeOthers = removing('user_id = ? and id <> ?')
  const prune = pruner(database, now, { table: 'pawl_sessions', key: 'id', end: 'renewal_expires_at' })
  /** By what they set: a handful, prepared once each. */
  const updates = new Map<string, SqlChange>()
  const joins = new Map<JoinedTable, (id: string) => Awaitable<SessionWithRow | null>>()

  /** The sessions among deleted rows that were live. */
  function countEnded(rows: readonly SqlRow[]): number {
    const over = rows.filter(row => Math.min(Number(row.renewal_expires_at), Number(row.expires_at)) > now())
    for (const { id, user_id } of over) ended({ sessionId: String(id), userId: String(user_id) })
    return over.length
  }

  function joinWith({
    table,
    key,
    keyType = 'text',
    columns,
  }: JoinedTable): (id: string) => Awaitable<SessionWithRow | null> {
    const both = `${listed(SESSION_COLUMNS, 's.')}, j."${key}", ${listed(columns, 'j.')}`
    const statement = database.prepare(
      `select ${jsonArray(both)} as row from pawl_sessions s left join ${quoted(table)} j on j."${key}" = ${userId[keyType]}
       where s.id = ? and s.renewal_expires_at > ? and s.expires_at > ?`,
    )
    const decodeBoth = remembering((text): SessionWithRow => {
      const values = JSON.parse(text)
      const after = SESSION_COLUMNS.length
      return { session: sessionOf(values), row: values[after] === null ? null : rowOf(columns, values, after + 1) }
    })
    return id => chain(statement.get(id, now(), now()), found => (found ? decodeBoth(id, String(found.row)) : null))
  }

  return {
    insert(session, rows) {
      const values = rowFromSession(session)
      const inserted = insert(
        SESSION_COLUMNS.map(column => values[column] ?? null),
        rows,
      )
      return chain(inserted, prune)
    },
    find: id => chain(find.get(id, now(), now()), decode),
    findWith(id, joined) {
      const read = joins.get(joined) ?? joinWith(joined)
      joins.set(joined, read)
      return read(id)
    },
    advance(id, from, next, rows) {
      const { renewedBy } = next
      const values = [
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
      ]
      // All of them: before a statement is read to its end its commit may still fail, and nobody would know.
      return chain(advance(values, rows), ([row]) => decode(row))
    },
    update(id, change, rows) {
      const changed = rowFromSession(change)
      const names = Object.keys(changed) as (keyof SessionRow)[]
      if (names.length === 0) return chain(find.get(id, now(), now()), decode)
      const sets = names.map(name => `${name} = ?`).join(', ')
      const update = updates.get(sets) ?? changing(`update pawl_sessions set ${sets} where id = ? and ${live}`, row)
      updates.set(sets, update)
      const values = names.map(name => changed[name] ?? null)
      return chain(update([...values, id, now(), now()], rows), ([written]) => decode(written))
    },
    delete: (id, rows) => chain(remove([id], rows), removed => countEnded(removed) > 0),
    listByUser: userId =>
      chain(list.all(userId, now(), now()), rows => rows.map(row => decode(row)).filter(session => session !== null)),
    deleteByUser: (userId, { except, rows } = {}) =>
      chain(except === undefined ? removeByUser([userId], rows) : removeOthers([userId, except], rows), countEnded),
  }
}
