import { expect, test, vi } from 'vitest'
import { addressBlock } from '../../src/extensions/security-notices/address-block.js'
import { deviceName } from '../../src/extensions/security-notices/device-name.js'
import { type SecurityNoticesOptions, securityNotices } from '../../src/extensions/security-notices/security-notices.js'
import {
  type AuthOptions,
  type BaseUser,
  cookieSessions,
  type Exchange,
  type Extension,
  type ExtensionTools,
  memoryStore,
  memoryUsers,
  Problem,
  type Store,
} from '../../src/index.js'
import { migrate } from '../../src/migrations.js'
import { type TestRequest, testAuth, testClock, testExchange } from '../../src/testing/index.js'
import { sqlUsers } from '../../src/users/sql.js'
import { newDatabase } from '../support/database.js'
import { letters } from '../support/letters.js'

const DAY = 86_400_000
const PASSWORD = 'secret1234'
const EMAIL = 'ann@example.com'
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0'
const CHROME =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36'
const HOME = { headers: { 'user-agent': FIREFOX }, address: '198.51.100.7' }
const AWAY = { headers: { 'user-agent': CHROME }, address: '203.0.113.9' }

async function withAnn(
  options: SecurityNoticesOptions = {},
  rest: Partial<AuthOptions> = {},
  from: TestRequest = HOME,
) {
  const post = letters()
  const { extensions = [], ...others } = rest
  const made = testAuth({ extensions: [post.extension, securityNotices(options), ...extensions], ...others })
  const user = { email: EMAIL, password: PASSWORD, password_confirmation: PASSWORD }
  const { body } = await made.request('POST', '/registration', { json: { user }, ...from })
  const signIn = (request: TestRequest = HOME, password = PASSWORD) =>
    made.request('POST', '/session', { json: { user: { email: EMAIL, password } }, ...request })
  const told = async (kind = 'new_device') => (await post.all(kind)).length
  const change = (user: object, request: TestRequest = HOME) =>
    made.request('PATCH', '/registration', {
      token: body.data.access_token,
      json: { user: { current_password: PASSWORD, ...user } },
      ...request,
    })
  return { ...made, post, signIn, told, change, pair: body.data }
}

test('a sign-in from a device and a network that are both new is told, in words, and once', async () => {
  const { signIn, post, told, clock } = await withAnn()
  expect(await told()).toBe(0)
  await signIn(HOME)
  expect(await told()).toBe(0)
  expect((await signIn(AWAY)).status).toBe(200)
  expect(await post.all()).toEqual([
    {
      kind: 'new_device',
      to: EMAIL,
      facts: { device: 'Chrome on macOS', address: '203.0.113.9', time: new Date(clock.now()).toISOString() },
    },
  ])
  await signIn(AWAY)
  await signIn(HOME)
  expect(await told()).toBe(1)
})

test('the same device elsewhere, and another device at home, are known', async () => {
  const { signIn, told } = await withAnn()
  await signIn({ ...HOME, address: '203.0.113.9' })
  await signIn({ ...AWAY, address: '198.51.100.200' })
  await signIn({ headers: { 'user-agent': CHROME }, address: '192.0.2.1' })
  expect(await told()).toBe(0)
  await signIn({ headers: { 'user-agent': 'curl/8' }, address: '192.0.3.1' })
  expect(await told()).toBe(1)
})

test('a device is forgotten once it was not used for as long', async () => {
  const { signIn, told, clock } = await withAnn({ deviceMemory: '90d' })
  clock.advance(60 * DAY)
  await signIn(HOME)
  clock.advance(89 * DAY)
  await signIn(HOME)
  expect(await told()).toBe(0)
  clock.advance(90 * DAY)
  await signIn(HOME)
  expect(await told()).toBe(1)
})

test('each device is forgotten by itself, whatever else was used since', async () => {
  const { signIn, told, clock } = await withAnn({ deviceMemory: '90d' })
  await signIn(AWAY)
  expect(await told()).toBe(1)
  clock.advance(60 * DAY)
  await signIn(HOME)
  clock.advance(29 * DAY)
  await signIn(AWAY)
  expect(await told()).toBe(1)
  clock.advance(60 * DAY)
  await signIn(HOME)
  clock.advance(31 * DAY)
  await signIn(AWAY)
  expect(await told()).toBe(2)
})

