import { closeSync, existsSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'

/** What is told of a row. No cell of it but its id and its address, once they have been understood. */
export interface ReportLine {
  readonly file: string
  readonly line: number
  readonly result: 'imported' | 'already_there' | 'refused' | 'left_out'
  readonly reason?: string
  readonly email?: string | null
  /** The id at the source. */
  readonly old_id?: string | null
  /** The id here, where it is another. */
  readonly id?: string
}

export interface Report {
  /** How many bytes have been written. */
  readonly size: number
  write(line: ReportLine | object): void
  close(): void
}

const START = '{"'

/** A file that is no report of ours is somebody's: a slip of the hand must not write over it. */
function refuseOthers(path: string): void {
  if (!existsSync(path)) return
  const file = openSync(path, 'r')
  const start = Buffer.alloc(1024)
  const text = start.subarray(0, readSync(file, start)).toString('utf8')
  closeSync(file)
  if (text !== '' && !(text.startsWith(START) && text.includes('"result":'))) {
    throw new TypeError(`${path} is there and is no report: give --report another name`)
  }
}

/** A report as JSON lines, mode 0600. Goes on after `from` bytes of one that is there; 0 begins anew. */
export function openReport(path: string | null, from: number): Report {
  if (path === null) return { size: 0, write: () => {}, close: () => {} }
  refuseOthers(path)
  const file = openSync(path, from > 0 && existsSync(path) ? 'r+' : 'w', 0o600)
  ftruncateSync(file, from)
  let size = from
  return {
    get size() {
      return size
    },
    write(line) {
      size += writeSync(file, `${JSON.stringify(line)}\n`, size)
    },
    close: () => closeSync(file),
  }
}
