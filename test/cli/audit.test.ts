import { existsSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, inject, test } from 'vitest'
import { openSqlite } from '../../src/server/sqlite.js'
import { createDatabase } from '../support/engines.js'
import { send } from '../support/guide.js'
import { keptFolder, projectWith } from '../support/refusal.js'
import { runPawl, startServer } from '../support/server.js'

const PASSWORD = 'marked-secret-1-xyz'
const PAWL_SECRET = 'kR7vYw2pQ9sXzL4mN8bT1cF6gH3jD5aE'
const CONFIG = `
  import { auditLog } from 'pawl/extensions/audit'
  export default { extensions: [auditLog()] }
`
const form = (email: string, password = PASSWORD) =>
  new URLSearchParams({
    'user[email]': email,
    'user[password]': password,
    'user[password_confirmation]': password,
  })

const urls: [string, () => Promise<string>][] = [
  ['sqlite', async () => 'sqlite:pawl.db'],
  ...(inject('pawlPostgres') === null
    ? []
    : ([['postgres', () => createDatabase(inject('pawlPostgres') as string)]] as [string, () => Promise<string>][])),
]

/** Runs one statement past the server. */
async function inDatabase(url: string, folder: string, statement: string): Promise<void> {
  if (url.startsWith('sqlite:')) {
    const database = await openSqlite(join(folder, 'pawl.db'))
    await database.prepare(statement).run()
    return database.close()
  }
  const client = new pg.Client(url)
  await client.connect()
  await client.query(statement)
  await client.end()
}

describe.each(urls)('%s', (_, urlOf) => {
  test('pawl audit shows what happened, newest first, while the server runs', { timeout: 60_000 }, async () => {
    const folder = projectWith({ 'pawl.config.js': CONFIG })
    const env = { PAWL_SECRET, DATABASE_URL: await urlOf() }
    const server = await startServer({ folder, env })
    const audit = (...args: string[]) => runPawl(['audit', ...args], { folder, env })
    const lines = async (...args: string[]) => {
      const { code, stdout, stderr } = await audit('--json', ...args)
      expect([code, stderr]).toEqual([0, ''])
      return stdout
        .split('\n')
        .filter(line => line !== '')
        .map(line => JSON.parse(line))
    }
    try {
      expect((await audit()).stdout).toBe('no events\n')
      const api = `${server.url}/api/v1`
      await send(api, 'POST', '/registration', { body: form('ann@example.com') })
      await send(api, 'POST', '/registration', { body: form('bob@example.com') })
      await send(api, 'POST', '/session', { body: form('ann@example.com', 'wrong-1234') })

      const { code, stdout, stderr } = await audit()
      expect([code, stderr]).toEqual([0, ''])
      const table = stdout.trimEnd().split('\n')
      expect(table[0]).toMatch(/^TIME +EVENT +OUTCOME +USER +ADDRESS +DETAIL/)
      expect(table).toHaveLength(6)
      expect(table[1]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z +sign_in\.failed +failure +[0-9a-f-]{36} +127\.0\.0\.1/)

      const all = await lines()
      expect(all.map(({ name }) => name)).toEqual([
        'sign_in.failed',
        'session.created',
        'account.created',
        'session.created',
        'account.created',
      ])
      expect(all[0]).toMatchObject({ outcome: 'failure', address: '127.0.0.1', tenant: '', detail: null })
      const { user_id: id, session_id: session } = all[3]
      expect(await lines('--user', id)).toHaveLength(3)
      expect(await lines('--user', ' ANN@Example.com')).toHaveLength(3)
      expect(await lines('--user', 'somebody')).toHaveLength(0)
      expect(await lines('--user=ann@example.com', '--name=account.created')).toHaveLength(1)
      expect(await lines('--actor', id)).toHaveLength(1)
      expect(await lines('--session', session)).toHaveLength(1)
      expect(await lines('--failed')).toHaveLength(1)
      expect(await lines('--limit=2')).toEqual(all.slice(0, 2))
      expect(await lines('--since=1h')).toHaveLength(5)
      expect(await lines('--until=1h')).toHaveLength(0)
      expect(await lines('--since', new Date(Date.now() + 60_000).toISOString())).toHaveLength(0)
      expect(await lines('--until', '2020-01-31')).toHaveLength(0)
      expect(await lines('--tenant=acme')).toHaveLength(0)

      const nasty = "'\u001b]0;owned\u0007\u001b[31m\u202ered\u200b\u009b\nnext line'"
      await inDatabase(env.DATABASE_URL, folder, `update audit_events set user_agent = ${nasty}, address = ${nasty}`)
      for (const args of [[], ['--json']]) {
        const { stdout: text } = await audit(...args)
        expect(text).not.toMatch(/(?!\n)[\p{C}]/u)
        expect(text.trimEnd().split('\n').length).toBe(args.length > 0 ? 5 : 6)
      }
      expect(JSON.stringify([await lines(), server.output()])).not.toContain(PASSWORD)
      expect((await lines())[0].address).toContain('\u001b[31m\u202ered')
    } finally {
      await server.stop()
    }
  })

  test('a database without the log is told of, with what to do', async () => {
    const folder = keptFolder()
    const env = { PAWL_SECRET, DATABASE_URL: await urlOf() }
    await runPawl(['migrate'], { folder, env: { ...env, PAWL_AUDIT_RETENTION: 'off' } })
    const { code, stdout, stderr } = await runPawl(['audit'], { folder, env })
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^pawl: \S+ has no audit log: add auditLog\(\).*run `npx pawl migrate`\n$/)
  })
})

test('input that is wrong is one line that names it', { timeout: 60_000 }, async () => {
  const folder = keptFolder()
  for (const [args, message] of [
    [['--since=yesterday'], '--since must be'],
    [['--since=2030-13-45'], '--since must be'],
    [['--until=1 day'], '--until must be'],
    [['--limit=0'], '--limit must be'],
    [['--limit=-1'], '--limit must be'],
    [['--user='], '--user is empty'],
    [['--colour'], "Unknown option '--colour'"],
    [['ann@example.com'], 'Unexpected argument'],
  ] as const) {
    const { code, stdout, stderr } = await runPawl(['audit', ...args], { folder })
    expect([code, stdout], args[0]).toEqual([1, ''])
    expect(stderr).toContain(`pawl: ${message}`)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  }
})

test('it makes nothing: no folder and no file', async () => {
  const folder = keptFolder()
  const { code, stderr } = await runPawl(['audit'], { folder })
  expect(code).toBe(1)
  expect(stderr).toMatch(/^pawl: there is no database at \S+pawl\.db: set DATABASE_URL or PAWL_DATA_DIR\n$/)
  expect(existsSync(join(folder, 'pawl-data'))).toBe(false)
})

test('a database that is away and an address that nobody has are told of', async () => {
  const away = { DATABASE_URL: 'postgres://somebody:marked-secret@127.0.0.1:1/db', PAWL_SECRET }
  const refused = await runPawl(['audit'], { folder: keptFolder(), env: away })
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(/^pawl: \S+127\.0\.0\.1:1\/db cannot be read: .*\n$/)
  expect(refused.stderr).not.toContain('marked-secret')

  const folder = projectWith({ 'pawl.config.js': CONFIG })
  const env = { PAWL_SECRET, DATABASE_URL: 'sqlite:pawl.db' }
  await runPawl(['migrate'], { folder, env })
  const nobody = await runPawl(['audit', '--user=eve@example.com'], { folder, env })
  expect([nobody.code, nobody.stdout]).toEqual([1, ''])
  expect(nobody.stderr).toMatch(/^pawl: nobody has "eve@example.com"/)
})
