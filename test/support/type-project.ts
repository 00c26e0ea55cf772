import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TSC = join(ROOT, 'node_modules', '.bin', 'tsc')

/** What the compiler says of a project. */
export interface Compiled {
  /** The first line of each error, without its place. */
  readonly errors: readonly string[]
  /** How many times it worked out a generic type: what a project's types cost, on any machine. */
  readonly instantiations: number
}

type Files = Readonly<Record<string, string>>

const OPTIONS = {
  target: 'es2023',
  lib: ['es2023', 'dom', 'dom.iterable'],
  types: ['node'],
  module: 'nodenext',
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  noEmit: true,
}

async function compile(folder: string, files: Files, options: object): Promise<Compiled> {
  for (const [name, code] of Object.entries(files)) writeFileSync(join(folder, name), code)
  const config = { compilerOptions: { ...OPTIONS, ...options }, include: ['*.ts'] }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const args = ['-p', folder, '--extendedDiagnostics', '--pretty', 'false']
  const { stdout } = await promisify(execFile)(TSC, args, { cwd: folder }).catch(error => error)
  const found = /^Instantiations: +(\d+)$/m.exec(stdout)?.[1]
  if (found === undefined) throw new Error(`the compiler counted nothing: ${stdout}`)
  const errors = stdout
    .split('\n')
    .filter((line: string) => / error TS\d+: /.test(line))
    .map((line: string) => line.replace(/^.* error (TS\d+: )/, '$1'))
  return { errors, instantiations: Number(found) }
}

/** Compiles a project of an app beside this package, with all that is installed here. Needs a build. */
export async function compileApp(files: Files, options: object = {}): Promise<Compiled> {
  mkdirSync(join(ROOT, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, '.tmp', 'types-'))
  try {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(ROOT, join(folder, 'node_modules', 'pawl'))
    return await compile(folder, files, options)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The packages that come with this one, and no other. */
const OURS = ['@types/node', 'undici-types', ...Object.keys(JSON.parse(read('package.json')).dependencies)]

function read(name: string): string {
  return readFileSync(join(ROOT, name), 'utf8')
}

/** Compiles a project in which this package is installed without its peers. */
export async function compileAlone(files: Files, options: object = {}): Promise<Compiled> {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-types-'))
  const modules = join(folder, 'node_modules')
  try {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
    mkdirSync(join(modules, 'pawl'), { recursive: true })
    cpSync(join(ROOT, 'package.json'), join(modules, 'pawl', 'package.json'))
    cpSync(join(ROOT, 'dist'), join(modules, 'pawl', 'dist'), { recursive: true })
    for (const name of OURS.filter(each => existsSync(join(ROOT, 'node_modules', each)))) {
      mkdirSync(dirname(join(modules, name)), { recursive: true })
      cpSync(join(ROOT, 'node_modules', name), join(modules, name), { recursive: true, dereference: true })
    }
    return await compile(folder, files, options)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
