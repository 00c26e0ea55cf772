import { brokenRow, checkLength, columnsOf, linesIn, type RowParser, type SourceRow } from './rows.js'

const OPEN = new Set(['{', '['])

/** So much text tells how it is laid out. */
const ENOUGH = 256

/** How deep the rows lie: in an array, one a line, or `{"users": [{…}]}` as Firebase exports. */
function depthOf(start: string): number {
  if (/^\s*\[/.test(start)) return 1
  return /^\s*\{\s*"\w+"\s*:\s*\[\s*(?:\{\s*"|\])/.test(start) &&
    /^\s*\{\s*"(?:users?|accounts?|sessions?)"/i.test(start)
    ? 2
    : 0
}

/** Reads JSON: an array of objects, an object a line, or arrays of them by the names of their tables. */
export function jsonParser(): RowParser {
  let kept = ''
  let line = 1
  let rowDepth: number | null = null
  /** What the brackets are that are open around what comes next. */
  let depth = 0
  let table: string | null = null
  const TOKEN = /[{}[\]]|"(?:[^"\\]|\\[\s\S])*"|"/g

  function rowOf(text: string, at: number): SourceRow {
    try {
      const value = JSON.parse(text)
      return { table, line: at, columns: columnsOf(Object.keys(value)), cells: Object.values(value) }
    } catch {
      // What the parser says quotes what it could not read.
      return brokenRow(at, 'not_readable', table)
    }
  }

  function read(isLast: boolean): SourceRow[] {
    const rows: SourceRow[] = []
    if (rowDepth === null && kept.length < ENOUGH && !isLast) return rows
    rowDepth ??= depthOf(kept)
    let done = 0
    let start = -1
    let inRow = 0
    TOKEN.lastIndex = 0
    for (let token = TOKEN.exec(kept); token; token = TOKEN.exec(kept)) {
      const [text] = token
      // A string whose end has not come: what is in it is no bracket.
      if (text === '"') break
      const end = token.index + text.length
      if (start === -1 && text.startsWith('"')) {
        if (depth === 1 && rowDepth === 2) table = text.slice(1, -1).toLowerCase()
        done = end
      } else if (OPEN.has(text)) {
        if (start === -1 && depth === rowDepth && text === '{') {
          start = token.index
          inRow = 1
        } else if (start === -1) {
          depth++
          done = end
        } else inRow++
      } else if (!text.startsWith('"')) {
        if (start === -1) {
          depth--
          done = end
        } else if (--inRow === 0) {
          line += linesIn(kept, 0, start)
          rows.push(rowOf(kept.slice(start, end), line))
          line += linesIn(kept, start, end)
          kept = kept.slice(end)
          TOKEN.lastIndex = 0
          done = 0
          start = -1
        }
      }
    }
    const rest = start === -1 ? done : start
    line += linesIn(kept, 0, rest)
    kept = kept.slice(rest)
    checkLength(kept, line)
    const isCut = isLast && (start !== -1 || depth > 0 || /\S/.test(kept))
    return isCut ? [...rows, brokenRow(line, 'cut_off', table)] : rows
  }

  return {
    push(text) {
      kept += text
      return read(false)
    },
    end: () => read(true),
  }
}
