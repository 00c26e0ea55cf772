import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Database, Framework } from '../../src/cli/init/project.js'
import { type Described, filesOf, initIn, modeOf, newProject, read } from './projects.js'

const secretIn = (text: string) => /^AUTH_SECRET=(.*)$/m.exec(text)?.[1] ?? ''

describe('what it finds', () => {
  test.each([
    [['next', '@nestjs/core', 'express'], 'Next.js', 'NestJS, Express'],
    [['@nestjs/core', 'koa'], 'NestJS', 'Koa'],
    [['koa', 'hono', 'fastify', 'express'], 'Express', 'Fastify, Hono, Koa'],
    [['koa', 'hono', 'fastify'], 'Fastify', 'Hono, Koa'],
    [['koa', 'hono'], 'Hono', 'Koa'],
    [['koa'], 'Koa', null],
    [[], 'node:http', null],
  ])('of %j it takes %s', async (uses, title, others) => {
    const said = await initIn(newProject({ uses }))
    expect(said.split('\n')[0]).toMatch(new RegExp(`^${title}, `))
    if (others === null) expect(said).not.toContain('is here too')
    else expect(said).toContain(`\n${others} is here too: --framework=… chooses another.\n`)
  })

  test('packages for development count too', async () => {
    expect(await initIn(newProject({ develops: ['fastify', 'pg', 'typescript'] }))).toMatch(
      /^Fastify, PostgreSQL \(pg is in package.json\), TypeScript\n/,
    )
  })

  test('what was chosen by hand wins', async () => {
    const folder = newProject({ uses: ['express', 'pg'] })
    const choices: { framework: Framework; database: Database } = { framework: 'koa', database: 'sqlite' }
    const said = await initIn(folder, choices)
    expect(said).toMatch(/^Koa, SQLite \(as you chose\), JavaScript\nExpress is here too/)
    expect(read(folder, 'auth.mjs')).toContain('openSqlite')
  })

  const prisma = 'datasource db {\n  provider = "postgresql"\n}\n'
  test.each<[string, Described, Record<string, string>, string]>([
    ['nothing', {}, {}, 'SQLite (a file, app.db)'],
    ['pg', { uses: ['pg'] }, {}, 'PostgreSQL (pg is in package.json)'],
    ['drizzle on pg', { uses: ['drizzle-orm', 'pg'] }, {}, 'PostgreSQL (pg is in package.json)'],
    ['drizzle alone', { uses: ['drizzle-orm'] }, {}, 'SQLite (a file, app.db)'],
    ['the environment', {}, { DATABASE_URL: 'postgres://x/y' }, 'PostgreSQL (DATABASE_URL in the environment)'],
    ['another database there', {}, { DATABASE_URL: 'mysql://x/y' }, 'SQLite (a file, app.db)'],
    [
      '.env',
      { files: { '.env': 'A=1\nexport DATABASE_URL="postgresql://x/y"\n' } },
      {},
      'PostgreSQL (DATABASE_URL in .env)',
    ],
    ['.env, not in use', { files: { '.env': '#DATABASE_URL=postgres://x/y\n' } }, {}, 'SQLite (a file, app.db)'],
    [
      'Prisma on PostgreSQL',
      { uses: ['@prisma/client'], files: { 'prisma/schema.prisma': prisma } },
      {},
      'PostgreSQL (prisma/schema.prisma)',
    ],
  ])('the database from %s', async (_, described, env, expected) => {
    expect((await initIn(newProject(described), { env })).split('\n')[0]).toContain(`, ${expected}, `)
  })

  test.each<[Described, string[]]>([
    [{}, ['auth.mjs']],
    [{ type: 'commonjs', files: { 'src/': '' } }, ['src/auth.mjs']],
    [{ type: 'module' }, ['auth.js']],
    [{ files: { 'tsconfig.json': '{}', 'src/': '' } }, ['src/auth.ts']],
    [{ uses: ['next'] }, ['app/api/v1/[...pawl]/route.js', 'auth.js']],
    [{ uses: ['next'], files: { 'src/app/': '' } }, ['src/app/api/v1/[...pawl]/route.js', 'src/auth.js']],
    [{ uses: ['next'], files: { 'src/': '', 'app/': '' } }, ['app/api/v1/[...pawl]/route.js', 'auth.js']],
    [
      { uses: ['next'], develops: ['typescript'], files: { 'src/pages/': '' } },
      ['src/app/api/v1/[...pawl]/route.ts', 'src/auth.ts'],
    ],
  ])('%j has its files at %j', async (described, expected) => {
    const folder = newProject(described)
    const before = Object.keys(filesOf(folder))
    await initIn(folder)
    const made = Object.keys(filesOf(folder)).filter(path => !before.includes(path))
    expect(made.sort()).toEqual(['.env', ...expected, 'migrations/0001_pawl.sql'].sort())
  })

  test('says how to install what is missing, in one line', async () => {
    const line = async (described: Described) =>
      /^ {4}(npm install .*)$/m.exec(await initIn(newProject(described)))?.[1]
    expect(await line({})).toBe('npm install pawl')
    expect(await line({ uses: ['pawl', 'pg'] })).toBe(undefined)
    expect(await line({ uses: ['pawl'], develops: ['typescript', '@types/node'] })).toBe(undefined)
    const files = { '.env': 'DATABASE_URL=postgres://x/y\n' }
    expect(await line({ uses: ['@prisma/client'], develops: ['typescript'], files })).toBe(
      'npm install pawl pg && npm install --save-dev @types/node @types/pg',
    )
  })
})

