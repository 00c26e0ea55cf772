import { existsSync, lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** True for anything that has this name, a link that leads nowhere too. */
export function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

/** The text of a file of the project; empty when there is none. */
export function textOf(folder: string, name: string): string {
  const path = join(folder, name)
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

/** The last value of a name in the text of a `.env`; null when it is not there. */
export function valueIn(text: string, name: string): string | null {
  const lines = [...text.matchAll(new RegExp(`^[ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=(.*)$`, 'gm'))]
  const value = lines.at(-1)?.[1]?.trim()
  return value === undefined ? null : value.replace(/^(["'])(.*)\1.*$/, '$2')
}
