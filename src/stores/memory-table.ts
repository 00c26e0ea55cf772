import type { Row, RowsQuery, Table, TableShape } from './table.js'

/** A table of an extension in this process: for tests and first steps. */
export function memoryTable<R extends Row>({ name, key, indexes = [] }: TableShape<R>): Table<R> {
  let rows: readonly R[] = []
  const unique = [key, ...indexes.filter(index => index.unique).map(({ columns }) => columns)]

  function fits(row: R, { where = {}, from = {}, below = {} }: RowsQuery<R>): boolean {
    const holds = (bounds: Partial<R>, test: (value: never, bound: never) => boolean) =>
      Object.entries(bounds).every(([column, bound]) => test(row[column] as never, bound as never))
    return (
      holds(where, (value, wanted) => value === wanted) &&
      holds(from, (value, least) => value !== null && value >= least) &&
      holds(below, (value, end) => value !== null && value < end)
    )
  }

  const isSame = (row: R, other: R, columns: readonly string[]) =>
    columns.every(column => row[column] !== null && row[column] === other[column])

  function insert(row: R): boolean {
    if (rows.some(other => unique.some(columns => isSame(row, other, columns)))) return false
    rows = [...rows, Object.freeze({ ...row })]
    return true
  }

  return {
    insert,
    put(row) {
      rows = rows.filter(other => !isSame(row, other, key))
      insert(row)
    },
    find({ order, descending = false, limit, ...query } = {}) {
      const found = rows.filter(row => fits(row, query))
      const sorted =
        order === undefined
          ? found
          : found.sort(
              (a, b) => Number((a[order] ?? '') > (b[order] ?? '')) - Number((a[order] ?? '') < (b[order] ?? '')),
            )
      return (descending ? sorted.reverse() : sorted).slice(0, limit)
    },
    update(query, change) {
      const changed: R[] = []
      rows = rows.map(row => {
        if (!fits(row, query)) return row
        const next = Object.freeze({ ...row, ...change })
        changed.push(next)
        return next
      })
      return changed
    },
    delete(query) {
      const deleted = rows.filter(row => fits(row, query))
      rows = rows.filter(row => !deleted.includes(row))
      return deleted
    },
    beside: row => ({ table: name, row, write: () => insert(row) }),
  }
}
