import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SqlDatabase } from '../../base/sql-database.js'
import { settingError } from '../../server/env.js'
import { textOf, valueIn } from './reading.js'

/** What each is known by, in the order in which one of several is chosen. */
const PACKAGES = {
  next: 'next',
  nest: '@nestjs/core',
  express: 'express',
  fastify: 'fastify',
  hono: 'hono',
  koa: 'koa',
} as const

export type Framework = keyof typeof PACKAGES | 'node'
export type Database = SqlDatabase['dialect']

export const FRAMEWORKS: readonly Framework[] = [...(Object.keys(PACKAGES) as Framework[]), 'node']
export const DATABASES: readonly Database[] = ['postgres', 'sqlite']

export const TITLES: Readonly<Record<Framework | Database, string>> = {
  next: 'Next.js',
  nest: 'NestJS',
  express: 'Express',
  fastify: 'Fastify',
  hono: 'Hono',
  koa: 'Koa',
  node: 'node:http',
  postgres: 'PostgreSQL',
  sqlite: 'SQLite',
}

/** What was chosen by hand, and the environment. */
export interface Choices {
  readonly framework?: Framework | undefined
  readonly database?: Database | undefined
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface Project {
  readonly folder: string
  readonly framework: Framework
  /** Frameworks that are there too. */
  readonly others: readonly Framework[]
  readonly database: Database
  /** Why that database, for people. */
  readonly databaseReason: string
  readonly typescript: boolean
  /** True when its package says `"type": "module"`. */
  readonly esm: boolean
  /** Where its sources are, with a slash; empty for the folder itself. */
  readonly source: '' | 'src/'
  /** Names of its packages, needed to run and to develop. */
  readonly packages: ReadonlySet<string>
  readonly env: Choices['env']
}

interface Manifest {
  readonly type?: unknown
  readonly dependencies?: object
  readonly devDependencies?: object
}

function readManifest(folder: string): Manifest {
  const path = join(folder, 'package.json')
  if (!existsSync(path)) throw settingError(`there is no package.json in ${folder}: run \`npm init\` first`)
  let manifest: unknown
  try {
    manifest = JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''))
  } catch (error) {
    throw settingError(`${path} cannot be read: ${(error as Error).message}`)
  }
  if (typeof manifest === 'object' && manifest !== null && !Array.isArray(manifest)) return manifest
  throw settingError(`${path} must hold a JSON object`)
}

function findDatabase(folder: string, packages: ReadonlySet<string>, env: Choices['env']): [Database, string] {
  const driver = ['pg', 'postgres', '@prisma/adapter-pg'].find(name => packages.has(name))
  if (driver !== undefined) return ['postgres', `${driver} is in package.json`]
  const isPostgres = (url: string | null | undefined) => /^postgres(?:ql)?:/.test(url ?? '')
  if (isPostgres(env.DATABASE_URL)) return ['postgres', 'DATABASE_URL in the environment']
  if (isPostgres(valueIn(textOf(folder, '.env'), 'DATABASE_URL'))) return ['postgres', 'DATABASE_URL in .env']
  if (/^\s*provider\s*=\s*"postgres(?:ql)?"/m.test(textOf(folder, 'prisma/schema.prisma'))) {
    return ['postgres', 'prisma/schema.prisma']
  }
  return ['sqlite', 'a file, app.db']
}

/** Next looks into `src` only where the project has no `app` or `pages` of its own. */
function sourceOf(folder: string, framework: Framework): '' | 'src/' {
  const has = (name: string) => existsSync(join(folder, name))
  if (framework === 'next' && (has('app') || has('pages'))) return ''
  return has('src') ? 'src/' : ''
}

/** Looks at a folder. Throws a setting error for one that holds no package. */
export function readProject(folder: string, { framework, database, env }: Choices): Project {
  const manifest = readManifest(folder)
  const packages = new Set(Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }))
  const found = FRAMEWORKS.filter(name => name !== 'node' && packages.has(PACKAGES[name]))
  const chosen = framework ?? found[0] ?? 'node'
  const [foundDatabase, reason] = findDatabase(folder, packages, env)
  return {
    folder,
    framework: chosen,
    others: found.filter(name => name !== chosen),
    database: database ?? foundDatabase,
    databaseReason: database === undefined ? reason : 'as you chose',
    typescript: packages.has('typescript') || existsSync(join(folder, 'tsconfig.json')),
    esm: manifest.type === 'module',
    source: sourceOf(folder, chosen),
    packages,
    env,
  }
}
