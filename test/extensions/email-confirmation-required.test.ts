import { describe, expect, test } from 'vitest'
import {
  type EmailConfirmationOptions,
  emailConfirmation,
} from '../../src/extensions/email-confirmation/email-confirmation.js'
import { cookieSessions, type UserInput } from '../../src/index.js'
import { migrate } from '../../src/migrations.js'
import { testAuth, testClock, testExchange } from '../../src/testing/index.js'
import { sqlUsers } from '../../src/users/sql.js'
import { visitor } from '../cookies/visitor.js'
import { letters } from '../support/letters.js'
import { DAY, inCookies, type MailedAuth, MINUTE, mailedAuth, newAddress, PASSWORD } from '../support/mailed.js'
import { ENGINES, makeTable, SMALL } from '../support/tables.js'

const KIND = 'confirm_email'
const REQUIRED = 'email_confirmation.required'

const use = ({ request }: MailedAuth, token: unknown) => request('POST', '/email-confirmation', { json: { token } })

const inputOf = (email: string): UserInput => ({ email, password: PASSWORD, password_confirmation: PASSWORD })

/** The reason a verb refuses for, or null where somebody was signed in by it. */
async function reasonOf(run: () => Promise<unknown>): Promise<unknown> {
  try {
    await run()
    return null
  } catch (error) {
    return (error as { code?: string }).code ?? error
  }
}

/** Makes the address of somebody unconfirmed under their sessions, as trusted code may do with the repository itself. */
async function unconfirm({ auth }: MailedAuth, email: string): Promise<string> {
  const account = await auth.users.findByIdentifier(email)
  const to = newAddress()
  await auth.users.update(account?.user.id as string, { email: to, updatedAt: 0 }, account?.passwordHash ?? null)
  return to
}

/** A way in: what it answers somebody unconfirmed, null where it let them in. Leaves no session where it did not. */
type WayIn = (made: MailedAuth, email: string) => Promise<unknown>

const contextOf = (made: MailedAuth) => made.auth.open(testExchange('POST', '/mine'))

const WAYS: Readonly<Record<string, WayIn>> = {
  'sign-in': async (made, email) => (await made.signIn(email)).body.error?.reason ?? null,
  'sign-in by a custom controller': async (made, email) => {
    const ctx = await contextOf(made)
    const reason = await reasonOf(() => made.auth.accounts.authenticate(ctx, { email, password: PASSWORD }))
    expect(ctx.tokens !== null).toBe(reason === null)
    await made.auth.send(ctx)
    return reason
  },
  'accounts.signIn by a custom controller': async (made, email) => {
    const ctx = await contextOf(made)
    const user = await made.auth.system.findUserBy(email)
    if (!user) throw new Error('nobody')
    const reason = await reasonOf(() => made.auth.accounts.signIn(ctx, user, { methods: ['otp'] }))
    await made.auth.send(ctx)
    return reason
  },
  'auth.system.signIn': async (made, email) => {
    const user = await made.auth.system.findUserBy(email)
    return reasonOf(() => made.auth.system.signIn(user?.id as string, { methods: ['otp'] }))
  },
}

const sessionsOf = async ({ auth }: MailedAuth, email: string) =>
  auth.store.sessions.listByUser((await auth.users.findByIdentifier(email))?.user.id as string)

/** What hides that a password was right, where a mode does. */
const HIDDEN = new Set(['sign-in', 'sign-in by a custom controller'])

const MODES: readonly { mode: string; options: EmailConfirmationOptions; waits: number; hides: boolean }[] = [
  { mode: 'required', options: { required: true }, waits: 0, hides: false },
  { mode: 'required after a grace', options: { required: true, grace: '7d' }, waits: 7 * DAY, hides: false },
  { mode: 'enumeration-safe', options: { enumerationSafe: true }, waits: 0, hides: true },
]

