import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { exists } from './reading.js'

/** One file, and what becomes of it. */
export interface Step {
  /** From the project's folder, with slashes. */
  readonly path: string
  readonly act: 'write' | 'append' | 'keep'
  readonly text: string
  /** Of a file that is made. Default: what is usual. */
  readonly mode?: number
  /** What people are told besides the path. */
  readonly note?: string
  /** True for text that people may see. */
  readonly isPublic: boolean
}

/** Writes a new file, or keeps the one that is there under one of the paths. */
export function writeUnless(folder: string, path: string, taken: readonly string[], text: string): Step {
  const there = taken.find(each => exists(join(folder, each)))
  return { path: there ?? path, act: there === undefined ? 'write' : 'keep', text, isPublic: true }
}

/** True when the file that is kept is what would be written. */
export function isSame(folder: string, { path, text }: Step): boolean {
  const file = join(folder, path)
  return statSync(file, { throwIfNoEntry: false })?.isFile() === true && readFileSync(file, 'utf8') === text
}

/** Does it. A file that came into being in the meantime is not overwritten either: that is thrown. */
export function carryOut(folder: string, { path, act, text, mode }: Step): void {
  const file = join(folder, path)
  const options = mode === undefined ? {} : { mode }
  if (act === 'append') appendFileSync(file, text, options)
  if (act !== 'write') return
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text, { ...options, flag: 'wx' })
}
