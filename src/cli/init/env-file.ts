import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { newSecret } from '../../server/data-dir.js'
import type { Project } from './project.js'
import { exists, textOf, valueIn } from './reading.js'
import type { Step } from './step.js'

const PLACEHOLDER = 'postgres://USER:PASSWORD@localhost:5432/NAME'

/** What the app reads, by name: a function makes the value of one that is missing. */
function needs({ database, env }: Project): Readonly<Record<string, () => string>> {
  const needsUrl = database === 'postgres' && env.DATABASE_URL === undefined
  return { AUTH_SECRET: newSecret, ...(needsUrl && { DATABASE_URL: () => PLACEHOLDER }) }
}

const COMMENTS: Readonly<Record<string, string>> = {
  AUTH_SECRET: '# Pawl: signs the tokens. Keep it, and keep it secret.',
  DATABASE_URL: '# Pawl: where people and their sessions are kept.',
}

/** Adds the missing names to `.env`, and says what is left to do about them. */
export function envStep(project: Project): { step: Step; notes: readonly string[] } {
  const { folder, framework } = project
  const isThere = exists(join(folder, '.env'))
  const text = textOf(folder, '.env')
  // Next reads this one too, and prefers it.
  const local = framework === 'next' ? textOf(folder, '.env.local') : ''
  const needed = needs(project)
  const found = (name: string) => valueIn(local, name) ?? valueIn(text, name)
  const missing = Object.keys(needed).filter(name => found(name) === null)
  const empty = Object.keys(needed).filter(name => found(name) === '')

  const eol = text.includes('\r\n') ? '\r\n' : '\n'
  const lines = missing.flatMap(name => [COMMENTS[name], `${name}=${needed[name]?.()}`])
  const gap = !isThere || text === '' ? '' : text.endsWith('\n') ? eol : eol + eol
  const step: Step = {
    path: '.env',
    act: missing.length === 0 ? 'keep' : isThere ? 'append' : 'write',
    text: gap + lines.map(line => line + eol).join(''),
    mode: 0o600,
    note: missing.length === 0 ? 'it has the names' : missing.join(', '),
    isPublic: false,
  }
  return { step, notes: [...empty.map(toFill), ...(missing.includes('DATABASE_URL') ? [toFill('DATABASE_URL')] : [])] }
}

function toFill(name: string): string {
  if (name === 'AUTH_SECRET') return 'AUTH_SECRET is empty: put in what `npx pawl keys` prints.'
  return `DATABASE_URL in .env is for you to fill: ${PLACEHOLDER}`
}

/** The lines of the folder's `.gitignore` and of those above it, up to the repository's own. */
function ignoredIn(folder: string): string[] {
  const file = join(folder, '.gitignore')
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
  const parent = dirname(folder)
  const isTop = parent === folder || existsSync(join(folder, '.git'))
  return isTop ? lines : [...ignoredIn(parent), ...lines]
}

/** Lines that `.gitignore` lacks: the secret and the people are not to be published. */
export function ignoreLines({ folder, database }: Project): readonly string[] {
  const lines = ignoredIn(folder).map(line => line.trim().replace(/^(?:\*\*)?\//, ''))
  const has = (patterns: readonly string[]) => patterns.some(pattern => lines.includes(pattern))
  const lacks: string[] = []
  if (!has(['.env', '.env*', '*.env', '.env?'])) lacks.push('.env')
  if (database === 'sqlite' && !has(['app.db*', '*.db*'])) lacks.push('app.db*')
  return lacks
}