describe('.env', () => {
  test('a new one is for its owner, and its secret is told to nobody', async () => {
    const folder = newProject({ uses: ['pg'] })
    const said = await initIn(folder)
    expect(modeOf(folder, '.env')).toBe('600')
    const text = read(folder, '.env')
    expect(secretIn(text)).toMatch(/^[\w-]{43}$/)
    expect(said).not.toContain(secretIn(text))
    expect(said).toMatch(/^ {2}wrote +\.env +AUTH_SECRET, DATABASE_URL$/m)
    expect(text).toMatch(/^DATABASE_URL=postgres:/m)
    expect(said).toContain('DATABASE_URL in .env is for you to fill')

    const other = newProject()
    await initIn(other)
    expect(secretIn(read(other, '.env'))).not.toBe(secretIn(text))
    expect(read(other, '.env')).not.toContain('DATABASE_URL')
  })

  test.each([
    ['with a line end', 'PORT=1\nNAME="a b"\n', '\n'],
    ['without one', 'PORT=1', '\n\n'],
    ['with those of Windows', 'PORT=1\r\nNAME=x\r\n', '\r\n'],
    ['that is empty', '', ''],
    ['with a byte that is no text', Buffer.from([0x41, 0x3d, 0xff, 0x0a]).toString('latin1'), '\n'],
  ])('of one %s not a byte is changed', async (_, before, gap) => {
    const folder = newProject()
    writeFileSync(join(folder, '.env'), before, { encoding: 'latin1', mode: 0o640 })
    const said = await initIn(folder)
    const after = filesOf(folder)['.env'] as string
    expect(after.slice(0, before.length + gap.length)).toBe(before + gap)
    const added = after.slice(before.length + gap.length)
    const eol = gap === '\r\n' ? '\r\n' : '\n'
    expect(added).toMatch(new RegExp(`^# Pawl[^\r\n]*${eol}AUTH_SECRET=[\\w-]{43}${eol}$`))
    expect(said).toMatch(/^ {2}added to +\.env +AUTH_SECRET$/m)
    expect(modeOf(folder, '.env')).toBe('640')
  })

  test('one that has the names is left alone', async () => {
    const text = 'export AUTH_SECRET = abc\nDATABASE_URL=postgres://x/y'
    const folder = newProject({ files: { '.env': text } })
    expect(await initIn(folder)).toMatch(/^ {2}kept +\.env/m)
    expect(read(folder, '.env')).toBe(text)
  })

  test('a name without a value is left alone, and told', async () => {
    const folder = newProject({ files: { '.env': 'AUTH_SECRET=\n' } })
    expect(await initIn(folder)).toContain('AUTH_SECRET is empty')
    expect(read(folder, '.env')).toBe('AUTH_SECRET=\n')
  })

  test('a URL of the environment is not copied into a file', async () => {
    const folder = newProject()
    await initIn(folder, { env: { DATABASE_URL: 'postgres://me:hidden@x/y' } })
    expect(read(folder, '.env')).not.toMatch(/hidden|DATABASE_URL/)
  })

  test('Next has a second one', async () => {
    const folder = newProject({ uses: ['next'], files: { '.env.local': 'AUTH_SECRET=abc\n', '.env': 'A=1\n' } })
    await initIn(folder)
    expect(read(folder, '.env')).toBe('A=1\n')
  })

  test('says what .gitignore lacks, and does not touch it', async () => {
    const lacks = async (ignore: string | null, uses: string[] = []) => {
      const folder = newProject({ uses, files: ignore === null ? {} : { '.gitignore': ignore } })
      mkdirSync(join(folder, '.git'))
      const said = await initIn(folder)
      if (ignore !== null) expect(read(folder, '.gitignore')).toBe(ignore)
      return /Add to \.gitignore:\n\n((?: {4}.*\n)+)/.exec(said)?.[1]?.trim().split(/\s+/)
    }
    expect(await lacks(null)).toEqual(['.env', 'app.db*'])
    expect(await lacks('node_modules\n')).toEqual(['.env', 'app.db*'])
    expect(await lacks('# .env\n.env.local\n', ['pg'])).toEqual(['.env'])
    expect(await lacks('.env\r\napp.db*\r\n')).toBe(undefined)
    expect(await lacks('/.env\n', ['pg'])).toBe(undefined)
    expect(await lacks('.env*\n*.db*\n')).toBe(undefined)
  })

  test("a repository's own .gitignore counts for the folders in it", async () => {
    const repository = newProject({ files: { '.gitignore': '.env\n', '.git/': '', 'apps/one/package.json': '{}' } })
    expect(await initIn(join(repository, 'apps/one'))).toMatch(/Add to \.gitignore:\n\n {4}app\.db\*\n\n/)
  })
})

