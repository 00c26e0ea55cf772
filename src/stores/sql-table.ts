import type { SqlDatabase, SqlQuery } from '../base/sql-database.js'
import type { Row, RowBeside, RowsQuery, Table, TableShape } from './table.js'

/** The statement that writes a row beside a user. */
export function insertionOf({ kysely }: SqlDatabase, { table, row }: Pick<RowBeside, 'table' | 'row'>): SqlQuery {
  return kysely.insertInto(table).values(row).compile()
}

/** A table of an extension in a SQL database. */
export function sqlTable<R extends Row>({ kysely }: SqlDatabase, shape: TableShape<R>): Table<R> {
  const { name, columns, key } = shape

  function decode(row: Record<string, unknown>): R {
    // Large whole numbers come as text.
    const entries = Object.entries(columns).map(([column, kind]) => {
      const value = row[column]
      return [column, kind.startsWith('integer') && value !== null ? Number(value) : value]
    })
    return Object.fromEntries(entries)
  }

  type Filtered<Query> = { where(column: string, operator: '=' | 'is' | '<' | '>=', value: unknown): Query }

  function matching<Query extends Filtered<Query>>(query: Query, { where = {}, from = {}, below = {} }: RowsQuery<R>) {
    let filtered = query
    for (const [column, value] of Object.entries(where)) {
      filtered = filtered.where(column, value === null ? 'is' : '=', value)
    }
    for (const [column, value] of Object.entries(from)) filtered = filtered.where(column, '>=', value)
    for (const [column, value] of Object.entries(below)) filtered = filtered.where(column, '<', value)
    return filtered
  }

  async function insert(row: R): Promise<boolean> {
    const query = kysely
      .insertInto(name)
      .values(row)
      .onConflict(conflict => conflict.doNothing())
    return (await query.executeTakeFirst()).numInsertedOrUpdatedRows === 1n
  }

  return {
    insert,
    async put(row) {
      await kysely
        .insertInto(name)
        .values(row)
        .onConflict(conflict => conflict.columns([...key]).doUpdateSet(row))
        .execute()
    },
    async find({ order, descending = false, limit, ...query } = {}) {
      let page = matching(kysely.selectFrom(name).selectAll(), query)
      if (order !== undefined) page = page.orderBy(order, descending ? 'desc' : 'asc')
      if (limit !== undefined) page = page.limit(limit)
      return (await page.execute()).map(decode)
    },
    async update(query, change) {
      return (await matching(kysely.updateTable(name).set(change), query).returningAll().execute()).map(decode)
    },
    async delete(query) {
      return (await matching(kysely.deleteFrom(name), query).returningAll().execute()).map(decode)
    },
    beside: (row, filled = {}) => ({ table: name, row, filled, write: () => insert(row) }),
  }
}
