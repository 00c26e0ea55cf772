import { describe, expect, test } from 'vitest'
import { csvParser } from '../../../src/cli/import/csv.js'
import { jsonParser } from '../../../src/cli/import/json.js'
import { progressBar } from '../../../src/cli/import/progress.js'
import type { RowParser } from '../../../src/cli/import/rows.js'
import { sqlParser } from '../../../src/cli/import/sql-dump.js'
import {
  authjsJson,
  betterAuthDump,
  deviseCsv,
  deviseMysql,
  firebaseJson,
  phoenixDump,
  supabaseDump,
} from './fixtures.js'

function parsed(parser: RowParser, text: string, size: number): unknown[] {
  const rows = []
  for (let at = 0; at < text.length; at += size) rows.push(...parser.push(text.slice(at, at + size)))
  rows.push(...parser.end())
  return rows.map(({ columns, ...row }) => ({ ...row, columns: [...columns.keys()] }))
}

const TEXTS: readonly (readonly [string, string, () => RowParser])[] = [
  ['PostgreSQL', phoenixDump, () => sqlParser(() => true)],
  ['inserts', supabaseDump, () => sqlParser(() => true)],
  ['SQLite', betterAuthDump, () => sqlParser(() => true)],
  ['MySQL', deviseMysql, () => sqlParser(() => true)],
  ['PostgreSQL with CRLF', phoenixDump.replaceAll('\n', '\r\n'), () => sqlParser(() => true)],
  ['CSV', deviseCsv.slice(1), csvParser],
  ['JSON', authjsJson, jsonParser],
  ['JSON of Firebase', firebaseJson, jsonParser],
]

describe.each(TEXTS)('%s', (_, text, parser) => {
  test('gives the same rows wherever it is cut', () => {
    const whole = parsed(parser(), text, text.length)
    expect(whole.length).toBeGreaterThan(1)
    for (const size of [1, 2, 3, 7, 64, 1000]) expect(parsed(parser(), text, size)).toEqual(whole)
  })

  test('says so when it ends too soon', () => {
    const cut = text.slice(0, text.lastIndexOf('example.com') + 4)
    expect(JSON.stringify(parsed(parser(), cut, 64))).toMatch(/cut_off|wrong_number_of_columns/)
  })
})

test('values come out as they were', () => {
  const [row] = parsed(
    sqlParser(() => true),
    `INSERT INTO "T" (a,b,c,d,e,f,g) VALUES (E'x\\'\\ty', 'it''s \\n', -1.5, true, NULL, X'0aFf', unistr('a\\u000ab'));`,
    9,
  ) as { cells: unknown[] }[]
  expect(row?.cells).toEqual(["x'\ty", "it's \\n", '-1.5', 'true', null, '\\x0aFf', 'a\nb'])
  const [copied] = parsed(
    sqlParser(() => true),
    'COPY t (a, b, c) FROM stdin;\n\\\\\\t\\n\\x41\\101\t\\N\t\n\\.\n',
    4,
  ) as { cells: unknown[] }[]
  expect(copied?.cells).toEqual(['\\\t\nAA', null, ''])
  const [sheet] = parsed(csvParser(), 'a\tb\tc\n"x\ty"\t""""\tNULL\n', 3) as { cells: unknown[] }[]
  expect(sheet?.cells).toEqual(['x\ty', '"', null])
})

test('a quote that is never closed does not fill the memory', () => {
  const parser = csvParser()
  parser.push('email\n"')
  expect(() => {
    for (let count = 0; count < 40; count++) parser.push('x'.repeat(1_000_000))
  }).toThrow(/line 2 has no end/)
})

test('progress is one line on a terminal, and a line every five seconds elsewhere', () => {
  let now = 0
  const run = (isTTY: boolean) => {
    const out: string[] = []
    const bar = progressBar({ isTTY, write: text => out.push(text) }, 1000, () => now)
    for (let step = 0; step <= 10; step++) {
      bar.update({ part: 'users', bytes: step * 100, rows: step * 1000 })
      now += 1000
    }
    bar.end()
    return out
  }
  const drawn = run(true)
  expect(drawn.every(text => text.startsWith('\r\x1b[2K') && !text.includes('\n'))).toBe(true)
  expect(drawn[5]).toMatch(/#{12} {12}\] users {2}50 %, 5000 rows, 1000\/s, 5 s left/)
  expect(run(false)).toEqual([
    'users  50 %, 5000 rows, 1000/s, 5 s left\n',
    'users 100 %, 10000 rows, 1000/s, 0 s left\n',
  ])
})