describe('the migration', () => {
  test.each<[Record<string, string>, string]>([
    [{}, 'migrations/0001_pawl.sql'],
    [{ 'migrations/0009_users.sql': '' }, 'migrations/0010_pawl.sql'],
    [{ 'migrations/9_users.sql': '', 'migrations/10_x.sql': '', 'migrations/readme.md': '' }, 'migrations/11_pawl.sql'],
    [{ 'db/migrations/001-a.sql': '' }, 'db/migrations/002_pawl.sql'],
    [{ 'db/migrations/20240101120000_a.sql': '' }, 'db/migrations/20261122171450_pawl.sql'],
    [{ 'migrations/1704110400000_a.js': '' }, 'migrations/1795367690000_pawl.sql'],
    [{ 'drizzle/0002_a.sql': '', 'drizzle/meta/_journal.json': '' }, 'drizzle/0003_pawl.sql'],
    [
      { 'prisma/migrations/20240101120000_init/migration.sql': '' },
      'prisma/migrations/20261122171450_pawl/migration.sql',
    ],
  ])('beside %j it is %s', async (files, expected) => {
    const folder = newProject({ files })
    const said = await initIn(folder)
    expect(said).toMatch(new RegExp(`^  wrote +${expected.replaceAll('.', '\\.')}$`, 'm'))
    expect(read(folder, expected)).toContain('create table "pawl_sessions"')
    expect(read(folder, expected).includes('--> statement-breakpoint')).toBe(expected.startsWith('drizzle'))
    expect(said.includes('npx prisma db pull')).toBe(expected.startsWith('prisma'))
    expect(said.includes('drizzle-kit generate --custom')).toBe(expected.startsWith('drizzle'))
    expect(await initIn(folder)).toMatch(/^ {2}kept +\S+_pawl/m)
  })
})
