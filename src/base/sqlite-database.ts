import type { Kysely } from 'kysely'

type SqliteValue = string | number | null | Uint8Array

/** A prepared statement, as `node:sqlite` has it. */
export interface SqliteStatement {
  get(...values: SqliteValue[]): unknown
  all(...values: SqliteValue[]): unknown[]
  run(...values: SqliteValue[]): { readonly changes: number | bigint }
}

/** An open SQLite file. Stores and users that share one are read together. */
export interface SqliteDatabase {
  /** Prepares a statement on the driver itself: for the few that every request runs. */
  prepare(sql: string): SqliteStatement
  /** Everything else. */
  // biome-ignore lint/suspicious/noExplicitAny: the tables are the application's own
  readonly kysely: Kysely<any>
  close(): void
}
