import { readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { keptFolder } from '../support/refusal.js'
import { runPawl } from '../support/server.js'
import { type Described, filesOf, initIn, newProject, write } from './projects.js'

describe('what is there stays', () => {
  const everything = {
    'auth.ts': '// mine\n',
    'app/api/v1/[...pawl]/route.ts': '// mine too\n',
    '.env': 'AUTH_SECRET=x\nDATABASE_URL=y\n',
    '.gitignore': 'node_modules\n',
    'migrations/0007_pawl.sql': '-- mine\n',
    'tsconfig.json': '{ }',
  }

  test('not a byte of any file is changed, and what it would have written is shown', async () => {
    const folder = newProject({ uses: ['next', 'pg'], files: everything })
    const before = filesOf(folder)
    const { code, stdout, stderr } = await runPawl(['init'], { folder })
    expect([code, stderr]).toEqual([0, ''])
    expect(filesOf(folder)).toEqual(before)
    expect([...stdout.matchAll(/^ {2}(\S+) /gm)].map(([, verb]) => verb)).toEqual(['kept', 'kept', 'kept', 'kept'])
    expect(stdout).toContain('    const pool = kept.pawlPool')
    expect(stdout).toContain('    export const { GET, HEAD, POST, PUT, PATCH, DELETE } = authHandlers(auth)\n')
    expect(stdout).not.toContain('create table')
  })

  test('a file of the same name with another ending is in the way as well', async () => {
    const folder = newProject({ files: { 'auth.js': '// mine\n' } })
    expect(await initIn(folder)).toMatch(/^ {2}kept +auth\.js$/m)
    expect(Object.keys(filesOf(folder))).not.toContain('auth.mjs')
  })

  test('a link that leads nowhere is there too', async () => {
    const folder = newProject()
    symlinkSync(join(folder, 'elsewhere.mjs'), join(folder, 'auth.mjs'))
    expect(await initIn(folder)).toMatch(/^ {2}kept +auth\.mjs$/m)
    expect(readdirSync(folder)).not.toContain('elsewhere.mjs')
  })

  test.each<Described>([
    { uses: ['next', 'pg'], develops: ['typescript'] },
    { uses: ['express'], files: { '.env': 'PORT=1' } },
    { files: { 'prisma/migrations/': '' } },
  ])('twice is once: %j', async described => {
    const folder = newProject(described)
    const first = await initIn(folder)
    const once = filesOf(folder)
    expect(Object.keys(once).length).toBeGreaterThan(3)
    const second = await initIn(folder)
    expect(filesOf(folder)).toEqual(once)
    expect(first).toMatch(/^ {2}wrote /m)
    expect(second).not.toMatch(/^ {2}(?:wrote|added)|left alone/m)
  })

  test('with --dry-run nothing is written, and it says what would be', async () => {
    const folder = newProject({ uses: ['hono'], files: { '.env': 'PORT=1\n' } })
    const before = filesOf(folder)
    await initIn(folder, {}, true)
    expect(filesOf(folder)).toEqual(before)
    const { code, stdout } = await runPawl(['init', '--dry-run'], { folder })
    expect(code).toBe(0)
    expect(filesOf(folder)).toEqual(before)
    expect(readdirSync(folder).sort()).toEqual(['.env', 'package.json'])
    expect(stdout).toMatch(/^ {2}would write +auth\.mjs$/m)
    expect(stdout).toMatch(/^ {2}would add to +\.env +AUTH_SECRET$/m)
    expect(stdout).toContain("from 'pawl/hono'")
    expect(stdout).not.toMatch(/[\w-]{43}/)
  })
})

describe('refusals', () => {
  test.each<[string, string[], RegExp]>([
    ['a flag it does not know', ['--frame=next'], /^pawl: .*'--frame'/],
    ['a framework it does not know', ['--framework=rails'], /^pawl: --framework must be next, nest, .*node\n$/],
    ['a database it does not know', ['--database=mysql'], /^pawl: --database must be postgres, sqlite\n$/],
    ['a flag without its value', ['--database'], /^pawl: .*--database/],
    ['a word', ['here'], /^pawl: .*'here'/],
  ])('%s', async (_, flags, message) => {
    const folder = newProject()
    const { code, stdout, stderr } = await runPawl(['init', ...flags], { folder })
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(message)
    expect(Object.keys(filesOf(folder))).toEqual(['package.json'])
  })

  test('a folder without package.json', async () => {
    const folder = keptFolder()
    const { code, stderr } = await runPawl(['init'], { folder })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^pawl: there is no package\.json in .*: run `npm init` first\n$/)
    expect(readdirSync(folder)).toEqual([])
  })

  test.each(['{', '[]', 'null', '"text"'])('a package.json that holds %s', async text => {
    const folder = newProject()
    write(folder, { 'package.json': text })
    await expect(initIn(folder)).rejects.toThrow(/package\.json (?:cannot be read|must hold a JSON object)/)
    expect(Object.keys(filesOf(folder))).toEqual(['package.json'])
  })

  test('flags of other commands, and commands that are none', async () => {
    const said = async (...args: string[]) => (await runPawl(args, { folder: keptFolder() })).stderr
    expect(await said('keys', '--print')).toContain("'--print'")
    expect(await said('migrate', '--dry-run')).toContain("'--dry-run'")
    expect(await said('innit')).toBe('pawl: unknown command: innit; see pawl --help\n')
    expect(await said('--dry-run')).toBe('pawl: unknown option: --dry-run; see pawl --help\n')
  })

  test('help tells of it', async () => {
    const { stdout } = await runPawl(['init', '--help'], { folder: keptFolder() })
    expect(stdout).toContain('--framework=next|nest|express|fastify|hono|koa|node')
  })
})
