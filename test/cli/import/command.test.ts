import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { describe, expect, inject, test } from 'vitest'
import { openSqlite } from '../../../src/server/sqlite.js'
import { createDatabase } from '../../support/engines.js'
import { keptFolder } from '../../support/refusal.js'
import { runPawl } from '../../support/server.js'
import { BCRYPT, betterAuthDump, phoenixDump, supabaseDump } from './fixtures.js'

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
const env = { PAWL_SECRET: 'a secret for tests and for tests alone' }

/** A folder with a migrated database of its own. */
async function project(more: Record<string, string> = {}) {
  const folder = keptFolder()
  const all = { env: { ...env, ...more }, folder }
  expect((await runPawl(['migrate'], all)).code).toBe(0)
  return { folder, run: (...args: string[]) => runPawl(['import', ...args], all), all }
}

function written(folder: string, text: string, name = 'dump.sql'): string {
  writeFileSync(join(folder, name), text)
  return name
}

test('exits with 0 when all went in or were there, with 1 for refused rows, with 2 for wrong use', async () => {
  const { folder, run } = await project()
  const good = written(folder, `email,password_hash\na@example.com,${BCRYPT}\nb@example.com,\n`, 'good.csv')
  const first = await run('--from=csv', '--yes', good)
  expect(first).toMatchObject({ code: 0, stderr: '' })
  expect(first.stdout).toMatch(/imported {7}2/)
  expect(first.stdout).toMatch(/importedHashes }`: bcrypt\. bcrypt needs `npm install @node-rs\/bcrypt`/)
  const second = await run('--from=csv', '--yes', '--json', good)
  expect(second.code).toBe(0)
  expect(JSON.parse(second.stdout)).toMatchObject({ imported: 0, already_there: 2 })
  expect(existsSync(join(folder, 'good.csv.pawl-import'))).toBe(false)

  const dump = written(folder, phoenixDump)
  const mixed = await run('--from=phoenix', '--yes', '--report=report.jsonl', dump)
  expect(mixed.code).toBe(1)
  const report = readFileSync(join(folder, 'report.jsonl'), 'utf8')
  expect(
    report
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
      .filter(({ result }) => result === 'refused'),
  ).toHaveLength(5)
  expect(statSync(join(folder, 'report.jsonl')).mode & 0o777).toBe(0o600)
  for (const text of [report, mixed.stdout, mixed.stderr]) {
    expect(text).not.toContain(BCRYPT)
    expect(text).not.toContain('5f4dcc3b5aa765d61d8327deb882cf99')
  }

  for (const [args, message] of [
    [['--from=clerk', dump], /--from must be pow or/],
    [['--from=pow'], /name the file/],
    [['--from=phoenix', dump], /say --yes/],
    [['--from=phoenix', '--yes', 'nowhere.sql'], /there is no file nowhere\.sql/],
    [['--from=phoenix', '--yes', `--report=${dump}`, dump], /named twice/],
    [['--from=phoenix', '--yes', '--report=good.csv', dump], /is no report/],
    [['--from=phoenix', '--yes', '--map=x=nickname', dump], /nothing keeps nickname/],
    [['--from=phoenix', '--yes', '--tenant=acme', dump], /no `tenant`/],
    [['--from=phoenix', '--yes', '--table=people', dump], /no row of users/],
    [['--from=devise', '--sessions', '--yes', dump], /--sessions/],
    [['--from=phoenix', '--unknown', dump], /unknown/],
    [['--from=pow', '--yes', 'pawl-data/pawl.db'], /is a database/],
  ] as const) {
    if (args.at(-1) === 'pawl-data/pawl.db') await run('--from=csv', '--yes', good)
    const { code, stderr } = await run(...args)
    expect([args, code]).toEqual([args, 2])
    expect(stderr).toMatch(message)
  }
})

test('a database without tables is refused, and says what to run', async () => {
  const folder = keptFolder()
  const dump = written(folder, supabaseDump)
  const { code, stderr } = await runPawl(['import', '--from=supabase', '--yes', dump], { env, folder })
  expect(code).toBe(2)
  expect(stderr).toMatch(/run `npx pawl migrate` first/)
})

test('live sessions need the secret of the server, and go where its sessions are', async () => {
  const { folder, run } = await project()
  const dump = written(folder, betterAuthDump)
  const { code, stdout } = await run('--from=better-auth', '--yes', '--sessions', '--json', dump)
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ imported: 3, passwords: 1, sessions: 1 })
  const { code: refused, stderr } = await runPawl(['import', '--from=better-auth', '--yes', '--sessions', dump], {
    folder,
  })
  expect([refused, stderr]).toEqual([2, expect.stringMatching(/needs the secret of the server/)])
})

const MANY = 30_000
const emailOf = (index: number) => `person${index}@example.com`

function manyUsers(): string {
  const rows = Array.from(
    { length: MANY },
    (_, index) => `${index + 1},${emailOf(index)},${BCRYPT},2024-01-01 00:00:00`,
  )
  return `id,email,encrypted_password,created_at\n${rows.join('\n')}\nx,not an address,,\n`
}

const TARGETS = ['sqlite', ...(inject('pawlPostgres') === null ? [] : ['postgres'])]

describe.each(TARGETS)('killed on %s', kind => {
  test('again and again: each user is there exactly once in the end, and each row once in the report', {
    timeout: 60_000,
  }, async () => {
    const url = kind === 'sqlite' ? null : await createDatabase(inject('pawlPostgres') as string)
    const { folder, all, run } = await project(url === null ? {} : { DATABASE_URL: url })
    const file = written(folder, manyUsers(), 'users.csv')
    const args = ['import', '--from=devise', '--yes', '--json', '--report=report.jsonl', file]
    let kills = 0
    for (let round = 1; round <= 4; round++) {
      const child = spawn(process.execPath, [MAIN, ...args], {
        cwd: folder,
        env: { PATH: process.env.PATH, ...all.env },
        stdio: 'ignore',
      })
      const closed = once(child, 'close')
      const checkpoint = join(folder, 'users.csv.pawl-import')
      const rowsOf = () => {
        try {
          return JSON.parse(readFileSync(checkpoint, 'utf8')).rows as number
        } catch {
          return 0
        }
      }
      const from = rowsOf()
      while (child.exitCode === null && rowsOf() < from + 1500) await pause(2)
      if (child.kill('SIGKILL') && child.exitCode === null) kills++
      await closed
    }
    expect(kills).toBeGreaterThan(1)
    const last = await run('--from=devise', '--yes', '--json', '--report=report.jsonl', file)
    expect(last.code).toBe(1)
    const counts = JSON.parse(last.stdout)
    expect(counts.imported + counts.already_there).toBe(MANY)
    expect(counts.refused).toBe(1)

    const sql = 'select count(*) as all_rows, count(distinct email) as emails from users'
    if (url === null) {
      const database = await openSqlite(join(folder, 'pawl-data', 'pawl.db'))
      expect(database.prepare(sql).get()).toEqual({ all_rows: MANY, emails: MANY })
      database.close()
    } else {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      expect((await client.query(sql)).rows).toEqual([{ all_rows: String(MANY), emails: String(MANY) }])
      await client.end()
    }
    const lines = readFileSync(join(folder, 'report.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    const told = lines.filter(({ old_id }) => old_id !== undefined).map(({ old_id }) => old_id)
    expect(told).toHaveLength(MANY)
    expect(new Set(told).size).toBe(MANY)
    expect(lines.filter(({ result }) => result === 'refused')).toHaveLength(1)
  })
})
