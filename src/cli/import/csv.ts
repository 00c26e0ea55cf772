import {
  brokenRow,
  type Cell,
  type Columns,
  checkLength,
  columnsOf,
  linesIn,
  type RowParser,
  type SourceRow,
} from './rows.js'

interface Record {
  readonly cells: readonly Cell[]
  /** Where the next one begins. */
  readonly end: number
}

/** The one of `,`, `;` and tab that the header has most of, outside of quotes. */
function delimiterOf(header: string): string {
  const bare = header.replace(/"(?:[^"]|"")*"/g, '')
  const count = (delimiter: string) => bare.split(delimiter).length
  return [',', ';', '\t'].reduce((best, each) => (count(each) > count(best) ? each : best))
}

/** The text of a field in quotes from `from`, and where it ends; null where its end has not come yet. */
function quotedField(text: string, from: number, isLast: boolean): { value: string; end: number } | null {
  let value = ''
  for (let start = from + 1; ; ) {
    const quote = text.indexOf('"', start)
    // A quote at the end of what has come may be one of two.
    if (quote === -1 || (quote + 1 === text.length && !isLast)) return null
    value += text.slice(start, quote)
    if (text[quote + 1] !== '"') return { value, end: quote + 1 }
    value += '"'
    start = quote + 2
  }
}

function plainEnd(text: string, from: number, delimiter: number): number {
  let end = from
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end)
    if (code === delimiter || code === 10 || code === 13) break
  }
  return end
}

/** What databases write for nothing at all. */
const isNull = (text: string) => text === '' || text === '\\N' || text === 'NULL'

/** One record; null where its end has not come yet. */
function readRecord(text: string, from: number, delimiter: string, isLast: boolean): Record | null {
  const cells: Cell[] = []
  for (let at = from; ; ) {
    const quoted = text[at] === '"'
    const field = quoted ? quotedField(text, at, isLast) : { value: '', end: at }
    if (!field) return null
    const end = plainEnd(text, field.end, delimiter.charCodeAt(0))
    if (end === text.length && !isLast) return null
    const rest = text.slice(field.end, end)
    cells.push(quoted ? field.value + rest : isNull(rest) ? null : rest)
    if (text[end] === delimiter) {
      at = end + 1
      continue
    }
    // A line feed may still belong to this carriage return.
    if (text[end] === '\r' && end + 1 === text.length && !isLast) return null
    return { cells, end: end + (text.startsWith('\r\n', end) ? 2 : 1) }
  }
}

/** Reads CSV (RFC 4180) with a header, separated by commas, semicolons or tabs. */
export function csvParser(): RowParser {
  let kept = ''
  let line = 1
  let delimiter: string | null = null
  let columns: Columns | null = null
  let width = 0

  function rowOf({ cells }: Record, at: number): SourceRow | null {
    if (cells.length === 1 && cells[0] === null) return null
    if (!columns) {
      columns = columnsOf(cells.map(cell => String(cell ?? '')))
      width = cells.length
      return null
    }
    if (cells.length !== width) return brokenRow(at, 'wrong_number_of_columns', null)
    return { table: null, line: at, columns, cells }
  }

  function read(isLast: boolean): SourceRow[] {
    const rows: SourceRow[] = []
    let from = 0
    if (delimiter === null) {
      if (!isLast && !kept.includes('\n')) return rows
      delimiter = delimiterOf(kept.slice(0, kept.includes('\n') ? kept.indexOf('\n') : kept.length))
    }
    while (from < kept.length) {
      const record = readRecord(kept, from, delimiter, isLast)
      if (!record) break
      const row = rowOf(record, line)
      if (row) rows.push(row)
      line += linesIn(kept, from, record.end)
      from = record.end
    }
    kept = kept.slice(from)
    checkLength(kept, line)
    if (isLast && kept !== '') rows.push(brokenRow(line, 'cut_off', null))
    return rows
  }

  return {
    push(text) {
      kept += text
      return read(false)
    },
    end: () => read(true),
  }
}
