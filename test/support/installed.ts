import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mustFind } from './processes.js'

interface Package {
  readonly version: string
  readonly optional?: boolean
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Installs the packages of an example that has a manifest of its own, unless they are there, and this package. */
export function installExample(folder: string): void {
  const lock = join(folder, 'package-lock.json')
  const done = join(folder, 'node_modules', '.package-lock.json')
  const versions = (path: string) => {
    const { packages } = JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, Package> }
    return Object.entries(packages)
      .filter(([name, { optional }]) => name.startsWith('node_modules/') && !optional)
      .map(([name, { version }]) => `${name} ${version}`)
      .join('\n')
  }
  if (!existsSync(done) || versions(done) !== versions(lock)) install(folder)
  const link = join(folder, 'node_modules', 'pawl')
  rmSync(link, { force: true })
  symlinkSync(ROOT, link)
}

function install(folder: string): void {
  console.error(`Installing what ${folder} needs`)
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
  const { status, stderr } = spawnSync(mustFind('npm'), args, { cwd: folder, encoding: 'utf8', timeout: 600_000 })
  if (status !== 0) throw new Error(`npm ci failed in ${folder}: ${stderr}`)
}
