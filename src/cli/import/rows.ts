/** What a cell of a table may hold: text as dumps have it, or any JSON. */
export type Cell = unknown

/** Where each column is, by its name in one spelling: `emailVerified`, `email_verified` and `EMAIL_VERIFIED` are one. */
export type Columns = ReadonlyMap<string, number>

/** One row of a source. */
export interface SourceRow {
  /** As the dump names it, in lower case: `auth.users`. Null where the file says none. */
  readonly table: string | null
  /** Where it begins, from 1. */
  readonly line: number
  readonly columns: Columns
  readonly cells: readonly Cell[]
  /** Why it cannot be read. */
  readonly broken?: 'wrong_number_of_columns' | 'cut_off' | 'not_readable'
}

/** Turns text that comes in pieces into rows. */
export interface RowParser {
  push(text: string): SourceRow[]
  /** What is left once all has come. */
  end(): SourceRow[]
}

/** No row of users is longer: a quote that is never closed must not fill the memory. */
export const LONGEST_ROW = 16_777_216

export const NO_COLUMNS: Columns = new Map()

export function columnName(name: string): string {
  return name.toLowerCase().replace(/[_\s-]/g, '')
}

export function columnsOf(names: readonly string[]): Columns {
  return new Map(names.map((name, index) => [columnName(name), index]))
}

/** A row that cannot be read, at its place. */
export function brokenRow(line: number, broken: NonNullable<SourceRow['broken']>, table: string | null): SourceRow {
  return { table, line, columns: NO_COLUMNS, cells: [], broken }
}

/** How many lines end between two places of a text. */
export function linesIn(text: string, from: number, to: number): number {
  let count = 0
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) count++
  return count
}

/** Throws for a text that was kept for a row and has grown past all rows. */
export function checkLength(text: string, line: number): void {
  if (text.length > LONGEST_ROW)
    throw new TypeError(`the row that begins in line ${line} has no end: is a quote missing?`)
}
