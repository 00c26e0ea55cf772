import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { init } from '../../src/cli/init/init.js'
import type { Choices } from '../../src/cli/init/project.js'
import { projectWith } from '../support/refusal.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface Described {
  /** In `dependencies`. */
  readonly uses?: readonly string[]
  readonly develops?: readonly string[]
  readonly type?: 'module' | 'commonjs'
  /** By path; one with a slash at its end is a folder. */
  readonly files?: Readonly<Record<string, string>>
}

const versions = (names: readonly string[] = []) => Object.fromEntries(names.map(name => [name, '*']))

/** The folder of somebody's project. */
export function newProject({ uses, develops, type, files = {} }: Described = {}): string {
  const manifest = { name: 'app', type, dependencies: versions(uses), devDependencies: versions(develops) }
  const folder = projectWith({ 'package.json': JSON.stringify(manifest) })
  write(folder, files)
  return folder
}

/** Installs this package in one, beside those that are found above it. */
export function install(folder: string): void {
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(ROOT, join(folder, 'node_modules', 'pawl'))
}

export function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path.endsWith('/') ? path : dirname(path)), { recursive: true })
    if (!path.endsWith('/')) writeFileSync(join(folder, path), text)
  }
}

export const NOW = new Date('2026-11-22T17:14:50Z')

/** Runs init in a folder, in an empty environment, and gives what it says. */
export function initIn(folder: string, choices: Partial<Choices> = {}, dryRun = false): Promise<string> {
  return init(folder, { env: {}, ...choices }, dryRun, NOW)
}

export const read = (folder: string, path: string): string => readFileSync(join(folder, path), 'utf8')

export const modeOf = (folder: string, path: string): string => (statSync(join(folder, path)).mode & 0o777).toString(8)

/** All files of a project and what they hold. Follows no links. */
export function filesOf(folder: string, below = ''): Record<string, string> {
  const entries = readdirSync(join(folder, below), { withFileTypes: true })
  return Object.fromEntries(
    entries.flatMap(entry => {
      const path = join(below, entry.name)
      if (entry.isDirectory()) return Object.entries(filesOf(folder, path))
      return entry.isFile() ? [[path, readFileSync(join(folder, path), 'latin1')]] : []
    }),
  )
}
