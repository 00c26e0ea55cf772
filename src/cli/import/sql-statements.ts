import { type Backslashes, quoteEnd } from './sql-values.js'

const NAME = '(?:"(?:[^"]|"")+"|`[^`]+`|\\[[^\\]]+\\]|[\\w$]+)'
const TABLE = `(${NAME}(?:\\s*\\.\\s*${NAME})?)`
/** Column names hold no brackets of their own. */
const LIST = '\\(([^()]*)\\)'

export const COPY: RegExp = new RegExp(`COPY\\s+${TABLE}\\s*${LIST}\\s+FROM\\s+stdin[^;]*;[^\\n]*\\n`, 'iy')
export const INSERT: RegExp = new RegExp(
  `(?:INSERT|REPLACE)\\s+(?:IGNORE\\s+|OR\\s+\\w+\\s+)?INTO\\s+${TABLE}\\s*(?:${LIST}\\s*)?` +
    '(?:OVERRIDING\\s+\\w+\\s+VALUE\\s*)?VALUES\\s*(?=\\()',
  'iy',
)
export const CREATE: RegExp = new RegExp(`CREATE\\s+TABLE\\s+(?:IF\\s+NOT\\s+EXISTS\\s+)?${TABLE}\\s*\\(`, 'iy')

/** Texts, comments and names in quotes, in which a semicolon ends nothing. */
const PLAIN = /[^'"`;$\-/()]+/y
const DOLLARS = /\$\w*\$/y

/** A name without its quotes, in lower case, with its schema where it has one. */
export function plainName(name: string): string {
  return name
    .split('.')
    .map(part => part.trim().replace(/^["`[]|["`\]]$/g, ''))
    .join('.')
    .toLowerCase()
}

/** The names in a list of columns. */
export function namesIn(list: string): string[] {
  return [...list.matchAll(new RegExp(NAME, 'g'))].map(([name]) => name.replace(/^["`[]|["`\]]$/g, ''))
}

/** Calls `at` at each bracket and semicolon outside of texts and comments; gives where it said stop, or null. */
function scan(
  text: string,
  from: number,
  backslashes: Backslashes,
  stops: (letter: string, at: number) => boolean,
): number | null {
  for (let at = from; at < text.length; ) {
    PLAIN.lastIndex = at
    if (PLAIN.test(text)) {
      at = PLAIN.lastIndex
      continue
    }
    const letter = text[at] as string
    let end: number | null = at + 1
    if (letter === "'" || letter === '"' || letter === '`') {
      end = quoteEnd(text, at, letter === "'" ? backslashes : 'none')
    } else if (text.startsWith('--', at) || text.startsWith('/*', at)) {
      const close = letter === '-' ? '\n' : '*/'
      const found = text.indexOf(close, at + 2)
      end = found === -1 ? null : found + close.length
    } else if (letter === '$') {
      DOLLARS.lastIndex = at
      const tag = DOLLARS.exec(text)?.[0]
      const found = tag === undefined ? at : text.indexOf(tag, at + tag.length)
      end = found === -1 ? null : found + (tag ?? letter).length
    } else if (stops(letter, at)) return at + 1
    if (end === null) return null
    at = end
  }
  return null
}

/** Where the statement at `from` ends, after its semicolon; null where that has not come yet. */
export function statementEnd(text: string, from: number, backslashes: Backslashes): number | null {
  return scan(text, from, backslashes, letter => letter === ';')
}

const NO_COLUMN = /^\s*(?:primary|key|unique|constraint|foreign|check|index|fulltext|spatial|exclude|like)\b/i

/** The columns of the table that is made between `from`, after the first bracket, and `end`. */
export function madeColumns(text: string, from: number, end: number, backslashes: Backslashes): string[] {
  const body = text.slice(from, end)
  const parts: string[] = []
  let depth = 0
  let start = 0
  const commas = body.replace(/'(?:[^']|'')*'|--[^\n]*/g, all => ' '.repeat(all.length))
  scan(body, 0, backslashes, (letter, at) => {
    // A bracket in the body: what is between two of them on this level may hold commas of columns.
    if (letter === ')' && depth === 0) return parts.push(commas.slice(start, at)) > 0
    if (letter === '(') {
      if (depth++ === 0) parts.push(commas.slice(start, at))
    } else if (letter === ')' && --depth === 0) start = at + 1
    return false
  })
  // Between brackets of types and checks only commas divide columns.
  return parts
    .join(' ')
    .split(',')
    .filter(part => /\S/.test(part) && !NO_COLUMN.test(part))
    .flatMap(part => namesIn(part).slice(0, 1))
}
