import type { Saving } from '../accounts/hooks.js'
import { bounded } from '../stores/bounded.js'
import { memoryTable } from '../stores/memory-table.js'
import { sqlTable } from '../stores/sql-table.js'
import type { Row, RowBeside, Table, TableShape } from '../stores/table.js'
import type { BaseUser, RowsBeside } from '../users/user.js'
import type { ExtensionTools } from './extension.js'

type Place = Pick<ExtensionTools, 'database' | 'deadlineMs'>

function bareTable<R extends Row>(database: Place['database'], shape: TableShape<R>): Table<R> {
  if (database === null) {
    throw new TypeError(`\`${shape.name}\` is a table: give createAuth the \`database\` where it is`)
  }
  return database === 'memory' ? memoryTable(shape) : sqlTable(database, shape)
}

/** A table of an extension where its users are. Throws `TypeError` where nobody said where that is. */
export function tableOf<R extends Row>({ database, deadlineMs }: Place, shape: TableShape<R>): Table<R> {
  const table = bareTable(database, shape)
  return {
    insert: row => bounded(() => table.insert(row), deadlineMs),
    put: row => bounded(() => table.put(row), deadlineMs),
    find: page => bounded(() => table.find(page), deadlineMs),
    update: (query, change) => bounded(() => table.update(query, change), deadlineMs),
    delete: query => bounded(() => table.delete(query), deadlineMs),
    beside: (...given) => table.beside(...given),
  }
}

/** Adds rows to what is written with a user. */
export function addRows<User extends BaseUser>(saving: Saving<User>, rows: RowsBeside): void {
  const { rows: before = () => [] } = saving.values
  saving.values = { ...saving.values, rows: account => [...before(account), ...rows(account)] }
}

/** Writes rows that belong to no change of a user. */
export async function writeRows({ deadlineMs }: Place, rows: readonly RowBeside[]): Promise<void> {
  for (const row of rows) await bounded(() => row.write(), deadlineMs)
}
