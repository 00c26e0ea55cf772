import {
  brokenRow,
  type Columns,
  checkLength,
  columnsOf,
  linesIn,
  NO_COLUMNS,
  type RowParser,
  type SourceRow,
} from './rows.js'
import { COPY, CREATE, INSERT, madeColumns, namesIn, plainName, statementEnd } from './sql-statements.js'
import { type Backslashes, readTuple, unescapePostgres } from './sql-values.js'

/** Where a parser is: between statements, in the lines of a `COPY`, or among the values of an `INSERT`. */
type State =
  | { readonly kind: 'between' }
  | { readonly kind: 'copy' | 'values'; readonly table: string; readonly columns: Columns; readonly wanted: boolean }

const BETWEEN: State = { kind: 'between' }
/** White space, comments, and what psql and mysql are told beside SQL. */
const NOTHING = /(?:\s+|--[^\n]*\n|\/\*[\s\S]*?\*\/|\\[^\n]*\n|DELIMITER [^\n]*\n)+/iy
const MYSQL = /^\s*(?:-- (?:MySQL|MariaDB|phpMyAdmin)|\/\*M?!)/

/**
 * Reads dumps of SQL: `COPY … FROM stdin` and `INSERT INTO … VALUES` of `pg_dump`, what SQLite's `.dump` and
 * `mysqldump` write. Everything else in them is passed over, and so are the tables that nobody wants.
 */
export function sqlParser(wants: (table: string) => boolean): RowParser {
  let kept = ''
  let at = 0
  let line = 1
  let counted = 0
  let state: State = BETWEEN
  let isMysql: boolean | null = null
  const made = new Map<string, Columns>()

  /** The line of a place, which is never before the last one that was asked for. */
  function lineAt(place: number): number {
    line += linesIn(kept, counted, place)
    counted = place
    return line
  }

  function backslashes(): Backslashes {
    return isMysql ? 'mysql' : 'none'
  }

  /** Goes into the rows of a statement; false where it is one without rows, or its beginning has not all come. */
  function enter(): boolean {
    COPY.lastIndex = at
    INSERT.lastIndex = at
    const copy = COPY.exec(kept)
    const [, name, list] = copy ?? INSERT.exec(kept) ?? []
    if (name === undefined) return false
    if (name.startsWith('`')) isMysql = true
    const table = plainName(name)
    const columns = list === undefined ? (made.get(table) ?? NO_COLUMNS) : columnsOf(namesIn(list))
    at = copy ? COPY.lastIndex : INSERT.lastIndex
    state = { kind: copy ? 'copy' : 'values', table, columns, wanted: wants(table) }
    return true
  }

  /** True when something was read, false when more must come. */
  function between(): boolean {
    NOTHING.lastIndex = at
    if (NOTHING.test(kept)) at = NOTHING.lastIndex
    if (at >= kept.length || /^(?:--|\/\*|\\)/.test(kept.slice(at, at + 2))) return false
    if (enter()) return true
    const end = statementEnd(kept, at, backslashes())
    if (end === null) return false
    // Rows may follow in the next line, which has not come yet.
    if (/^copy/i.test(kept.slice(at, at + 4)) && !kept.includes('\n', end)) return false
    CREATE.lastIndex = at
    const [head, name] = CREATE.exec(kept.slice(0, end)) ?? []
    if (head !== undefined && name !== undefined) {
      made.set(plainName(name), columnsOf(madeColumns(kept, at + head.length, end, backslashes())))
    }
    at = end
    return true
  }

  function copyLine(rows: SourceRow[], { table, columns, wanted }: Exclude<State, { kind: 'between' }>): boolean {
    const end = kept.indexOf('\n', at)
    if (end === -1) return false
    const text = kept.slice(at, kept[end - 1] === '\r' ? end - 1 : end)
    if (text === '\\.') state = BETWEEN
    else if (wanted) {
      const cells = text.split('\t').map(cell => (cell === '\\N' ? null : unescapePostgres(cell)))
      const here = lineAt(at)
      const fits = cells.length === columns.size
      rows.push(fits ? { table, line: here, columns, cells } : brokenRow(here, 'wrong_number_of_columns', table))
    }
    at = end + 1
    return true
  }

  function tuple(rows: SourceRow[], { table, columns, wanted }: Exclude<State, { kind: 'between' }>): boolean {
    const start = at
    while (/[\s,]/.test(kept[at] ?? '')) at++
    if (kept[at] !== '(') {
      // What follows the rows, up to the semicolon: ON CONFLICT and the like.
      const end = at < kept.length ? statementEnd(kept, at, backslashes()) : null
      if (end === null) {
        at = start
        return false
      }
      at = end
      state = BETWEEN
      return true
    }
    const read = readTuple(kept, at, backslashes())
    if (read === null) return false
    const here = wanted ? lineAt(at) : 0
    if (read === 'wrong') {
      const end = statementEnd(kept, at, backslashes())
      if (end === null) return false
      if (wanted) rows.push(brokenRow(here, 'not_readable', table))
      state = BETWEEN
      at = end
      return true
    }
    const fits = read.value.length === columns.size
    if (wanted) {
      rows.push(
        fits ? { table, line: here, columns, cells: read.value } : brokenRow(here, 'wrong_number_of_columns', table),
      )
    }
    at = read.end
    return true
  }

  function read(): SourceRow[] {
    const rows: SourceRow[] = []
    isMysql ??= MYSQL.test(kept)
    for (let goes = true; goes; ) {
      if (state.kind === 'between') goes = between()
      else goes = state.kind === 'copy' ? copyLine(rows, state) : tuple(rows, state)
    }
    lineAt(at)
    kept = kept.slice(at)
    at = 0
    counted = 0
    checkLength(kept, line)
    return rows
  }

  return {
    push(text) {
      kept += text
      return read()
    },
    end() {
      // The last line may have no end of its own.
      kept += '\n'
      const rows = read()
      const isCut = state.kind !== 'between' || /\S/.test(kept.replace(/^(?:--|\\).*$/s, ''))
      return isCut ? [...rows, brokenRow(line, 'cut_off', state.kind === 'between' ? null : state.table)] : rows
    },
  }
}
