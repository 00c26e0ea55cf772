import type { Awaitable } from '../base/awaitable.js'
import type { Clock } from '../base/clock.js'
import { quoted, type SqlDatabase, type SqlRow, type SqlStatement, type SqlValue } from '../base/sql-database.js'
import { DIALECTS } from './sql-dialect.js'
import { insertionOf } from './sql-table.js'
import type { RowBeside } from './table.js'

/** Runs a change of sessions with its values, and `rows` with it if it changed a live one. What it returns of the changed. */
export type SqlChange = (values: readonly SqlValue[], rows?: readonly RowBeside[]) => Awaitable<readonly SqlRow[]>

/** Inserts a row that is given as JSON: its values have the types of the table. */
function insertionFromJson({ table, row }: RowBeside, condition: string): string {
  const columns = Object.keys(row).map(quoted).join(', ')
  const name = quoted(table)
  return `insert into ${name} (${columns}) select ${columns} from json_populate_record(null::${name}, ?::json) where ${condition}`
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
    const isLive = 'exists (select 1 from changed where renewal_expires_at > ? and expires_at > ?)'
    const insertions = rows.map((row, index) => `, row_${index} as (${insertionFromJson(row, isLive)})`).join('')
    const text = `with changed as (${change} returning *)${insertions} select ${result} from changed`
    const statement = together.get(text) ?? database.prepare(text)
    together.set(text, statement)
    return statement.all(...values, ...rows.flatMap(({ row }) => [JSON.stringify(row), now(), now()]))
  }

  function inOneTransaction(values: readonly SqlValue[], rows: readonly RowBeside[]) {
    const first = { sql: `${change} returning ${result}, renewal_expires_at, expires_at`, parameters: values }
    const isLive = (row: SqlRow) => Math.min(Number(row.renewal_expires_at), Number(row.expires_at)) > now()
    return database.atomically(first, changed =>
      changed.some(isLive) ? rows.map(row => insertionOf(database, row)) : [],
    )
  }

  return (values, rows = []) => {
    if (rows.length === 0) return alone.all(...values)
    return isOneStatement ? inOneStatement(values, rows) : inOneTransaction(values, rows)
  }
}
