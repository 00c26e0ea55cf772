import { pbkdf2Sync } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { beforeEach, describe, expect, test } from 'vitest'
import type { SqlDatabase } from '../../../src/index.js'
import { testAuth } from '../../../src/testing/index.js'
import { argon2Hasher } from '../../../src/users/argon2.js'
import { sqlUsers } from '../../../src/users/sql.js'
import { ENGINES, makeTable, RENAMED, SMALL } from '../../support/tables.js'
import {
  authjsJson,
  BCRYPT,
  BETTER,
  betterAuthDump,
  deviseCsv,
  deviseMysql,
  firebaseJson,
  phoenixDump,
  supabaseDump,
  UUIDS,
} from './fixtures.js'
import { fileOf, importInto, NOW } from './imports.js'

const UUID_8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const SECRETS = [BCRYPT, BETTER, '5f4dcc3b5aa765d61d8327deb882cf99', 'ab'.repeat(32)]

describe.each(ENGINES)('on $name', engine => {
  let database: SqlDatabase
  beforeEach(async () => {
    database = (await engine.open()).database
    await database.prepare('delete from users').run()
  })

  test('Phoenix: users of a dump of PostgreSQL, and what is wrong with the others', async () => {
    const path = fileOf(phoenixDump)
    const { counts, lines, users } = await importInto(database, ['--from=phoenix', path])
    expect(counts).toMatchObject({ imported: 2, refused: 5, confirmed: 1, hashes: { bcrypt: 1 } })
    expect(users).toMatchObject([
      { email: 'ada@example.com', password_hash: BCRYPT, role: 'user', tenant: '', suspended_at: null },
      { email: 'bob@example.com', password_hash: null },
    ])
    expect(users[0]?.id).toMatch(UUID_8)
    expect(Number(users[0]?.created_at)).toBe(Date.UTC(2024, 1, 29, 23, 59, 59))
    const first = phoenixDump.split('\n').findIndex(line => line.startsWith('1\tAda')) + 1
    expect(
      lines.filter(({ result }) => result === 'refused').map(({ line, reason }) => [Number(line) - first, reason]),
    ).toEqual(
      [
        [6, 'wrong_number_of_columns'],
        [2, 'bad_address'],
        [4, 'unknown_hash'],
        [5, 'control_characters'],
        [3, 'twice_in_the_source'],
      ].sort(([a], [b]) => Number(a) - Number(b)),
    )
    expect(lines.find(({ old_id }) => old_id === '1')).toMatchObject({ result: 'imported', id: users[0]?.id })
    for (const secret of SECRETS) expect(JSON.stringify(lines)).not.toContain(secret)
  })

  test('Better Auth: passwords that come before their users, in SQL without columns', async () => {
    const { counts, users } = await importInto(database, ['--from=better-auth', fileOf(betterAuthDump)])
    expect(counts).toMatchObject({ imported: 3, passwords: 1, refused: 0, suspended: 1, confirmed: 2 })
    expect(users.map(({ id, email, password_hash }) => [id, email, password_hash])).toEqual([
      [UUIDS.cyd, 'banned@example.com', null],
      [expect.stringMatching(UUID_8), 'one@example.com', BETTER],
      [UUIDS.bob, 'two@example.com', null],
    ])
    expect(Number(users[0]?.suspended_at)).toBe(NOW)
    const again = await importInto(database, ['--from=better-auth', fileOf(betterAuthDump)])
    expect(again.counts).toMatchObject({ imported: 0, already_there: 3, passwords: 0, refused: 0 })
    expect(again.users).toEqual(users)
  })

  test('Supabase: the users of `auth` alone, with their ids; bans, deletions and metadata', async () => {
    const path = fileOf(supabaseDump)
    const { counts, lines, users } = await importInto(database, ['--from=supabase', path])
    expect(counts).toMatchObject({ imported: 2, left_out: 2, refused: 1, suspended: 1 })
    expect(counts.reasons).toEqual({ deleted: 1, anonymous: 1, no_address: 1 })
    expect(users.map(({ id }) => id)).toEqual([UUIDS.ada, UUIDS.bob])
    expect(Number(users[0]?.created_at)).toBe(Date.UTC(2024, 0, 2, 1, 4, 5))
    expect(users[1]?.password_hash).toBe(BCRYPT)
    expect(users[1]?.suspended_at).not.toBe(null)
    for (const secret of SECRETS) expect(JSON.stringify(lines)).not.toContain(secret)
  })

  test('Devise: a dump of MySQL, and CSV with semicolons, a byte order mark and line ends in quotes', async () => {
    const dump = await importInto(database, ['--from=devise', fileOf(deviseMysql)])
    expect(dump.counts).toMatchObject({ imported: 2, refused: 1, suspended: 1, reasons: { no_address: 1 } })
    const sheet = await importInto(database, ['--from=devise', '--locked=ignore', fileOf(deviseCsv)])
    expect(sheet.counts).toMatchObject({ imported: 1, refused: 2 })
    expect(sheet.lines.filter(({ result }) => result === 'refused')).toMatchObject([
      { line: 2, reason: 'bad_address' },
      { line: 5, reason: 'wrong_number_of_columns' },
    ])
    expect(sheet.users.map(({ email }) => email)).toEqual(['ada@example.com', 'fine@example.com', 'locked@example.com'])
  })

  test('Auth.js and Firebase: JSON in an array, a line each, packed, and as it is exported', async () => {
    const inLines = JSON.parse(authjsJson)
      .map((each: object) => JSON.stringify(each))
      .join('\n')
    const authjs = await importInto(database, ['--from=authjs', fileOf(gzipSync(authjsJson))])
    expect(authjs.counts).toMatchObject({ imported: 2, confirmed: 1, refused: 0 })
    const again = await importInto(database, ['--from=authjs', fileOf(inLines)])
    expect(again.counts).toMatchObject({ imported: 0, already_there: 2 })
    const { counts, users } = await importInto(database, ['--from=firebase', fileOf(firebaseJson)])
    expect(counts).toMatchObject({ imported: 2, suspended: 1, hashes: { firebase: 1 } })
    expect(users.find(({ email }) => email === 'f@example.com')?.password_hash).toBe(
      '$firebase-scrypt$c2FsdA==$aGFzaA==',
    )
  })

  test('Pow: somebody who was imported signs in with their old password', async () => {
    const key = pbkdf2Sync('secret1234', 'saltsaltsaltsalt', 1000, 64, 'sha512').toString('base64')
    const hash = `$pbkdf2-sha512$1000$${Buffer.from('saltsaltsaltsalt').toString('base64')}$${key}`
    const path = fileOf(
      `id,email,password_hash,inserted_at,updated_at\n5,Old@Pow.example,${hash},2020-01-01 00:00:00,\n`,
    )
    await importInto(database, ['--from=pow', path])
    const hasher = argon2Hasher()
    const { request } = testAuth({ users: sqlUsers(database), hasher })
    const user = { email: 'old@pow.example', password: 'secret1234' }
    expect((await request('POST', '/session', { json: { user } })).status).toBe(200)
    expect((await request('POST', '/session', { json: { user: { ...user, password: 'secret12345' } } })).status).toBe(
      401,
    )
  })

  test('a dry run says the same and writes nothing', async () => {
    const path = fileOf(supabaseDump)
    const dry = await importInto(database, ['--from=supabase', '--dry-run', path])
    expect(dry.users).toEqual([])
    const real = await importInto(database, ['--from=supabase', path])
    expect({ ...dry.counts }).toEqual({ ...real.counts })
    expect(dry.lines).toEqual(real.lines)
  })

  test('an address that somebody has is refused or skipped, and stays theirs', async () => {
    await sqlUsers(database).insert({ id: UUIDS.cyd, email: 'ada@example.com', passwordHash: null, createdAt: 1 })
    const path = fileOf(supabaseDump)
    const { counts, lines, users } = await importInto(database, ['--from=supabase', path])
    expect(counts).toMatchObject({ imported: 1, reasons: { taken: 1 } })
    expect(lines).toContainEqual(
      expect.objectContaining({ reason: 'taken', old_id: UUIDS.ada, email: 'ada@example.com' }),
    )
    expect(users[0]).toMatchObject({ id: UUIDS.cyd, password_hash: null })
    const skipped = await importInto(database, ['--from=supabase', '--on-taken=skip', path])
    expect(skipped.counts).toMatchObject({ already_there: 1, refused: 1, left_out: 3 })
  })

  test('the password of a row that was refused becomes nobody else’s', async () => {
    await sqlUsers(database).insert({ id: UUIDS.bob, email: 'else@example.com', passwordHash: null, createdAt: 1 })
    const dump = betterAuthDump.replace(`'google','${UUIDS.bob}',NULL`, `'credential','${UUIDS.bob}','${BETTER}'`)
    const { counts, users } = await importInto(database, ['--from=better-auth', fileOf(dump)])
    expect(counts).toMatchObject({ imported: 2, passwords: 1, reasons: { id_taken: 1 } })
    expect(users.find(({ id }) => id === UUIDS.bob)).toMatchObject({ email: 'else@example.com', password_hash: null })
  })

  test('tenants, a table of the app’s own, its fields, and ids of the database', async () => {
    const own = await engine.open()
    const options = await makeTable(own, engine, RENAMED)
    const args = ['--from=supabase', '--tenant=acme', '--map=raw_user_meta_data.full_name=name', fileOf(supabaseDump)]
    const { counts, users } = await importInto(own.database, args, {}, options)
    expect(counts).toMatchObject({ imported: 2 })
    expect(users[0]).toMatchObject({ personId: UUIDS.ada, org: 'acme', displayName: `Ada (L), "A"; it's` })
    const small = await makeTable(own, engine, SMALL)
    const first = await importInto(
      own.database,
      ['--from=better-auth', fileOf(betterAuthDump.replaceAll(',1,NULL)', ',0,NULL)'))],
      {},
      small,
    )
    expect(first.counts).toMatchObject({ imported: 3, passwords: 1, refused: 0 })
    const again = await importInto(
      own.database,
      ['--from=better-auth', fileOf(betterAuthDump.replaceAll(',1,NULL)', ',0,NULL)'))],
      {},
      small,
    )
    expect(again.counts).toMatchObject({ imported: 0, already_there: 3 })
    expect(again.users).toEqual(first.users)
  })
})
