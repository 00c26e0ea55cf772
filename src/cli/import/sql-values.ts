import type { Cell } from './rows.js'

/** How a backslash in a text reads: not at all, as PostgreSQL's `E''` has it, or as MySQL does. */
export type Backslashes = 'none' | 'postgres' | 'mysql'

/** A value and where it ends; null where its end has not come yet. */
interface Read<Value> {
  readonly value: Value
  readonly end: number
}

const LETTERS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v' }

/** What PostgreSQL means by a backslash and what follows, in `COPY` and in `E''`. */
export function unescapePostgres(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(
    /\\(?:([0-7]{1,3})|x([0-9a-f]{1,2})|u([0-9a-f]{4})|([\s\S]))/gi,
    (_, octal, hex, unicode, other) => {
      if (other !== undefined) return LETTERS[other] ?? other
      return String.fromCharCode(octal === undefined ? Number.parseInt(hex ?? unicode, 16) : Number.parseInt(octal, 8))
    },
  )
}

const MYSQL: Readonly<Record<string, string>> = { 0: '\0', n: '\n', r: '\r', t: '\t', b: '\b', Z: '\x1a' }

const unescapeMysql = (text: string) => text.replace(/\\([\s\S])/g, (_, letter) => MYSQL[letter] ?? letter)

/** The end of a text in quotes that begins at `from`, after its last quote; null where it has not come yet. */
export function quoteEnd(text: string, from: number, backslashes: Backslashes): number | null {
  const quote = text[from] as string
  for (let at = from + 1; at < text.length; at++) {
    const letter = text[at]
    if (letter === '\\' && backslashes !== 'none') at++
    else if (letter === quote) {
      // A quote at the end of what has come may be one of two.
      if (at + 1 === text.length) return null
      if (text[at + 1] !== quote) return at + 1
      at++
    }
  }
  return null
}

function readText(text: string, from: number, backslashes: Backslashes): Read<string> | null {
  const end = quoteEnd(text, from, backslashes)
  if (end === null) return null
  const raw = text.slice(from + 1, end - 1).replaceAll("''", "'")
  const value = backslashes === 'none' ? raw : backslashes === 'mysql' ? unescapeMysql(raw) : unescapePostgres(raw)
  return { value, end }
}

/** The functions that SQLite writes texts with line ends in. */
function called(name: string, [first, second, third]: readonly Cell[]): Cell {
  if (name === 'replace') return String(first).replaceAll(String(second), () => String(third))
  if (name === 'char') return String.fromCharCode(Number(first))
  if (name !== 'unistr') return null
  return String(first).replace(/\\(?:u?([0-9a-f]{4})|\\)/gi, (all, code) =>
    code === undefined ? all.slice(1) : String.fromCharCode(Number.parseInt(code, 16)),
  )
}

const WORD = /[^\s,()'";]+/y
const CAST = /\s*::\s*(?:"[^"]+"|[\w.])[\w". ]*(?:\([\d, ]*\))?(?: with(?:out)? time zone)?(?:\[\])*/y

function readBare(text: string, from: number, backslashes: Backslashes): Read<Cell> | null | 'wrong' {
  WORD.lastIndex = from
  const word = WORD.exec(text)?.[0]
  if (word === undefined) return 'wrong'
  let end = from + word.length
  while (text[end] === ' ') end++
  if (end === text.length) return null
  if (text[end] === '(') {
    const given = readTuple(text, end, backslashes)
    return given && given !== 'wrong' ? { value: called(word.toLowerCase(), given.value), end: given.end } : given
  }
  if (text[end] === "'") {
    if (/^e$/i.test(word)) return readText(text, end, 'postgres')
    const read = readText(text, end, backslashes)
    return read && /^x$/i.test(word) ? { ...read, value: `\\x${read.value}` } : read
  }
  if (/^null$|^default$/i.test(word)) return { value: null, end }
  return { value: /^0x/i.test(word) ? `\\x${word.slice(2)}` : word, end }
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && /\s/.test(text[at] as string)) at++
  return at
}

/** The values of `(…)` from `from`. Null where its end has not come yet; `'wrong'` for what is none. */
export function readTuple(text: string, from: number, backslashes: Backslashes): Read<Cell[]> | null | 'wrong' {
  const value: Cell[] = []
  if (text[from] !== '(') return 'wrong'
  for (let at = from + 1; ; at++) {
    at = skipSpace(text, at)
    if (at >= text.length) return null
    const read = text[at] === "'" ? readText(text, at, backslashes) : readBare(text, at, backslashes)
    if (read === 'wrong' || read === null) return read
    value.push(read.value)
    CAST.lastIndex = read.end
    at = skipSpace(text, text[read.end] === ':' && CAST.test(text) ? CAST.lastIndex : read.end)
    if (at >= text.length) return null
    if (text[at] === ')') return { value, end: at + 1 }
    if (text[at] !== ',') return 'wrong'
  }
}
