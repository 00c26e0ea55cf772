import type { Awaitable } from '../base/awaitable.js'
import type { Migration } from '../base/migration.js'
import type { SqlDatabase } from '../base/sql-database.js'

/** What a column may hold. Times are ms since 1970; JSON is text. */
export type RowValue = string | number | null
export type Row = { readonly [column: string]: RowValue }

/** The columns of a table: text or whole numbers, with `?` where they may be null. */
export type ColumnKind = 'text' | 'integer' | 'text?' | 'integer?'

export interface TableShape<R extends Row> {
  /** Prefixed with the extension's name: `mail_outbox`. */
  readonly name: string
  readonly columns: Readonly<Record<keyof R & string, ColumnKind>>
  /** Columns of the primary key. */
  readonly key: readonly (keyof R & string)[]
  /** Says to the compiler what a row is. Never there. */
  readonly row?: R
  /** Columns of indexes; those of a `unique` one belong to one row at most. */
  readonly indexes?: readonly { readonly columns: readonly (keyof R & string)[]; readonly unique?: boolean }[]
}

/** Which rows: all that have these values, and whose times are in these bounds. */
export interface RowsQuery<R extends Row> {
  readonly where?: Partial<R>
  /** Rows whose column is at least this. */
  readonly from?: Partial<R>
  /** Rows whose column is less than this. */
  readonly below?: Partial<R>
}

export interface RowsPage<R extends Row> extends RowsQuery<R> {
  /** The smallest value of this column first. */
  readonly order?: keyof R & string
  /** The largest first. */
  readonly descending?: boolean
  readonly limit?: number
}

/** A row that is written together with a user, or not at all. */
export interface RowBeside {
  readonly table: string
  readonly row: Row
  /** Columns that say what is known once sessions are changed: whose they were, and how many. */
  readonly filled?: Readonly<Record<string, 'userId' | 'count'>>
  /** Writes it by itself, for a repository without transactions: right after the change. */
  write(): Awaitable<unknown>
}

/** A table of an extension, in the database of the users or in this process. Every verb is one atomic step. */
export interface Table<R extends Row> {
  /** False when its key, or what a unique index says, is another row's: then nothing is written. */
  insert(row: R): Awaitable<boolean>
  /** Writes a row in place of the one with its key. */
  put(row: R): Awaitable<void>
  find(page?: RowsPage<R>): Awaitable<readonly R[]>
  /** Changes all those rows, and gives them as they are then: of fifty callers that expect one value, one gets its row. */
  update(query: RowsQuery<R>, change: Partial<R>): Awaitable<readonly R[]>
  /** Deletes all those rows, and gives them. */
  delete(query: RowsQuery<R>): Awaitable<readonly R[]>
  /** For the `rows` of a user's change. */
  beside(row: R, filled?: RowBeside['filled']): RowBeside
}

/** A table as an extension declares it. */
export interface TableDefinition<R extends Row> extends TableShape<R> {
  readonly migration: Migration
}

/**
 * Declares a table of an extension. A change of its columns is a migration of its own, by hand.
 * `migration` is the name of the one that makes it: `mail_0001`.
 */
export function defineTable<R extends Row>(migration: string, shape: TableShape<R>): TableDefinition<R> {
  const { name, columns, key, indexes = [] } = shape
  return {
    ...shape,
    migration: {
      name: migration,
      async up(db) {
        let table = db.schema.createTable(name)
        for (const [column, kind] of Object.entries<ColumnKind>(columns)) {
          const type = kind.startsWith('text') ? 'text' : 'bigint'
          table = table.addColumn(column, type, made => (kind.endsWith('?') ? made : made.notNull()))
        }
        await table.addPrimaryKeyConstraint(`${name}_key`, [...key] as never).execute()
        for (const { columns: indexed, unique = false } of indexes) {
          const index = db.schema
            .createIndex(`${name}_${indexed.join('_')}`)
            .on(name)
            .columns([...indexed] as never)
          await (unique ? index.unique() : index).execute()
        }
      },
    },
  }
}

/** True for a database that can keep tables of extensions. */
export function isSqlDatabase(database: object | undefined): database is SqlDatabase {
  return database !== undefined && 'atomically' in database
}