test('of an account that is made while another is signed in, the device is theirs who sign in with it', async () => {
  let tools: ExtensionTools | null = null
  const maker: Extension = {
    name: 'maker',
    setup(given) {
      tools = given
      return {}
    },
  }
  for (const signsIn of [true, false]) {
    const { auth, pair, post, request } = await withAnn({}, { extensions: [maker] })
    const { enrolment } = tools as unknown as ExtensionTools
    const ctx = await auth.open(testExchange('POST', '/mine', { token: pair.access_token, ...AWAY }))
    const other = { email: 'other@example.com', password: PASSWORD, password_confirmation: PASSWORD }
    const { user } = await enrolment.add(ctx, other)
    if (signsIn) await auth.accounts.signIn(ctx, user, { methods: ['pwd'] })
    expect(await auth.send(ctx)).toBe(null)
    expect(await post.all()).toEqual([])
    expect((await request('POST', '/session', { json: { user: other }, ...AWAY })).status).toBe(200)
    expect(await post.all('new_device')).toHaveLength(signsIn ? 0 : 1)
  }
})

test('nobody is told of a sign-in that failed, was refused or was not stored', async () => {
  const { now } = testClock()
  const store = memoryStore({ now })
  let away = false
  const insert: Store['sessions']['insert'] = session => {
    if (away) throw new Error('connection refused')
    return store.sessions.insert(session)
  }
  let refuses = false
  const door: Extension = {
    name: 'door',
    setup: () => ({
      hooks: {
        signingIn() {
          if (refuses) throw new Problem('second_factor', { status: 403 })
        },
      },
    }),
  }
  const cut = { ...store, sessions: { ...store.sessions, insert } }
  const { signIn, told } = await withAnn({}, { store: cut, now, extensions: [door] })
  expect((await signIn(AWAY, 'wrong')).status).toBe(401)
  refuses = true
  expect((await signIn(AWAY)).status).toBe(403)
  refuses = false
  away = true
  expect((await signIn(AWAY)).status).toBe(503)
  expect(await told()).toBe(0)
  away = false
  expect((await signIn(AWAY)).status).toBe(200)
  expect(await told()).toBe(1)
})

test('a look-up that fails refuses no sign-in, and is an event', async () => {
  const { now } = testClock()
  const store = memoryStore({ now })
  const away = () => Promise.reject(new Error('connection refused'))
  const values = { ...store.values, get: away, put: away, increment: away, delete: away }
  const made = await withAnn({}, { store: { ...store, values }, now })
  expect((await made.signIn(AWAY)).status).toBe(200)
  expect(await made.told()).toBe(0)
  const failed = made.events.filter(({ name }) => name === 'security_notices.failed')
  expect(failed.length).toBeGreaterThan(0)
  expect(failed.at(-1)).toMatchObject({ userId: expect.any(String), detail: 'new_device' })
  expect(String(made.errors)).toContain('unavailable')
})

test('the mails are bounded, the sign-ins are not', async () => {
  const { signIn, told, clock } = await withAnn()
  for (let n = 0; n < 60; n++) {
    const request = { headers: { 'user-agent': `script/${n}` }, address: `203.0.${n}.1` }
    expect((await signIn(request)).status).toBe(200)
  }
  expect(await told()).toBe(10)
  clock.advance(DAY)
  await signIn({ headers: { 'user-agent': 'script/x' }, address: '203.0.200.1' })
  expect(await told()).toBe(11)
})

test('where nothing was written down yet, sessions that live still say from where', async () => {
  const { now } = testClock()
  const store = memoryStore({ now })
  const shared = { store, now, users: memoryUsers() }
  const before = testAuth(shared)
  const user = { email: EMAIL, password: PASSWORD, password_confirmation: PASSWORD }
  await before.request('POST', '/registration', { json: { user }, ...HOME })
  const post = letters()
  const after = testAuth({ ...shared, extensions: [post.extension, securityNotices()] })
  const signIn = (from: TestRequest) => after.request('POST', '/session', { json: { user }, ...from })
  await signIn({ ...AWAY, address: '198.51.100.9' })
  expect(await post.all()).toEqual([])
  await signIn({ headers: {}, address: '192.0.2.77' })
  expect(await post.all('new_device')).toHaveLength(1)
})

