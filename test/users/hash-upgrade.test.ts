import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { argon2Hasher, type UserRepository } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'
import { firebaseHashes, importedHashes } from '../../src/users/hashes/index.js'
import { sqlUsers } from '../../src/users/sql.js'
import { ENGINES, type OwnDatabase } from '../support/tables.js'

const PROJECT = {
  signerKey: 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
  saltSeparator: 'Bw==',
}
const BCRYPT = '$2b$04$WOl7cHLbNjGPOPZYQ98ixOV.mvF0Gi8UdBMmTsDz9OEy2yHCIedie'
/** Of `secret1234`; imported-hashes.test.ts says where they are from. */
const OLD = {
  bcrypt: BCRYPT,
  'Better Auth':
    '3bf080c8bb2f5e0e63290309e2c7bdfa:be5139337d60c8597873f12725c9ca30f8b06d84fb89c924056483986ebdafb96d7b65a450e7b5731635f7193c4301075b8f79fc0c5a75fafe34fe28d212c90e',
  Firebase:
    '$firebase-scrypt$42xEC+ixf3L2lw==$RncyILged5MTePe4z/DVB1RKjw+REH+dxxVPzwDanvpYVaEDNFKCrjgXmjmyp8PkcTVW/R4LL2ZTI6aaD74t9A==',
  Django: 'pbkdf2_sha256$260000$QsfSWiFOXc4lsg66VVSmyH$pbo+fOeyFbx/SCFRIM96xJm6j5Jkly2cS0EXwAFU170=',
  'Argon2 of others': '$argon2i$v=19$m=4096,t=2,p=2$jxEixBhD6H0vRYgxRgiBkA$/bqg+74PWg7vLrFQBKXoew',
} as const

describe.each(ENGINES)('on $name', ({ open }) => {
  let own: OwnDatabase
  beforeAll(async () => {
    own = await open()
  })

  /** An auth whose user came with this hash. */
  async function withHash(passwordHash: string, change: (users: UserRepository) => UserRepository = users => users) {
    const users = sqlUsers(own.database)
    const email = `${randomUUID()}@example.com`
    const { user } = await users.insert({ id: randomUUID(), email, passwordHash, createdAt: 1 })
    const hasher = argon2Hasher({ reads: [...importedHashes, firebaseHashes(PROJECT)] })
    const { request, events } = testAuth({
      users: change(users),
      hasher,
      store: own.storeWith({ now: Date.now }),
      now: Date.now,
      deadlineMs: 20_000,
    })
    return {
      events,
      signIn: (password = 'secret1234') => request('POST', '/session', { json: { user: { email, password } } }),
      check: (token: string) => request('GET', '/session', { token }),
      account: async () => {
        const account = await users.findById(user.id)
        if (!account) throw new Error('the account is gone')
        return account
      },
    }
  }

  test.each(Object.entries(OLD))('a sign-in replaces a hash of %s, and ends nothing', async (_kind, old) => {
    const { signIn, check, account } = await withHash(old)
    const before = await account()
    expect((await signIn('secret1235')).status).toBe(401)
    expect(await account()).toEqual(before)
    const first = await signIn()
    expect(first.status).toBe(200)
    const after = await account()
    expect(after.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(after).toEqual({ ...before, passwordHash: after.passwordHash })
    expect((await signIn()).status).toBe(200)
    expect((await account()).passwordHash).toBe(after.passwordHash)
    expect((await check(first.body.data.access_token)).status).toBe(200)
    expect((await signIn('secret1235')).status).toBe(401)
  })

  test('a password above 72 bytes is whole from its first sign-in on', async () => {
    // bcryptjs 3, of 40 times `ü`.
    const old = '$2b$04$IEFTMBl/fHuWQl4.zelSgeYcHr0PmiKTBI4dwkS2ETbrmZCXE61eO'
    const { signIn } = await withHash(old)
    expect((await signIn('ü'.repeat(40))).status).toBe(200)
    expect((await signIn('ü'.repeat(36))).status).toBe(401)
    expect((await signIn('ü'.repeat(39))).status).toBe(401)
    expect((await signIn('ü'.repeat(40))).status).toBe(200)
  })

  test('a sign-in succeeds where the new hash cannot be stored, and the old one stays', async () => {
    const { signIn, check, account, events } = await withHash(BCRYPT, users => ({
      ...users,
      update: () => Promise.reject(new Error('the disk is full')),
    }))
    const { status, body } = await signIn()
    expect(status).toBe(200)
    expect((await check(body.data.access_token)).status).toBe(200)
    expect((await account()).passwordHash).toBe(BCRYPT)
    expect(events.map(({ name }) => name)).toContain('password.outdated')
  })

  test('of fifty sign-ins at once all succeed, and one good hash is left', async () => {
    const { signIn, check, account } = await withHash(BCRYPT)
    const answers = await Promise.all(Array.from({ length: 50 }, () => signIn()))
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
    const { passwordHash, credentialEpoch } = await account()
    expect(passwordHash).toMatch(/^\$argon2id\$/)
    expect(credentialEpoch).toBe(0)
    for (const { body } of answers) expect((await check(body.data.access_token)).status).toBe(200)
    expect((await signIn()).status).toBe(200)
    expect((await account()).passwordHash).toBe(passwordHash)
  })

  test('a hash nobody reads is a wrong password and an event', async () => {
    const old = `$2b$31$${'a'.repeat(53)}`
    const { signIn, account, events } = await withHash(old)
    expect((await signIn()).status).toBe(401)
    expect((await account()).passwordHash).toBe(old)
    expect(events.map(({ name }) => name)).toContain('password.unreadable')
  })
})