describe.each(MODES)('unconfirmed, where it is $mode', ({ options, waits, hides }) => {
  test.each(Object.entries(WAYS))('%s is refused, and works once confirmed', async (name, enter) => {
    const made = await mailedAuth([emailConfirmation({ ...options, ttl: '30d' })])
    const email = newAddress()
    await made.register(email)
    if (waits > 0) {
      made.clock.advance(waits - 1)
      expect(await enter(made, email)).toBe(null)
      made.clock.advance(1)
    }
    const before = await sessionsOf(made, email)
    expect(await enter(made, email)).toBe(hides && HIDDEN.has(name) ? 'invalid_credentials' : REQUIRED)
    expect(await sessionsOf(made, email)).toEqual(before)
    const token = await made.tokenOf(KIND, email)
    expect((await use(made, token)).status).toBe(200)
    expect(await enter(made, email)).toBe(null)
  })

  test('renewal is refused, ends nothing, and works once confirmed', async () => {
    const made = await mailedAuth([emailConfirmation({ ...options, ttl: '30d' })])
    const email = newAddress()
    await made.register(email)
    await use(made, await made.tokenOf(KIND, email))
    const { renewal_token: token } = (await made.signIn(email)).body.data
    const to = await unconfirm(made, email)
    made.clock.advance(waits)
    for (let attempt = 0; attempt < 3; attempt++) {
      const { status, body } = await made.request('POST', '/session/renew', { token })
      expect([status, body.error.reason]).toEqual([403, REQUIRED])
    }
    const ctx = await made.auth.open(testExchange('POST', '/mine', { token }))
    expect(await reasonOf(async () => made.auth.sessions.renew(ctx))).toBe(REQUIRED)
    await made.request('POST', '/email-confirmation/resend', { json: { user: { email: to } } })
    expect((await use(made, await made.tokenOf(KIND, to))).status).toBe(200)
    expect((await made.request('POST', '/session/renew', { token })).status).toBe(200)
  })

  test('a cookie is not rotated, ends nothing, and works once confirmed', async () => {
    const made = await mailedAuth([emailConfirmation({ ...options, ttl: '30d' })], {
      sessions: cookieSessions({ rotateAfter: '15m' }),
    })
    const email = newAddress()
    const json = { user: { email, password: PASSWORD, password_confirmation: PASSWORD, remember_me: true } }
    const browser = visitor(made)
    await browser.send('POST', '/registration', { json })
    await use(made, await made.tokenOf(KIND, email))
    await browser.send('POST', '/session', { json })
    const cookie = browser.cookie
    expect(await browser.isSignedIn()).toBe(true)
    const to = await unconfirm(made, email)
    made.clock.advance(Math.max(waits, 15 * MINUTE))
    for (const [method, path] of [
      ['GET', '/session'],
      ['POST', '/session/renew'],
    ] as const) {
      const { status, body } = await browser.send(method, path)
      expect([status, body.error?.reason], path).toEqual([403, REQUIRED])
    }
    expect(browser.cookie).toBe(cookie)
    await browser.send('POST', '/email-confirmation/resend', { json: { user: { email: to } } })
    const { status } = await browser.send('POST', '/email-confirmation', {
      json: { token: await made.tokenOf(KIND, to) },
    })
    expect(status).toBe(200)
    expect(await browser.isSignedIn()).toBe(true)
    expect(browser.cookie).not.toBe(cookie)
  })

  test('registration signs in during a grace alone', async () => {
    for (const more of [{}, inCookies]) {
      const made = await mailedAuth([emailConfirmation(options)], more)
      const email = newAddress()
      const answer = await made.register(email)
      expect(answer.status).toBe(200)
      if (waits === 0) expect(answer.body).toEqual({ data: {} })
      expect(await sessionsOf(made, email)).toHaveLength(waits === 0 ? 0 : 1)
      expect(await made.count(KIND, email)).toBe(1)
    }
  })

  test('registration by a custom controller signs in during a grace alone', async () => {
    const made = await mailedAuth([emailConfirmation(options)])
    const email = newAddress()
    const ctx = await contextOf(made)
    const user = await made.auth.accounts.create(ctx, inputOf(email))
    await made.auth.send(ctx)
    expect(user?.email ?? null).toBe(waits === 0 ? null : email)
    expect(ctx.tokens === null).toBe(waits === 0)
    expect(await sessionsOf(made, email)).toHaveLength(waits === 0 ? 0 : 1)
  })

  test('a controller that registers and then signs in on one request lets nobody in either', async () => {
    if (waits > 0) return
    const made = await mailedAuth([emailConfirmation(options)])
    const email = newAddress()
    const ctx = await contextOf(made)
    await made.auth.accounts.create(ctx, inputOf(email))
    const reason = await reasonOf(() => made.auth.accounts.authenticate(ctx, { email, password: PASSWORD }))
    expect(reason).toBe(hides ? 'invalid_credentials' : REQUIRED)
    await made.auth.send(ctx)
    expect(await sessionsOf(made, email)).toEqual([])
  })

  test('a retry of a registration gets the same answer', async () => {
    const made = await mailedAuth([emailConfirmation(options)])
    const email = newAddress()
    const headers = { 'idempotency-key': 'one-and-the-same-key' }
    const send = () => made.request('POST', '/registration', { json: { user: inputOf(email) }, headers })
    const first = await send()
    const second = await send()
    expect(second.status).toBe(200)
    expect(Object.keys(second.body.data)).toEqual(Object.keys(first.body.data))
    expect(await made.count('registration_taken', email)).toBe(0)
    expect(await sessionsOf(made, email)).toHaveLength(waits === 0 ? 0 : 2)
    const other = { ...inputOf(email), password: 'another5678', password_confirmation: 'another5678' }
    const stranger = await made.request('POST', '/registration', { json: { user: other }, headers })
    expect(stranger.status).toBe(hides ? 200 : 500)
  })
})

