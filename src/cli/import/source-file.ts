import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { csvParser } from './csv.js'
import { jsonParser } from './json.js'
import type { RowParser, SourceRow } from './rows.js'
import { sqlParser } from './sql-dump.js'

export interface SourceFile {
  readonly path: string
  readonly size: number
  /** Of its size and its first bytes: tells another file of the same name. */
  readonly fingerprint: string
}

const HEAD_BYTES = 65_536

function headOf(path: string): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  const file = openSync(path, 'r')
  try {
    return head.subarray(0, readSync(file, head, 0, HEAD_BYTES, 0))
  } finally {
    closeSync(file)
  }
}

/** What files hold that are no text, and how to get text of them. */
const NO_TEXT: readonly (readonly [start: string, advice: string])[] = [
  ['PGDMP', 'is a dump in a format of its own: run `pg_restore --file=dump.sql` on it first'],
  ['SQLite format 3\0', 'is a database: run `sqlite3 FILE .dump > dump.sql` first'],
  ['PK\x03\x04', 'is an archive: unpack it first'],
]

/** Throws `TypeError` for a file that is not there or is no text. */
export function sourceFile(path: string): SourceFile {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat?.isFile()) throw new TypeError(`there is no file ${path}`)
  const head = headOf(path)
  const wrong = NO_TEXT.find(([start]) => head.subarray(0, start.length).toString('latin1') === start)
  if (wrong) throw new TypeError(`${path} ${wrong[1]}`)
  const fingerprint = createHash('sha256').update(`${stat.size}\n`).update(head).digest('hex')
  return { path, size: stat.size, fingerprint }
}

/** Which parser a text is for, by how it begins. */
function parserOf(start: string, wants: (table: string) => boolean): RowParser {
  if (/^\s*[[{]/.test(start)) return jsonParser()
  const isSql =
    /^\s*(?:--|\/\*|\\restrict|(?:set|pragma|begin|start|copy|insert|replace|create|drop|select|use|lock)\b(?![^\n]*[,;\t]\w+[,;\t]))/i
  return isSql.test(start) ? sqlParser(wants) : csvParser()
}

/** How text is written, by the mark it begins with: PowerShell's `>` writes UTF-16. */
function decoderOf(start: Uint8Array): InstanceType<typeof TextDecoder> {
  if (start[0] === 0xff && start[1] === 0xfe) return new TextDecoder('utf-16le')
  return new TextDecoder(start[0] === 0xfe && start[1] === 0xff ? 'utf-16be' : 'utf-8')
}

/** The rows of a file as they come, a piece at a time, with how many of its bytes have been read. */
export async function* readRows(
  { path }: SourceFile,
  wants: (table: string) => boolean,
): AsyncGenerator<{ readonly rows: readonly SourceRow[]; readonly bytes: number }> {
  let bytes = 0
  const file = createReadStream(path, { highWaterMark: 262_144 })
  file.on('data', chunk => {
    bytes += chunk.length
  })
  const isPacked = headOf(path).subarray(0, 2).toString('hex') === '1f8b'
  const stream = isPacked ? file.pipe(createGunzip()) : file
  if (isPacked) file.on('error', error => stream.destroy(error))
  let decoder: InstanceType<typeof TextDecoder> | null = null
  let parser: RowParser | null = null
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    decoder ??= decoderOf(chunk)
    const text = decoder.decode(chunk, { stream: true })
    parser ??= parserOf(text, wants)
    yield { rows: parser.push(text), bytes }
  }
  const rest = decoder?.decode() ?? ''
  if (parser) yield { rows: [...parser.push(rest), ...parser.end()], bytes }
}
