import type { Kysely } from 'kysely'
import type { Awaitable } from './awaitable.js'

export type SqlValue = string | number | null | Uint8Array
export type SqlRow = Readonly<Record<string, unknown>>

/** A prepared statement, as `node:sqlite` has it; across a network each verb promises. */
export interface SqlStatement {
  get(...values: SqlValue[]): Awaitable<SqlRow | undefined>
  all(...values: SqlValue[]): Awaitable<readonly SqlRow[]>
  run(...values: SqlValue[]): Awaitable<{ readonly changes: number | bigint }>
}

/** A statement as Kysely compiles it. */
export interface SqlQuery {
  readonly sql: string
  readonly parameters: readonly unknown[]
}

/** An open SQL database. Stores and users that share one are read together. */
export interface SqlDatabase {
  readonly dialect: 'sqlite' | 'postgres'
  /** Prepares a statement on the driver itself, with `?` for values: for the few that every request runs. */
  prepare(sql: string): SqlStatement
  /**
   * One transaction: `first`, and what `then` makes of the rows it gave. All of it happens or nothing. Gives those rows.
   */
  atomically(first: SqlQuery, then: (rows: readonly SqlRow[]) => readonly SqlQuery[]): Awaitable<readonly SqlRow[]>
  /** Everything else. */
  // biome-ignore lint/suspicious/noExplicitAny: the tables are the application's own
  readonly kysely: Kysely<any>
  /** The same without deadlines, for work that takes its time: migrations. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly patient: Kysely<any>
  close(): Awaitable<void>
}

/** A prepared statement of a database in this process. */
export interface SqliteStatement extends SqlStatement {
  get(...values: SqlValue[]): SqlRow | undefined
  all(...values: SqlValue[]): readonly SqlRow[]
  run(...values: SqlValue[]): { readonly changes: number | bigint }
}

/** An open SQLite file. */
export interface SqliteDatabase extends SqlDatabase {
  readonly dialect: 'sqlite'
  prepare(sql: string): SqliteStatement
  close(): void
}

/** A name of a table or column as SQL writes it, with its schema where it has one. Throws `TypeError` for no such name. */
export function quoted(name: string): string {
  if (name === '' || name.includes('"')) throw new TypeError(`${name} is no name of a table or a column`)
  return name
    .split('.')
    .map(part => `"${part}"`)
    .join('.')
}
