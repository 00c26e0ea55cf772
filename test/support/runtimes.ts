import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram } from './processes.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FOLDER = join(ROOT, 'test', 'runtimes')
const MODULES = join(FOLDER, 'node_modules')
const MANIFESTS = ['package.json', 'package-lock.json']

/** Packages that hold nothing but a program, one for each kind of machine. */
const PLACES = {
  bun: { package: /^@oven\/bun-/, program: 'bin/bun' },
  deno: { package: /^@deno\//, program: 'deno' },
  workerd: { package: /^@cloudflare\/workerd-/, program: 'bin/workerd' },
} as const

export type Runtime = keyof typeof PLACES

/** The path of each program; null for one that is not installed, or not for this machine. */
export type Runtimes = Record<Runtime, string | null>

/** Finds the other runtimes, and installs them first where one is missing or of another version. */
export function installRuntimes(): Runtimes {
  const before = findRuntimes()
  if (!Object.values(before).includes(null)) return before
  install()
  return findRuntimes()
}

function findRuntimes(): Runtimes {
  return { bun: programOf('bun'), deno: programOf('deno'), workerd: programOf('workerd') }
}

const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'))

function programOf(name: Runtime): string | null {
  const wanted = Object.entries<string>(readJson(join(FOLDER, 'package.json')).optionalDependencies)
  for (const [each, version] of wanted.filter(([each]) => PLACES[name].package.test(each))) {
    const manifest = join(MODULES, each, 'package.json')
    if (!existsSync(manifest) || readJson(manifest).version !== version) continue
    const program = join(MODULES, each, PLACES[name].program)
    if (spawnSync(program, ['--version']).status === 0) return program
  }
  return null
}

function install(): void {
  const npm = findProgram('npm')
  if (npm === null) return
  console.error('Installing Bun, Deno and workerd for the tests')
  mkdirSync(join(ROOT, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, '.tmp', 'runtimes-'))
  try {
    for (const name of MANIFESTS) copyFileSync(join(FOLDER, name), join(folder, name))
    const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
    const { status, stderr } = spawnSync(npm, args, { cwd: folder, encoding: 'utf8', timeout: 600_000 })
    if (status !== 0) return console.error(`npm ci failed: ${stderr}`)
    // In one move, so that nobody ever finds half of it.
    rmSync(MODULES, { recursive: true, force: true })
    renameSync(join(folder, 'node_modules'), MODULES)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
