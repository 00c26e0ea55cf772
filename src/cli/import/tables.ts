import type { Cells } from './cells.js'
import { columnName, type SourceRow } from './rows.js'
import type { Source, TableRule } from './sources/source.js'

/** What a row is of. */
export type Part = 'users' | 'passwords' | 'sessions'

const singular = (name: string) => columnName(name).replace(/s$/, '')

function isNamed({ names, schema }: TableRule, table: string): boolean {
  const [bare = '', ...schemas] = table.split('.').reverse()
  // A dump that names no schema has but one.
  if (schema !== undefined && schemas.length > 0 && schemas[0] !== schema) return false
  return names.some(name => singular(name) === singular(bare))
}

export interface Tables {
  partNamed(name: string): Part | null
  /** Null for a row of something else. Of a file that names no table, its columns say it. */
  partOf(row: SourceRow, cells: Cells): Part | null
}

/** Which part of a source its tables and rows are; `table` is a name of its own for the users'. */
export function tablesOf(source: Source, table: string | undefined, hasColumns: (row: Cells) => boolean): Tables {
  const { users, passwords, sessions } = source
  const [usual = ''] = users.names
  const renamed = (rule: TableRule | undefined): TableRule | undefined =>
    rule && table !== undefined
      ? { needs: rule.needs, names: rule.names.map(name => name.replace(usual, table.split('.').at(-1) as string)) }
      : rule
  const rules: readonly (readonly [Part, TableRule | undefined])[] = [
    ['sessions', renamed(sessions)],
    ['passwords', renamed(passwords)],
    ['users', renamed(users)],
  ]

  function partNamed(name: string): Part | null {
    return rules.find(([, rule]) => rule && isNamed(rule, name))?.[0] ?? null
  }

  return {
    partNamed,
    partOf(row, cells) {
      if (row.table !== null) return partNamed(row.table)
      const found = rules.find(([part, rule]) => part !== 'users' && rule?.needs.every(cells.has))
      if (found) return found[0]
      return users.needs.some(cells.has) || hasColumns(cells) ? 'users' : null
    },
  }
}