test('without a network worth the name the user agent alone counts', async () => {
  for (const address of ['127.0.0.1', '::1', 'unix']) {
    const { signIn, told } = await withAnn({}, {}, { headers: { 'user-agent': FIREFOX }, address })
    await signIn({ headers: { 'user-agent': FIREFOX }, address })
    expect(await told(), address).toBe(0)
    await signIn({ headers: { 'user-agent': CHROME }, address })
    expect(await told(), address).toBe(1)
    await signIn({ headers: {}, address })
    await signIn({ headers: {}, address })
    expect(await told(), address).toBe(2)
  }
})

test('an old secret still knows a device, and what is stored names neither agents nor addresses', async () => {
  const { now } = testClock()
  const store = memoryStore({ now })
  const written: unknown[] = []
  const put: Store['values']['put'] = (...args) => {
    written.push(args)
    return store.values.put(...args)
  }
  const kept = { ...store, values: { ...store.values, put } }
  const users = memoryUsers()
  await withAnn({}, { store: kept, now, users })
  const secret = ['another secret for tests, and for tests', 'a secret for tests, and for tests alone']
  const post = letters()
  const later = testAuth({
    secret,
    store: kept,
    now,
    users,
    extensions: [post.extension, securityNotices()],
  })
  await later.auth.system.endSessions((await later.auth.system.findUserBy(EMAIL))?.id ?? '')
  for (const from of [HOME, HOME]) {
    const json = { user: { email: EMAIL, password: PASSWORD } }
    expect((await later.request('POST', '/session', { json, ...from })).status).toBe(200)
  }
  expect(await post.all()).toEqual([])
  expect(written.length).toBeGreaterThan(0)
  for (const text of ['198.51', 'Firefox', 'Windows']) expect(JSON.stringify(written)).not.toContain(text)
})

test('somebody who has no address is not told, and nobody of another tenant is known', async () => {
  const tenant = ({ header }: Exchange) => header('x-tenant')
  const post = letters()
  const { request } = testAuth({
    tenant,
    identifiers: ['username'],
    extensions: [post.extension, securityNotices()],
  })
  const user = { username: 'ann', password: PASSWORD, password_confirmation: PASSWORD }
  const at = (from: TestRequest, name: string) => ({ ...from, headers: { ...from.headers, 'x-tenant': name } })
  await request('POST', '/registration', { json: { user }, ...at(HOME, 'a') })
  expect((await request('POST', '/session', { json: { user }, ...at(AWAY, 'a') })).status).toBe(200)
  expect(await post.all()).toEqual([])

  const made = await withAnn({}, { tenant }, at(HOME, 'a'))
  const registration = { email: EMAIL, password: PASSWORD, password_confirmation: PASSWORD }
  await made.request('POST', '/registration', { json: { user: registration }, ...at(AWAY, 'b') })
  await made.signIn(at(HOME, 'b'))
  expect(await made.told()).toBe(1)
})

test('what is done without a request is no new device', async () => {
  const { auth, told, signIn } = await withAnn()
  const user = (await auth.system.findUserBy(EMAIL)) as BaseUser
  await auth.system.signIn(user.id, { methods: ['otp'] })
  expect(await told()).toBe(0)
  const ctx = await auth.open(testExchange('POST', '/mine', AWAY))
  await auth.accounts.signIn(ctx, user, { methods: ['otp'] })
  await auth.send(ctx)
  expect(await told()).toBe(1)
  // Whoever is given an account by another first signs in from a device of their own.
  await auth.system.deleteUser(user.id)
  await auth.system.createUser({ email: EMAIL, password: PASSWORD })
  await signIn(HOME)
  expect(await told()).toBe(2)
})

