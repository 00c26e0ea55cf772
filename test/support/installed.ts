import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mustFind } from './processes.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const manifestOf = (folder: string) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/** Installs the packages of an example that has a manifest of its own, unless they are there, and this package. */
export function installExample(folder: string): void {
  const modules = join(folder, 'node_modules')
  const wanted = Object.entries<string>(manifestOf(folder).dependencies)
  const isThere = ([name, version]: [string, string]) =>
    existsSync(join(modules, name)) && manifestOf(join(modules, name)).version === version
  if (!wanted.every(isThere)) install(folder)
  const link = join(modules, 'pawl')
  rmSync(link, { force: true })
  symlinkSync(ROOT, link)
}

function install(folder: string): void {
  console.error(`Installing what ${folder} needs`)
  const args = ['install', '--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund']
  const { status, stderr } = spawnSync(mustFind('npm'), args, { cwd: folder, encoding: 'utf8', timeout: 600_000 })
  if (status !== 0) throw new Error(`npm install failed in ${folder}: ${stderr}`)
}
