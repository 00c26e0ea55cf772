import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { argon2Hasher, memoryUsers, type PasswordHasher } from '../../src/index.js'
import { openSqlite } from '../../src/server/sqlite.js'
import { cheapHasher, type TestAuth, testAuth } from '../../src/testing/index.js'
import { sqlUsers } from '../../src/users/sql.js'
import { median, millisecondsOf, newEmail, registrationOf, signUpWith, useServer } from '../support/wire.js'

const wire = useServer()

const PHC = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/

async function recordOf({ auth }: TestAuth, email: string): Promise<string> {
  return (await auth.users.findByIdentifier(email))?.passwordHash ?? ''
}

/** An auth whose user has this record, made from `secret1234`. */
async function withRecord(passwordHash: string, hasher: PasswordHasher) {
  const users = memoryUsers()
  const email = newEmail()
  await users.insert({ id: newEmail(), email, passwordHash, createdAt: 0 })
  const made = testAuth({ users, hasher })
  const signIn = (password = 'secret1234') => made.request('POST', '/session', { json: { user: { email, password } } })
  return { made, users, email, signIn }
}

/** A record as Pow wrote it. */
function powRecord(password: string): string {
  const salt = randomBytes(16)
  const key = pbkdf2Sync(password, salt, 100_000, 64, 'sha512')
  return `$pbkdf2-sha512$100000$${salt.toString('base64')}$${key.toString('base64')}`
}

test('P8: the server stores Argon2id with its parameters, at 19 MiB and two passes or more, salted anew', async () => {
  const people = [await wire.signUp(), await wire.signUp()]
  const database = await openSqlite(join(wire.server.folder, 'pawl-data', 'pawl.db'))
  const accounts = await Promise.all(people.map(({ email }) => sqlUsers(database).findByIdentifier(email)))
  database.close()
  const records = accounts.map(account => PHC.exec(account?.passwordHash ?? ''))
  for (const record of records) {
    const [, memory, passes, lanes, salt, tag] = record ?? []
    expect(Number(memory)).toBeGreaterThanOrEqual(19_456)
    expect(Number(passes)).toBeGreaterThanOrEqual(2)
    expect(Number(lanes)).toBeGreaterThanOrEqual(1)
    expect(Buffer.from(salt ?? '', 'base64').length).toBeGreaterThanOrEqual(16)
    expect(Buffer.from(tag ?? '', 'base64').length).toBeGreaterThanOrEqual(32)
  }
  expect(records[0]?.[4]).not.toBe(records[1]?.[4])
})

test('P8: parameters below the floor are refused at the start', () => {
  const weak = [{ memoryKiB: 19_455 }, { iterations: 1 }, { parallelism: 0 }, { memoryKiB: 47_103, iterations: 1 }]
  for (const options of weak) expect(() => argon2Hasher(options)).toThrow(/too weak/)
  expect(() => argon2Hasher({ memoryKiB: 47_104, iterations: 1 })).not.toThrow()
})

test('P9: a sign-in replaces a record with old parameters, and the password works as before', async () => {
  const old = await argon2Hasher().hash('secret1234')
  const { made, email, signIn } = await withRecord(old, argon2Hasher({ iterations: 3 }))
  expect((await signIn('wrong secret')).status).toBe(401)
  expect(await recordOf(made, email)).toBe(old)
  expect((await signIn()).status).toBe(200)
  expect(PHC.exec(await recordOf(made, email))?.[2]).toBe('3')
  expect((await signIn()).status).toBe(200)
  expect((await signIn('wrong secret')).status).toBe(401)
})

test("P9: a sign-in replaces Pow's PBKDF2 record", async () => {
  const { made, email, signIn } = await withRecord(powRecord('secret1234'), argon2Hasher())
  expect((await signIn('wrong secret')).status).toBe(401)
  expect((await signIn()).status).toBe(200)
  expect(await recordOf(made, email)).toMatch(PHC)
  expect((await signIn()).status).toBe(200)
})

