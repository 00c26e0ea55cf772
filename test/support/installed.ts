import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram } from './processes.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const manifestOf = (folder: string) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))

/** The folder of an example. */
export function exampleFolder(name: string): string {
  return join(ROOT, 'examples', name)
}

/** True for an example that has the packages its manifest names, and this one. */
export function isInstalled(name: string): boolean {
  const folder = exampleFolder(name)
  const wanted = Object.entries<string>(manifestOf(folder).dependencies)
  return wanted.every(([each, version]) => {
    const place = join(folder, 'node_modules', each)
    return existsSync(place) && manifestOf(place).version === version
  })
}

/** Installs what an example with a manifest of its own needs, unless it is there. False where that is impossible. */
export function installExample(name: string): boolean {
  const npm = findProgram('npm')
  const cwd = exampleFolder(name)
  if (!isInstalled(name) && npm !== null) {
    console.error(`Installing what examples/${name} needs`)
    const args = ['install', '--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund']
    const { status, stderr } = spawnSync(npm, args, { cwd, encoding: 'utf8', timeout: 600_000 })
    if (status !== 0) console.error(`npm install failed: ${stderr}`)
  }
  if (!isInstalled(name)) return false
  const link = join(cwd, 'node_modules', 'pawl')
  rmSync(link, { force: true })
  symlinkSync(ROOT, link)
  return true
}
