import { expect, test } from 'vitest'
import { COMMON_PASSWORDS } from '../../src/extensions/password-policy/known-passwords.js'
import { type PasswordPolicyOptions, passwordPolicy } from '../../src/extensions/password-policy/password-policy.js'
import { type Extension, Problem } from '../../src/index.js'
import { type TestAuth, testAuth, testExchange } from '../../src/testing/index.js'
import { withTenants } from '../support/tenants.js'
import { newEmail, registrationOf } from '../support/wire.js'

function register({ request }: TestAuth, password: string, email = newEmail(), more: object = {}) {
  const { user } = registrationOf(email, password)
  return request('POST', '/registration', { json: { user: { ...user, ...more } } })
}

/** What is said of a password; null where it is taken. */
async function saidOf(policy: PasswordPolicyOptions, password: string, email = newEmail()): Promise<string[] | null> {
  const { status, body } = await register(testAuth({ extensions: [passwordPolicy(policy)] }), password, email)
  return status === 200 ? null : body.error.errors.password
}

test("P7: the guide's own password registers by default, and what the guide's tests use", async () => {
  for (const password of ['secret1234', 'aaaaaaaa', '  secret12  ', 'wrongpassword', 'é'.repeat(18)]) {
    expect(await saidOf({}, password), password).toBe(null)
  }
})

test('P1: eight characters by default, and fifteen by the preset `nist`, counted as people count', async () => {
  expect(await saidOf({}, 'kzrqmvt')).toEqual(['should be at least 8 character(s)'])
  expect(await saidOf({}, 'kzrqmvtx')).toBe(null)
  for (const short of ['kzrqmvt', 'kzrqmvtxbnwplh', '🔐'.repeat(14), 'e\u0301'.repeat(14)]) {
    expect(await saidOf({ preset: 'nist' }, short), short).toEqual(['should be at least 15 character(s)'])
  }
  for (const long of ['kzrqmvtxbnwplhs', '🔐'.repeat(15), 'a phrase with 🐎'])
    expect(await saidOf({ preset: 'nist' }, long)).toBe(null)
  expect(await saidOf({ minLength: 12 }, 'kzrqmvtxbnw')).toEqual(['should be at least 12 character(s)'])
  expect(await saidOf({ preset: 'nist', minLength: 20 }, 'kzrqmvtxbnwplhs')).toEqual([
    'should be at least 20 character(s)',
  ])
})

test('P1: a stricter `password.minLength` stands, and one that no password could keep is refused', async () => {
  const strict = testAuth({ password: { minLength: 20 }, extensions: [passwordPolicy({ preset: 'nist' })] })
  expect((await register(strict, 'x'.repeat(19))).body.error.errors.password).toEqual([
    'should be at least 20 character(s)',
  ])
  const many: Extension = { name: 'many', minPasswordLength: 65, setup: () => ({}) }
  expect(() => testAuth({ password: { maxLength: 64 }, extensions: [many] })).toThrow(/`password.maxLength`/)
})

test('P6: nothing is asked of the composition', async () => {
  for (const password of [
    'correct horse battery staple',
    'kzrqmvtxbnwplhso',
    '4815162342481516',
    '🐎🔋📎✅ horse bats',
  ])
    expect(await saidOf({ preset: 'nist' }, password)).toBe(null)
})

test('P7: the list holds more than the three thousand commonest, none of which is the guide’s', () => {
  const list = COMMON_PASSWORDS.trim().split(/\s+/)
  expect(new Set(list).size).toBe(list.length)
  expect(list.length).toBeGreaterThan(3000)
  for (const password of list) {
    expect(password.length).toBeGreaterThanOrEqual(8)
    expect(password).toBe(password.toLowerCase())
  }
  expect(list).not.toContain('secret1234')
})