test('P9: a stronger record is left alone, and so is one of the same strength', async () => {
  for (const options of [{ iterations: 3 }, { memoryKiB: 24_576 }, {}]) {
    const stored = await argon2Hasher(options).hash('secret1234')
    const { made, email, signIn } = await withRecord(stored, argon2Hasher())
    expect((await signIn()).status).toBe(200)
    expect(await recordOf(made, email)).toBe(stored)
  }
})

test('P9: a record that is stronger in one parameter loses nothing of it', async () => {
  const stored = await argon2Hasher({ memoryKiB: 47_104, iterations: 1 }).hash('secret1234')
  const { made, email, signIn } = await withRecord(stored, argon2Hasher())
  expect((await signIn()).status).toBe(200)
  expect(Number(PHC.exec(await recordOf(made, email))?.[1])).toBeGreaterThanOrEqual(47_104)
})

test('P9: a sign-in succeeds when the new record cannot be stored', async () => {
  const users = memoryUsers()
  const email = newEmail()
  await users.insert({ id: 'one', email, passwordHash: powRecord('secret1234'), createdAt: 0 })
  const failing = testAuth({
    hasher: argon2Hasher(),
    users: {
      ...users,
      update() {
        throw new Error('the disk is full')
      },
    },
  })
  const answer = await failing.request('POST', '/session', { json: { user: { email, password: 'secret1234' } } })
  expect(answer.status).toBe(200)
  const check = await failing.request('GET', '/session', { token: answer.body.data.access_token })
  expect(check.body.data.user.email).toBe(email)
})

test('P10: during 40 concurrent sign-ins a token check stays fast', async () => {
  const { email, password, access } = await wire.signUp()
  let signingIn = true
  const started = performance.now()
  const signIns = Promise.all(Array.from({ length: 40 }, () => wire.signIn({ email, password })))
  const all = signIns.then(() => {
    signingIn = false
    return performance.now() - started
  })
  const checks: number[] = []
  while (signingIn) {
    const check = () => wire.request('GET', '/session', { token: access })
    checks.push(await millisecondsOf(async () => expect((await check()).status).toBe(200)))
  }
  const whole = await all
  expect((await signIns).map(({ status }) => status)).toEqual(Array(40).fill(200))
  // On the main thread, each check would wait for a hash at least.
  expect(checks.length).toBeGreaterThan(40)
  expect(median(checks)).toBeLessThan(whole / 40)
})

test('P10: a full queue answers 503 with Retry-After at once, and serves again when it is empty', async () => {
  const made = testAuth({ hasher: argon2Hasher({ concurrency: 1, queue: 3 }) })
  const { email, password } = await signUpWith(made)
  const signIn = () => made.request('POST', '/session', { json: { user: { email, password } } })
  const answers = await Promise.all(Array.from({ length: 12 }, signIn))
  const statuses = answers.map(({ status }) => status)
  expect(statuses.filter(status => status === 200)).toHaveLength(4)
  const refused = answers.filter(({ status }) => status === 503)
  expect(refused).toHaveLength(8)
  for (const { headers, body } of refused) {
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
    expect(body.error).toMatchObject({ status: 503, reason: 'busy' })
  }
  expect((await signIn()).status).toBe(200)
})

test('P10: no call to the users is under way while a password is hashed', async () => {
  let calls = 0
  const seen: number[] = []
  const users = memoryUsers()
  async function slowly<T>(run: () => T | Promise<T>): Promise<T> {
    calls++
    await new Promise(setImmediate)
    const result = await run()
    calls--
    return result
  }
  const { hash, verify } = cheapHasher()
  const made = testAuth({
    users: {
      ...users,
      findById: id => slowly(() => users.findById(id)),
      findByIdentifier: identifier => slowly(() => users.findByIdentifier(identifier)),
      insert: account => slowly(() => users.insert(account)),
    },
    hasher: {
      hash(password) {
        seen.push(calls)
        return hash(password)
      },
      verify(password, stored) {
        seen.push(calls)
        return verify(password, stored)
      },
    },
  })
  const email = newEmail()
  await made.request('POST', '/registration', { json: registrationOf(email, 'secret1234') })
  await made.request('POST', '/session', { json: { user: { email, password: 'secret1234' } } })
  expect(seen).toEqual([0, 0])
})