test('where nothing is required registration signs in, and nobody is refused', async () => {
  const made = await mailedAuth([emailConfirmation()])
  const email = newAddress()
  const { body } = await made.register(email)
  expect(Object.keys(body.data)).toEqual(['access_token', 'renewal_token'])
  made.clock.advance(20 * DAY)
  expect((await made.request('POST', '/session/renew', { token: body.data.renewal_token })).status).toBe(200)
  expect((await made.signIn(email)).status).toBe(200)
  expect(await made.count(KIND, email)).toBe(1)
})

test('the wrong password is told as everywhere, before anything about the address is', async () => {
  const made = await mailedAuth([emailConfirmation({ required: true })])
  const email = newAddress()
  await made.register(email)
  expect((await made.signIn(email, 'wrong-one')).status).toBe(401)
  expect(await made.count(KIND, email)).toBe(1)
})

test('a sign-in that is refused mails a new link, one a minute at most', async () => {
  const made = await mailedAuth([emailConfirmation({ required: true })])
  const email = newAddress()
  await made.register(email)
  const { body } = await made.signIn(email)
  expect(body.error).toEqual({
    status: 403,
    message: 'Confirm your email address first: a link was sent to it',
    reason: REQUIRED,
  })
  for (let attempt = 0; attempt < 5; attempt++) await made.signIn(email)
  expect(await made.count(KIND, email)).toBe(2)
  made.clock.advance(MINUTE)
  await made.signIn(email)
  expect(await made.count(KIND, email)).toBe(3)
})