test('in a cookie as well', async () => {
  const post = letters()
  const { request } = testAuth({ sessions: cookieSessions(), extensions: [post.extension, securityNotices()] })
  const user = { email: EMAIL, password: PASSWORD, password_confirmation: PASSWORD }
  expect((await request('POST', '/registration', { json: { user }, ...HOME })).status).toBe(200)
  expect((await request('POST', '/session', { json: { user }, ...AWAY })).status).toBe(200)
  expect(await post.all('new_device')).toHaveLength(1)
})

test('a new password is told, with the change, and not when it was refused', async () => {
  const { change, post, clock, auth } = await withAnn()
  const next = { password: 'another1234', password_confirmation: 'another1234' }
  expect((await change({ ...next, current_password: 'wrong' })).status).toBe(422)
  expect(await post.all()).toEqual([])
  expect((await change(next, AWAY)).status).toBe(200)
  const time = new Date(clock.now()).toISOString()
  expect(await post.all()).toEqual([
    { kind: 'password_changed', to: EMAIL, facts: { time, device: 'Chrome on macOS', address: '203.0.113.9' } },
  ])
  const { id } = (await auth.system.findUserBy(EMAIL)) as BaseUser
  await auth.system.setPassword(id, 'set by an admin 1')
  expect((await post.last('password_changed')).facts).toEqual({
    time,
    device: 'The service itself',
    address: 'unknown',
  })
  await auth.system.setRole(id, 'editor')
  expect(await post.all()).toHaveLength(2)
})

test('a new address is told to the old one, and a new password to both', async () => {
  const { change, post, clock } = await withAnn()
  const time = new Date(clock.now()).toISOString()
  await change({ email: 'new@example.com' })
  expect(await post.all()).toEqual([{ kind: 'email_changed', to: EMAIL, facts: { email: 'new@example.com', time } }])
  await change({ email: 'last@example.com', password: 'another1234', password_confirmation: 'another1234' })
  expect((await post.all()).slice(1).map(({ kind, to }) => [kind, to])).toEqual([
    ['password_changed', 'new@example.com'],
    ['password_changed', 'last@example.com'],
    ['email_changed', 'new@example.com'],
  ])
})

test('an address that a later hook leaves as it was is not told as changed', async () => {
  const keeps: Extension = {
    name: 'keeps',
    setup: () => ({
      hooks: {
        savingUser(saving) {
          if (!saving.user || !('email' in saving.values)) return
          const { email: _, ...values } = saving.values
          saving.values = values as typeof saving.values
        },
      },
    }),
  }
  const { change, post } = await withAnn({}, { extensions: [keeps] })
  expect((await change({ email: 'new@example.com' })).status).toBe(200)
  expect(await post.all()).toEqual([])
})

test('a notice is in the transaction of its change', async () => {
  const database = await newDatabase()
  const users = sqlUsers(database)
  const post = letters()
  const extensions = [post.extension, securityNotices()]
  const { auth } = testAuth({ users, extensions })
  const { id } = await auth.system.createUser({ email: EMAIL, password: PASSWORD })
  // Without its table the mail cannot be written, and so the password stays.
  const hash = (await auth.users.findById(id))?.passwordHash
  await expect(auth.system.setPassword(id, 'another1234')).rejects.toMatchObject({ code: 'unavailable' })
  expect((await auth.users.findById(id))?.passwordHash).toBe(hash)
  await migrate(database, { extensions })
  await auth.system.setPassword(id, 'another1234')
  expect(await post.all('password_changed')).toHaveLength(1)
})

test('of fifty changes at once each that was applied is told, and no other', async () => {
  const { change, post } = await withAnn()
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, n) => {
      const password = `another-number-${n}`
      return change({ password, password_confirmation: password })
    }),
  )
  const applied = answers.filter(({ status }) => status === 200).length
  expect(applied).toBeGreaterThan(0)
  expect(await post.all('password_changed')).toHaveLength(applied)
})

