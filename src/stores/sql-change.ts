import type { Awaitable } from '../base/awaitable.js'
import type { Clock } from '../base/clock.js'
import { Problem } from '../base/problem.js'
import { quoted, type SqlDatabase, type SqlRow, type SqlStatement, type SqlValue } from '../base/sql-database.js'
import type { RowsRefused, SessionRows } from './session-store.js'
import { DIALECTS } from './sql-dialect.js'
import { insertionOf } from './sql-table.js'
import type { RowBeside } from './table.js'

/** Runs a change of sessions with its values, and its rows with it. What it returns of the changed. */
export type SqlChange = (values: readonly SqlValue[], rows?: SessionRows) => Awaitable<readonly SqlRow[]>

const LIVE = 'renewal_expires_at > ? and expires_at > ?'
const FILLED = { userId: '(select min(user_id) from live)', count: '(select count(*)::text from live)' } as const

/** Inserts a row that is given as JSON, if a live session is changed: its values have the types of the table. */
function insertionFromJson({ table, row, filled = {} }: RowBeside): string {
  const columns = Object.keys(row)
  const values = columns.map(column => (filled[column] ? FILLED[filled[column]] : quoted(column)))
  return `insert into ${quoted(table)} (${columns.map(quoted).join(', ')})
    select ${values.join(', ')} from json_populate_record(null::${quoted(table)}, ?::json) where exists (select 1 from live)`
}

/** Half a character, which PostgreSQL refuses in JSON alone. As a value by itself it would be written as this. */
const mended = (_: string, value: unknown) => (typeof value === 'string' ? value.replace(/\p{Cs}/gu, '\ufffd') : value)

/** True for what a database says of a statement: then nothing is written. Where it says nothing, nobody knows. */
function isSaid(error: unknown): boolean {
  const { routine, errcode } = error as { routine?: unknown; errcode?: unknown }
  return Problem.is(error) || routine !== undefined || errcode !== undefined
}

function refused(error: unknown): RowsRefused {
  const { cause = error } = error as Error
  return Object.assign(new Error((cause as Error).message, { cause }), { rowsRefused: true as const })
}

function made(rowsOf: SessionRows): readonly RowBeside[] {
  try {
    return rowsOf()
  } catch (error) {
    throw refused(error)
  }
}

/**
 * Prepares a change of sessions: an insert, update or delete, and the columns it gives. In PostgreSQL it is one statement
 * with its rows as well: a transaction of several would take as many round trips.
 */
export function sqlChange(database: SqlDatabase, now: Clock, change: string, result: string): SqlChange {
  const { isOneStatement } = DIALECTS[database.dialect]
  const alone = database.prepare(`${change} returning ${result}`)
  /** By the tables they write to: a handful, prepared once each. */
  const together = new Map<string, SqlStatement>()

  function inOneStatement(values: readonly SqlValue[], rows: readonly RowBeside[]) {
    const insertions = rows.map((row, index) => `, row_${index} as (${insertionFromJson(row)})`).join('')
    const text = `with changed as (${change} returning *), live as (select * from changed where ${LIVE})${insertions}
      select ${result} from changed`
    const statement = together.get(text) ?? database.prepare(text)
    together.set(text, statement)
    return statement.all(...values, now(), now(), ...rows.map(({ row }) => JSON.stringify(row, mended)))
  }

  function inOneTransaction(values: readonly SqlValue[], rows: readonly RowBeside[]) {
    const first = { sql: `${change} returning ${result}, user_id, renewal_expires_at, expires_at`, parameters: values }
    return database.atomically(first, changed => {
      const live = changed.filter(row => Math.min(Number(row.renewal_expires_at), Number(row.expires_at)) > now())
      const [one] = live
      if (!one) return []
      const known = { userId: String(one.user_id), count: String(live.length) }
      return rows.map(({ table, row, filled = {} }) => {
        const late = Object.entries(filled).map(([column, what]) => [column, known[what]])
        return insertionOf(database, { table, row: { ...row, ...Object.fromEntries(late) } })
      })
    })
  }

  async function withRows(values: readonly SqlValue[], rows: readonly RowBeside[]) {
    try {
      return await (isOneStatement ? inOneStatement(values, rows) : inOneTransaction(values, rows))
    } catch (error) {
      throw isSaid(error) ? refused(error) : error
    }
  }

  return (values, rowsOf = () => []) => {
    const rows = made(rowsOf)
    return rows.length === 0 ? alone.all(...values) : withRows(values, rows)
  }
}