test('P7: the commonest are refused in whatever case, and only whole', async () => {
  for (const common of ['corvette', 'Corvette', 'CORVETTE', 'marlboro', '13101988']) {
    expect(await saidOf({}, common), common).toEqual(['is too common'])
    expect(await saidOf({ common: false }, common), common).toBe(null)
  }
  for (const other of ['corvette horse', 'my corvette', 'c0rvette']) expect(await saidOf({}, other), other).toBe(null)
})

test('P7: a password that leans on the own address is refused', async () => {
  const email = 'Jane.Doe+shop@mail.example.com'
  for (const own of [
    'jane.doe1',
    'JaneDoe1980',
    'J4ne_D0e!!',
    'xx jane doe xx',
    'ＪａｎｅＤｏｅ99',
    'example99',
    'jan3d0e-janedoe',
  ]) {
    expect(await saidOf({}, own, email), own).toEqual(['contains your email'])
  }
  for (const other of ['jane1980 kzrq', 'correct jane.doe battery staple', 'kzrqmvtx', 'com.com.com']) {
    expect(await saidOf({}, other, email), other).toBe(null)
  }
  // Three letters are in too many words.
  expect(await saidOf({}, 'ann-kzrq-mv', 'ann@web.de')).toBe(null)
})

test('P7: a password that leans on the own name is refused', async () => {
  const made = testAuth({ identifiers: ['username'], extensions: [passwordPolicy()] })
  const said = async (password: string, username: string) => {
    const { body } = await register(made, password, undefined, { username })
    return body.error?.errors.password ?? null
  }
  expect(await said('Milton-2024', 'milton')).toEqual(['contains your username'])
  expect(await said('M1LT0N!!!!', 'milton2')).toBe(null)
  expect(await said('M1LT0N!!!!', 'milton')).toEqual(['contains your username'])
  // A 1 stands for an l as well.
  expect(await said('mi1ton-99', 'milton')).toEqual(['contains your username'])
  expect(await said('kzrq-mvtx', 'milton3')).toBe(null)
})

test('P7: a password that leans on a word of yours is refused', async () => {
  const words = ['acme', 'Road Runner']
  for (const own of [
    'acme-2024',
    'ACME1234',
    '4cm3-4cm3-4cm3-4cm3',
    'acme-corp',
    'acme-01-02-1990',
    'roadrunner!',
    'R0ad_Runner9',
  ]) {
    expect(await saidOf({ words }, own), own).toEqual(['contains a word that is easily guessed'])
  }
  for (const other of ['acne-2024', 'acme-corp-rocks', 'correct horse acme battery'])
    expect(await saidOf({ words }, other)).toBe(null)
})

test('the rules hold wherever a password is chosen', async () => {
  const policy = passwordPolicy({ words: ['acme'] })
  const made = testAuth({ extensions: [policy] })
  const said = { password: ['contains a word that is easily guessed'] }
  const bad = 'acme-2024'
  const email = newEmail()

  const registered = await register(made, 'secret1234', email)
  expect((await register(made, bad)).body.error.errors).toEqual(said)
  const token = registered.body.data.access_token
  const change = { password: bad, password_confirmation: bad, current_password: 'secret1234' }
  const changed = await made.request('PATCH', '/registration', { token, json: { user: change } })
  expect(changed.body.error.errors).toEqual(said)
  const { auth } = made
  const user = await auth.system.findUserBy(email)
  if (!user) throw new Error('nobody was registered')
  await expect(auth.system.createUser({ email: newEmail(), password: bad })).rejects.toMatchObject({ errors: said })
  await expect(auth.system.setPassword(user.id, bad)).rejects.toMatchObject({ errors: said })
  const ctx = await auth.open(testExchange('POST', '/mine'))
  const given = { email: newEmail(), password: bad, password_confirmation: bad }
  await expect(auth.accounts.create(ctx, given)).rejects.toMatchObject({ errors: said })
  expect(await auth.extension(policy).check(ctx, bad)).toBe(said.password[0])
  expect(await auth.extension(policy).check(ctx, 'jane-2024', { email: 'jane@example.com' })).toBe(
    'contains your email',
  )
  expect(await auth.extension(policy).check(ctx, 'secret1234')).toBe(null)
  expect((await made.request('POST', '/session', { json: { user: { email, password: 'secret1234' } } })).status).toBe(
    200,
  )
})