test('a session that ended because a replaced token came back is told, once', async () => {
  const { request, pair, post, told, clock } = await withAnn()
  await request('POST', '/session/renew', { token: pair.renewal_token, ...HOME })
  expect(await told('session_reused')).toBe(0)
  clock.advance(60_000)
  const replay = () => request('POST', '/session/renew', { token: pair.renewal_token, ...AWAY })
  const answers = await Promise.all(Array.from({ length: 50 }, replay))
  expect(answers.every(({ status }) => status === 401)).toBe(true)
  await vi.waitFor(async () => expect(await told('session_reused')).toBe(1))
  await replay()
  expect(await post.all()).toEqual([
    {
      kind: 'session_reused',
      to: EMAIL,
      facts: { time: new Date(clock.now()).toISOString(), device: 'Chrome on macOS', address: '203.0.113.9' },
    },
  ])
})

test('each notice can be switched off', async () => {
  const off = { newDevice: false, passwordChanged: false, emailChanged: false, sessionReused: false }
  const { change, signIn, request, pair, post, clock } = await withAnn(off)
  await signIn(AWAY)
  await request('POST', '/session/renew', { token: pair.renewal_token })
  clock.advance(60_000)
  const other = (await signIn(AWAY)).body.data
  await request('POST', '/session/renew', { token: pair.renewal_token })
  const user = {
    email: 'new@example.com',
    current_password: PASSWORD,
    password: 'another1234',
    password_confirmation: 'another1234',
  }
  const changed = await request('PATCH', '/registration', { token: other.access_token, json: { user } })
  expect(changed.status).toBe(200)
  expect(change).toBeDefined()
  expect(await post.all()).toEqual([])
})

test('wrong options are named, and the extension needs mail', () => {
  for (const [options, name] of [
    [{ newDevice: 'yes' }, /newDevice/],
    [{ deviceMemory: '0d' }, /deviceMemory/],
    [{ deviceMemory: 'long' }, /deviceMemory/],
    [{ newDevices: true }, /newDevices/],
  ] as const) {
    expect(() => securityNotices(options as never)).toThrow(name)
    expect(() => securityNotices(options as never)).toThrow(TypeError)
  }
  expect(() => testAuth({ extensions: [securityNotices()] })).toThrow(/security_notices needs mail/)
})

test('user agents in words, and never their own', () => {
  for (const [agent, words] of [
    [FIREFOX, 'Firefox on Windows'],
    [CHROME, 'Chrome on macOS'],
    [`${CHROME} Edg/126.0`, 'Edge on macOS'],
    [`${CHROME} OPR/112.0`, 'Opera on macOS'],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
      'Safari on iPhone',
    ],
    [
      'Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0 Mobile Safari/537.36',
      'Samsung Internet on Android',
    ],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Firefox on Linux'],
    ['App/3 (Android 14)', 'Android'],
    ['<a href="https://evil.example">Your account is locked</a>', 'Unknown device'],
    ['', 'Unknown device'],
    [null, 'Unknown device'],
  ] as const) {
    expect(deviceName(agent)).toBe(words)
  }
})

test('networks of addresses', () => {
  for (const [address, block] of [
    ['198.51.100.7', '198.51.100'],
    ['::ffff:198.51.100.7', '198.51.100'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:DB8:1:2::', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', null],
    ['::', null],
    ['127.8.9.1', null],
    ['1:2:3', null],
    ['1::2::3', null],
    ['12345::', null],
    ['localhost', null],
    ['', null],
    [null, null],
  ] as const) {
    expect(addressBlock(address), String(address)).toBe(block)
  }
})

test('whoever knows the password cannot bury the owner in notices of its changes', async () => {
  const kept = letters()
  const { request } = testAuth({ extensions: [kept.extension, securityNotices()] })
  const passwords = ['correct horse', 'another horse'] as const
  const user = { email: 'me@example.com', password: passwords[0], password_confirmation: passwords[0] }
  const token = (await request('POST', '/registration', { json: { user } })).body.data.access_token
  for (let round = 0; round < 15; round++) {
    const [current_password, password] = round % 2 === 0 ? passwords : [...passwords].reverse()
    const change = { current_password, password, password_confirmation: password }
    expect((await request('PATCH', '/registration', { token, json: { user: change } })).status).toBe(200)
  }
  expect(await kept.all('password_changed')).toHaveLength(10)
})