test('somebody known by a username alone has nothing to confirm', async () => {
  const made = await mailedAuth([emailConfirmation({ required: true })], { identifiers: ['username'] })
  const user = { username: 'ann', password: PASSWORD, password_confirmation: PASSWORD }
  const { body } = await made.request('POST', '/registration', { json: { user } })
  expect((await made.request('POST', '/session/renew', { token: body.data.renewal_token })).status).toBe(200)
  const token = (await made.request('POST', '/session', { json: { user } })).body.data.access_token
  const { data } = (await made.request('GET', '/email-confirmation/status', { token })).body
  expect(data).toEqual({ confirmed: false, email: null, pending_email: null, confirm_by: null })
})

test('the status tells until when', async () => {
  const made = await mailedAuth([emailConfirmation({ required: true, grace: '7d' })])
  const email = newAddress()
  const { body } = await made.register(email)
  const asked = { token: body.data.access_token }
  const { data } = (await made.request('GET', '/email-confirmation/status', asked)).body
  expect(data).toEqual({ confirmed: false, email, pending_email: null, confirm_by: '2030-01-08T00:00:00.000Z' })
  await use(made, await made.tokenOf(KIND, email))
  expect((await made.request('GET', '/email-confirmation/status', asked)).body.data.confirm_by).toBe(null)
})

test('where checks read the session alone the rule holds as well', async () => {
  const made = await mailedAuth([emailConfirmation({ required: true })], { session: { loadUser: false } })
  const email = newAddress()
  await made.register(email)
  await use(made, await made.tokenOf(KIND, email))
  const { access_token: token, renewal_token: renewal } = (await made.signIn(email)).body.data
  const asked = await made.request('GET', '/email-confirmation/status', { token })
  expect(asked.body.data).toMatchObject({ confirmed: true, email })
  await unconfirm(made, email)
  expect((await made.request('POST', '/session/renew', { token: renewal })).status).toBe(403)
})

describe.each(ENGINES)('added to a live system, on $name', engine => {
  test.each(['own', 'migrated'])('nobody is locked out who was there before, in a table that is %s', async kind => {
    const { database, storeWith } = await engine.open()
    const { now, advance } = testClock()
    const opened = { database, storeWith }
    const users = kind === 'own' ? sqlUsers(database, await makeTable(opened, engine, SMALL)) : sqlUsers(database)
    const common = { users, store: storeWith({ now }), now, deadlineMs: 20_000 }
    const old = newAddress()
    const before = testAuth(common)
    const { body } = await before.request('POST', '/registration', { json: { user: inputOf(old) } })
    expect(body.data.access_token).toBeTypeOf('string')
    advance(DAY)

    const kept = letters()
    const made = (options: EmailConfirmationOptions) => {
      const extensions = [kept.extension, emailConfirmation(options)]
      return { extensions, ...testAuth({ ...common, extensions }) }
    }
    const required = made({ required: true })
    await migrate(database, { extensions: required.extensions })
    const signIn = (auth: Pick<typeof required, 'request'>, email: string) =>
      auth.request('POST', '/session', { json: { user: { email, password: PASSWORD } } })
    // Whoever is new under it, and then whoever was there.
    const young = newAddress()
    await required.request('POST', '/registration', { json: { user: inputOf(young) } })
    expect((await signIn(required, young)).status).toBe(403)
    const answer = await signIn(required, old)
    expect(answer.status).toBe(200)
    expect((await required.request('POST', '/session/renew', { token: body.data.renewal_token })).status).toBe(200)

    // Asking for another address, and losing it again, leaves them as they were.
    const token = answer.body.data.access_token
    const change = { email: newAddress(), current_password: PASSWORD }
    expect((await required.request('PATCH', '/registration', { token, json: { user: change } })).status).toBe(200)
    expect((await signIn(required, old)).status).toBe(200)
    expect((await required.request('DELETE', '/email-confirmation/pending', { token })).status).toBe(200)
    expect((await signIn(required, old)).status).toBe(200)

    const other = newAddress()
    await before.request('POST', '/registration', { json: { user: inputOf(other) } })
    expect((await signIn(made({ required: true, existing: 'unconfirmed' }), other)).status).toBe(403)
  })
})