test('the rules hold where extensions make users and new passwords', async () => {
  let tools: Parameters<Extension['setup']>[0] | undefined
  const other: Extension = {
    name: 'other',
    setup(given) {
      tools = given
      return {}
    },
  }
  const { auth } = testAuth({ extensions: [passwordPolicy({ preset: 'nist', words: ['acme'] }), other] })
  const ctx = await auth.open(testExchange('POST', '/mine'))
  const sent = (password: string) => ({ password, password_confirmation: password })
  const user = await auth.system.createUser({ email: 'jane@example.com' })
  for (const [password, message] of [
    ['acme acme acme acme', 'contains a word that is easily guessed'],
    ['jane-jane-jane-jane', 'contains your email'],
    ['kzrqmvtxbnwplh', 'should be at least 15 character(s)'],
  ] as const) {
    const errors = { password: [message] }
    await expect(tools?.enrolment.hashNew(ctx, user, sent(password))).rejects.toMatchObject({ errors })
    if (message.includes('email')) continue
    await expect(tools?.enrolment.add(ctx, { email: newEmail(), ...sent(password) })).rejects.toMatchObject({ errors })
  }
})

test('a password that no longer keeps the rules still signs in', async () => {
  const before = testAuth()
  const email = newEmail()
  await register(before, 'secret1234', email)
  const { users, store } = before.auth
  const after = testAuth({ users, store, extensions: [passwordPolicy({ preset: 'nist', words: ['secret'] })] })
  expect((await after.request('POST', '/session', { json: { user: { email, password: 'secret1234' } } })).status).toBe(
    200,
  )
})

test('the rules hold for the users of each tenant', async () => {
  const { auth } = withTenants({ extensions: [passwordPolicy({ words: ['acme'] })] })
  for (const tenant of ['a', 'b']) {
    const { createUser } = auth.system.of(tenant)
    await expect(createUser({ email: newEmail(), password: 'acme-2024' })).rejects.toThrow(Problem)
    await createUser({ email: newEmail(), password: 'secret1234' })
  }
})

test('wrong options are refused at the start, by name', () => {
  const wrong: [object, RegExp][] = [
    [{ preset: 'iso' }, /`preset`/],
    [{ preset: 'toString' }, /`preset`/],
    [{ minLength: 7 }, /`minLength` must be a whole number from 8 to 64/],
    [{ minLength: 65 }, /`minLength`/],
    [{ preset: 'nist', minLength: 14 }, /from 15 to 64/],
    [{ common: 'yes' }, /`common`/],
    [{ words: 'acme' }, /`words`/],
    [{ words: ['ab'] }, /`words`/],
    [{ words: [7] }, /`words`/],
    [{ breached: 'yes' }, /`breached`/],
    [{ breached: { uri: '' } }, /unknown option `breached.uri`/],
    [{ breached: { url: 'range' } }, /`breached.url`/],
    [{ breached: { url: 'ftp://example.com/' } }, /`breached.url`/],
    [{ breached: { url: 'https://me:too@example.com/' } }, /`breached.url`/],
    [{ breached: { url: 'https://example.com/#' } }, /`breached.url`/],
    [{ breached: { timeoutMs: 0 } }, /`breached.timeoutMs`/],
    [{ breached: { minCount: 0 } }, /`breached.minCount`/],
    [{ length: 9 }, /unknown option `length`/],
  ]
  for (const [options, message] of wrong) {
    expect(() => passwordPolicy(options as PasswordPolicyOptions), JSON.stringify(options)).toThrow(TypeError)
    expect(() => passwordPolicy(options as PasswordPolicyOptions), JSON.stringify(options)).toThrow(message)
  }
  expect(() => passwordPolicy({ breached: true })).not.toThrow()
})
