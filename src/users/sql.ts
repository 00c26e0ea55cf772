import { type Compilable, sql } from 'kysely'
import { chain } from '../base/awaitable.js'
import { quoted, type SqlDatabase, type SqlStatement, type SqlValue } from '../base/sql-database.js'
import { isUuid } from '../base/uuid.js'
import { insertionOf } from '../stores/sql-table.js'
import { type Columns, type Row, sqlRows } from './sql-columns.js'
import type { Account, BaseUser, RowsBeside, UserRepository } from './user.js'

/** How an own field is kept: SQLite has no booleans and no JSON. In PostgreSQL `'json'` is a column of `json` or `jsonb`. */
export type FieldKind = 'text' | 'number' | 'boolean' | 'json'

export interface SqlUsersOptions {
  /** Your own table. Then you make it, and name in `columns` what it has. Default: `users`, which `migrate` makes. */
  table?: string
  /**
   * Columns whose names are not the default ones: `id`, `email`, `password_hash`, `credential_epoch`, and `username`,
   * `role`, `tenant`, `suspended_at`, `created_at`, `updated_at`, which a table of your own has only if they are named.
   * `email: null` for a table without one.
   */
  columns?: Partial<Record<keyof Columns, string | null>>
  /** The app's own fields: their names on the user and the wire, and what they hold. Their columns have their names. */
  fields?: Readonly<Record<string, FieldKind | { readonly column: string; readonly kind: FieldKind }>>
  /** `'text'` and `'uuid'` take Pawl's UUIDs; `'integer'` are those of the database. Default: `'text'`. */
  ids?: 'text' | 'uuid' | 'integer'
  /** `'ms'` since 1970, or the database's own timestamps. Default: `'ms'`. */
  times?: 'ms' | 'timestamp'
}

const LARGEST_INTEGER = 9_223_372_036_854_775_807n

/** True for text that can be an id of the table. A database refuses other text with an error, where nobody is meant. */
function isId(id: string, kind: NonNullable<SqlUsersOptions['ids']>): boolean {
  if (kind === 'integer') return /^[1-9]\d{0,18}$/.test(id) && BigInt(id) <= LARGEST_INTEGER
  return kind === 'text' || isUuid(id)
}

/** SQLite looks at a statement at once: whoever names a column that is not there hears of it here. */
function prepared(database: SqlDatabase, { table }: SqlUsersOptions, statement: string): SqlStatement {
  try {
    return database.prepare(statement)
  } catch (error) {
    const { cause } = error as Error
    if (table === undefined || !(cause instanceof Error)) throw error
    throw new TypeError(`the table \`${table}\` is not as sqlUsers was told: ${cause.message}`, { cause })
  }
}

/**
 * Keeps users in a table of a SQL database: `users`, which `migrate` makes, or one of your own.
 * Throws `TypeError` where it is asked to keep what the table has no column for.
 */
export function sqlUsers<User extends BaseUser = BaseUser>(
  database: SqlDatabase,
  options: SqlUsersOptions = {},
): UserRepository<User> {
  const { kysely } = database
  const { ids = 'text' } = options
  const rows = sqlRows<User>(database, options)
  const { table, columns, names, fields, decode, encode, taken } = rows
  const list = names.map(quoted).join(', ')
  // The column may be of a smaller type than the number: then nobody has it, and that is no error.
  const isInteger = ids === 'integer'
  const inTenant = columns.tenant === null ? '' : ` and ${quoted(columns.tenant)} = ?`
  const ofId = `${quoted(columns.id)} = ${isInteger ? 'cast(? as bigint)' : '?'}`
  const byId = prepared(database, options, `select ${list} from ${quoted(table)} where ${ofId}${inTenant}`)
  const scope = (tenant = ''): SqlValue[] => {
    if (columns.tenant !== null) return [tenant]
    encode({ tenant })
    return []
  }
  const decoded = (row: unknown) => (row ? decode(row as Row) : null)

  /** The row of a user whose hash is the expected one. */
  function expected(id: string, hash: string | null, tenant = '') {
    const filters = { [columns.id]: isInteger ? sql`cast(${id} as bigint)` : id, ...encode({ tenant }) }
    return <Query extends { where(...condition: [string, '=' | 'is', unknown]): Query }>(query: Query): Query =>
      Object.entries(filters)
        .reduce((filtered, [name, value]) => filtered.where(name, '=', value), query)
        .where(columns.passwordHash, hash === null ? 'is' : '=', hash)
  }

  /** Runs a statement that gives a user's row, and writes what belongs beside it in the same transaction. */
  async function written(
    query: Compilable & { executeTakeFirst(): Promise<unknown> },
    rows: RowsBeside | undefined,
  ): Promise<ReturnType<typeof decoded>> {
    try {
      if (!rows) return decoded(await query.executeTakeFirst())
      const beside = ([row]: readonly unknown[]) =>
        row ? rows(decode(row as Row)).map(each => insertionOf(database, each)) : []
      const [saved] = await database.atomically(query.compile(), beside)
      return decoded(saved)
    } catch (error) {
      throw taken(error)
    }
  }

  return {
    fields,
    tables: database,
    writesRows: true,
    findById: (id, tenant) => (isId(id, ids) ? chain(byId.get(id, ...scope(tenant)), decoded) : null),
    async findByIdentifier(identifier, tenant) {
      const column = identifier.includes('@') ? columns.email : (columns.username ?? columns.email)
      if (column === null) return null
      const query = kysely.selectFrom(table).select(names).where(column, '=', identifier)
      const [named = null] = scope(tenant)
      const row = await (columns.tenant === null ? query : query.where(columns.tenant, '=', named)).executeTakeFirst()
      return decoded(row)
    },
    async insert({ id, createdAt, tenant = '', fields: own, rows, ...values }) {
      const given = {
        ...(!isInteger && { id }),
        ...values,
        tenant,
        credentialEpoch: 0,
        createdAt,
        updatedAt: createdAt,
      }
      return (await written(
        kysely.insertInto(table).values(encode(given, own)).returning(names),
        rows,
      )) as Account<User>
    },
    async update(id, { raiseEpoch, fields: own, rows, ...values }, expectedHash, tenant) {
      if (!isId(id, ids)) return null
      const query = kysely.updateTable(table).set(({ eb }) => ({
        ...encode(values, own),
        // Set at any rate: a table without `updated_at` may be asked to change nothing else.
        [columns.credentialEpoch]: eb(columns.credentialEpoch, '+', raiseEpoch ? 1 : 0),
      }))
      return written(expected(id, expectedHash, tenant)(query).returning(names), rows)
    },
    async delete(id, expectedHash, tenant, rows) {
      if (!isId(id, ids)) return false
      const query = expected(id, expectedHash, tenant)(kysely.deleteFrom(table)).returning(names)
      return (await written(query, rows && (() => rows))) !== null
    },
    joined: { database, table, key: columns.id, keyType: ids, columns: names, decode, rows },
  }
}
