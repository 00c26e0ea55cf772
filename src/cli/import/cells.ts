import { Problem } from '../../base/problem.js'
import { columnName, type SourceRow } from './rows.js'

/** Why a row is refused. Its `code` is all that is ever told of it. */
export function refusal(reason: string): Problem {
  return new Problem(reason)
}

// Line ends and tabs belong to texts; a decoder's sign for what it could not read does not.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/

/** Reads the cells of one row by the names of their columns. Reasons are thrown. */
export interface Cells {
  has(name: string): boolean
  /** The first of these columns that holds something, as it is. */
  raw(...names: string[]): unknown
  text(...names: string[]): string | null
  /** A value as text. */
  textOf(value: unknown): string
  /** In ms since 1970. A time without a zone is UTC, as Rails and Ecto write them; `infinity` is Infinity. */
  time(...names: string[]): number | null
  flag(...names: string[]): boolean
}

function textOf(value: unknown): string {
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  if (CONTROL.test(text)) throw refusal('control_characters')
  if (text.includes('\ufffd')) throw refusal('not_utf8')
  return text
}

const TIME =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?(?::\d\d)?$/i

/** Whole numbers are s, ms or µs since 1970, by their size. */
function epochMs(number: number): number {
  if (number < 100_000_000_000) return Math.round(number * 1000)
  return Math.round(number < 100_000_000_000_000 ? number : number / 1000)
}

export function timeOf(value: unknown): number | null {
  const text = String(value).trim()
  if (/^0000-00-00|^-infinity$/.test(text)) return null
  if (text === 'infinity') return Number.POSITIVE_INFINITY
  if (/^\d{1,17}(?:\.\d+)?$/.test(text)) return epochMs(Number(text))
  const [, date, clock = '00:00:00', fraction = '', zone = 'Z'] = TIME.exec(text) ?? []
  if (date === undefined) throw refusal('unreadable_time')
  const [, sign, hours, minutes = '00'] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? []
  const offset = sign === undefined ? 'Z' : `${sign}${hours}:${minutes}`
  const time = Date.parse(
    `${date}T${clock.length === 5 ? `${clock}:00` : clock}.${fraction.slice(0, 3).padEnd(3, '0')}${offset}`,
  )
  if (Number.isNaN(time)) throw refusal('unreadable_time')
  return time
}

export function flagOf(value: unknown): boolean {
  return /^(?:t|true|1|yes)$/i.test(String(value))
}

export function cellsOf({ columns, cells }: SourceRow): Cells {
  function raw(...names: string[]): unknown {
    for (const name of names) {
      const index = columns.get(columnName(name))
      const value = index === undefined ? null : cells[index]
      if (value !== null && value !== undefined && value !== '') return value
    }
    return null
  }

  return {
    raw,
    textOf,
    has: name => columns.has(columnName(name)),
    text(...names) {
      const value = raw(...names)
      return value === null ? null : textOf(value)
    },
    time(...names) {
      const value = raw(...names)
      return value === null ? null : timeOf(value)
    },
    flag: (...names) => flagOf(raw(...names) ?? false),
  }
}
