import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { Counts } from './counts.js'

/** How far an import has come. */
export interface Progressed {
  /** Which import of which files into which users: another one begins at its own beginning. */
  readonly of: string
  /** Rows of users that have been decided, over all files. */
  readonly rows: number
  /** Bytes of the report that tell of them. */
  readonly report: number
  readonly counts: Counts
  /** One of those that were written: where it is not there, the database is another than it was. */
  readonly witness: string | null
}

export interface Checkpoint {
  /** Null where there is none, or one of another import. */
  read(of: string): Progressed | null
  write(progressed: Progressed): void
  remove(): void
}

/** Keeps how far an import has come in a file; null keeps it nowhere. */
export function checkpointFile(path: string | null): Checkpoint {
  if (path === null) return { read: () => null, write: () => {}, remove: () => {} }
  return {
    read(of) {
      if (!existsSync(path)) return null
      try {
        const progressed = JSON.parse(readFileSync(path, 'utf8'))
        return progressed.of === of ? progressed : null
      } catch {
        // It only spares time: without one all rows are looked at again.
        return null
      }
    },
    write(progressed) {
      writeFileSync(`${path}.new`, JSON.stringify(progressed), { mode: 0o600 })
      renameSync(`${path}.new`, path)
    },
    remove: () => rmSync(path, { force: true }),
  }
}
