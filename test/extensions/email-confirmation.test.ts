import { describe, expect, test } from 'vitest'
import { emailConfirmation } from '../../src/extensions/email-confirmation/email-confirmation.js'
import { memoryStore, memoryUsers } from '../../src/index.js'
import { testExchange } from '../../src/testing/index.js'
import { fifty } from '../../src/testing/suite.js'
import { DAY, HOUR, type MailedAuth, MINUTE, mailedAuth, newAddress, PASSWORD, SINGLE_USE } from '../support/mailed.js'

const KIND = 'confirm_email'

const use = ({ request }: MailedAuth, token: unknown, more = {}) =>
  request('POST', '/email-confirmation', { json: { token }, ...more })

const resend = ({ request }: MailedAuth, email: unknown) =>
  request('POST', '/email-confirmation/resend', { json: { user: { email } } })

const status = async ({ request }: MailedAuth, token: string) =>
  (await request('GET', '/email-confirmation/status', { token })).body.data

const DEAD = {
  error: {
    status: 422,
    message: 'Invalid token',
    errors: { token: ['is invalid or has expired'] },
    reason: 'email_confirmation.invalid_token',
  },
}

/** Somebody who registered, with the link they got. */
async function registered(made: MailedAuth) {
  const email = newAddress()
  const { body } = await made.register(email)
  return { email, token: await made.tokenOf(KIND, email), access: body.data?.access_token as string }
}

describe('a link', () => {
  test('confirms the address, and signs nobody in', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { email, token, access } = await registered(made)
    expect(await status(made, access)).toEqual({ confirmed: false, email, pending_email: null, confirm_by: null })
    expect(await use(made, token)).toMatchObject({ status: 200, body: { data: {} } })
    expect((await status(made, access)).confirmed).toBe(true)
    expect(made.events.map(({ name }) => name)).toContain('email_confirmation.confirmed')
    expect(JSON.stringify(made.events)).not.toContain(token)
  })

  test('is used by POST alone: what follows links burns nothing', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { token } = await registered(made)
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
      const { status, headers } = await made.request(method, `/email-confirmation?token=${token}`, { json: { token } })
      expect(status, method).toBe(405)
      expect(headers.allow).toBe('POST')
    }
    expect((await made.request('POST', `/email-confirmation?token=${token}`, { json: {} })).status).toBe(422)
    expect((await made.request('POST', '/email-confirmation', { form: `user[token]=${token}` })).status).toBe(200)
  })

  test.each(SINGLE_USE)('of fifty uses at once one succeeds, on $name', async kind => {
    const made = await mailedAuth([emailConfirmation()], {}, kind)
    const { token, access } = await registered(made)
    const answers = await fifty(() => use(made, token))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(49)
    expect((await status(made, access)).confirmed).toBe(true)
    expect(await use(made, token)).toMatchObject({ status: 422, body: DEAD })
  })

  test('lives for three days', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const one = await registered(made)
    made.clock.advance(3 * DAY - 1)
    expect((await use(made, one.token)).status).toBe(200)
    const two = await registered(made)
    made.clock.advance(3 * DAY)
    expect((await use(made, two.token)).body).toEqual(DEAD)
  })

  test('of another kind, of another tenant, or of no form at all is none', async () => {
    const tenant = ({ header }: { header(name: string): string | null }) => header('x-tenant')
    const made = await mailedAuth([emailConfirmation()], { tenant })
    const at = (name: string) => ({ headers: { 'x-tenant': name } })
    const email = newAddress()
    const user = { email, password: PASSWORD, password_confirmation: PASSWORD }
    const { body } = await made.request('POST', '/registration', { json: { user }, ...at('one') })
    const token = await made.tokenOf(KIND, email)
    const other = await made.request('POST', '/registration', { json: { user }, ...at('two') })
    expect((await use(made, token, at('two'))).body).toEqual(DEAD)
    const wrong = ['', null, undefined, 7, {}, [token], `${token}x`, token.slice(0, -1), 'pwo1_']
    for (const each of [...wrong, body.data.access_token, body.data.renewal_token]) {
      expect((await use(made, each, at('one'))).body).toEqual(DEAD)
    }
    expect((await use(made, token, at('one'))).status).toBe(200)
    const asked = { token: other.body.data.access_token, ...at('two') }
    const { data } = (await made.request('GET', '/email-confirmation/status', asked)).body
    expect(data.confirmed).toBe(false)
  })

  test('is dead once the address is another, and does not confirm it for the next who has it', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { email, token } = await registered(made)
    const account = await made.auth.users.findByIdentifier(email)
    const { id } = account?.user ?? { id: '' }
    await made.auth.users.update(id, { email: newAddress(), updatedAt: 0 }, account?.passwordHash ?? null)
    const next = await made.register(email)
    expect((await use(made, token)).body).toEqual(DEAD)
    expect((await status(made, next.body.data.access_token)).confirmed).toBe(false)
  })

  test('is dead with its account', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { email, token, access } = await registered(made)
    const proof = { json: { user: { current_password: PASSWORD } }, token: access }
    expect((await made.request('DELETE', '/registration', proof)).status).toBe(200)
    await made.register(email)
    expect((await use(made, token)).body).toEqual(DEAD)
  })

  test('a second one works after the first: what is confirmed is confirmed', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { email, token } = await registered(made)
    await resend(made, email)
    const second = await made.tokenOf(KIND, email)
    expect(second).not.toBe(token)
    expect((await use(made, second)).status).toBe(200)
    expect((await use(made, token)).status).toBe(200)
    expect((await use(made, token)).status).toBe(422)
  })
})

test.each(SINGLE_USE)('of a closed account nothing is kept, on $name', async kind => {
  const confirmation = emailConfirmation()
  const made = await mailedAuth([confirmation], {}, kind)
  const { email, token, access } = await registered(made)
  await use(made, token)
  const user = await made.auth.system.findUserBy(email)
  if (!user) throw new Error('nobody registered')
  const { isConfirmed } = made.auth.extension(confirmation)
  expect(await isConfirmed(user)).toBe(true)
  const proof = { json: { user: { current_password: PASSWORD } }, token: access }
  expect((await made.request('DELETE', '/registration', proof)).status).toBe(200)
  // Nor would the next be taken for them who gets their id, as small keys of a database may do.
  await made.register(newAddress())
  expect(await isConfirmed(user)).toBe(false)
})

describe('resending', () => {
  test('is answered alike for unconfirmed, confirmed and unknown addresses, and mails the first alone', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { email } = await registered(made)
    const confirmed = await registered(made)
    await use(made, confirmed.token)
    const unknown = newAddress()
    const answers = [await resend(made, email), await resend(made, confirmed.email), await resend(made, unknown)]
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect(answers[0]).toMatchObject({ status: 200, body: { data: {} } })
    expect(await made.count(KIND, email)).toBe(2)
    expect(await made.count(KIND, confirmed.email)).toBe(1)
    expect(await made.count(KIND, unknown)).toBe(0)
    expect(await made.count(KIND, null)).toBe(2)
    const decoy = (await made.letters.last(KIND)).facts.token
    expect((await use(made, decoy)).body).toEqual(DEAD)
  })

  test('limits itself to one a minute and five an hour, and says nothing of it', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { email } = await registered(made)
    const answers = await fifty(() => resend(made, email))
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect(await made.count(KIND, email)).toBe(2)
    for (let minute = 0; minute < 10; minute++) {
      made.clock.advance(MINUTE)
      await resend(made, email)
    }
    expect(await made.count(KIND, email)).toBe(6)
    made.clock.advance(HOUR)
    const before = await made.count(KIND, email)
    await resend(made, ` ${email.toUpperCase()} `)
    expect(await made.count(KIND, email)).toBe(before + 1)
    expect((await use(made, await made.tokenOf(KIND, email))).status).toBe(200)
  })

  test('without an address is for who is signed in', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { email, access } = await registered(made)
    const own = (more = {}) => made.request('POST', '/email-confirmation/resend', more)
    expect(await own({ token: access })).toMatchObject({ status: 200, body: { data: {} } })
    expect(await made.count(KIND, email)).toBe(2)
    expect((await own()).status).toBe(422)
    expect((await own()).body.error.errors).toEqual({ email: ["can't be blank"] })
    expect((await own({ token: 'broken' })).status).toBe(401)
    made.clock.advance(HOUR)
    expect((await own({ token: access })).status).toBe(401)
  })

  test('to no address is refused, whoever is meant', async () => {
    const made = await mailedAuth([emailConfirmation()])
    for (const email of ['nobody', 7, {}, 'a b@example.com']) {
      expect((await resend(made, email)).body.error).toMatchObject({
        status: 422,
        errors: { email: ['has invalid format'] },
        reason: 'email_confirmation.invalid_email',
      })
    }
    expect(await made.letters.all()).toEqual([])
  })
})

test('an address that trusted code has changed is not confirmed, and gets a link', async () => {
  const change = {
    name: 'change',
    setup: ({ users, enrolment }: Parameters<ReturnType<typeof emailConfirmation>['setup']>[0]) => ({
      verbs: async (ctx: never, from: string, to: string) => {
        const account = await users.findByIdentifier(from)
        if (account) await enrolment.change(ctx, account, { email: to })
      },
    }),
  }
  const confirmation = emailConfirmation()
  const made = await mailedAuth([confirmation, change])
  const { email, token } = await registered(made)
  await use(made, token)
  const to = newAddress()
  const ctx = await made.auth.open(testExchange('POST', '/admin'))
  await made.auth.extension(change)(ctx as never, email, to)
  const { isConfirmed } = made.auth.extension(confirmation)
  const user = async () => (await made.auth.system.findUserBy(to)) ?? Promise.reject(new Error('gone'))
  expect(await isConfirmed(await user())).toBe(false)
  expect((await use(made, await made.tokenOf(KIND, to))).status).toBe(200)
  expect(await isConfirmed(await user())).toBe(true)
})

test('whom trusted code makes gets no link before they need one', async () => {
  const confirmation = emailConfirmation()
  const made = await mailedAuth([confirmation])
  const email = newAddress()
  const user = await made.auth.system.createUser({ email, password: PASSWORD })
  expect(await made.letters.all()).toEqual([])
  const { isConfirmed, setConfirmed } = made.auth.extension(confirmation)
  expect(await isConfirmed(user)).toBe(false)
  await fifty(() => setConfirmed(user))
  expect(await isConfirmed(user)).toBe(true)
})

test('a link of another extension that shows the address to be theirs confirms it', async () => {
  const proving = {
    name: 'proving',
    setup: ({ run }: Parameters<ReturnType<typeof emailConfirmation>['setup']>[0]) => ({ verbs: run }),
  }
  const confirmation = emailConfirmation()
  const made = await mailedAuth([confirmation, proving])
  const { email } = await registered(made)
  const user = await made.auth.system.findUserBy(email)
  if (!user) throw new Error('nobody registered')
  const ctx = await made.auth.open(testExchange('POST', '/mine'))
  await made.auth.extension(proving)('emailProven', { ctx, user })
  expect(await made.auth.extension(confirmation).isConfirmed(user)).toBe(true)
})

test('the status is for who is signed in', async () => {
  const made = await mailedAuth([emailConfirmation()])
  for (const path of ['/email-confirmation/status', '/email-confirmation/pending']) {
    const method = path.endsWith('status') ? 'GET' : 'DELETE'
    expect((await made.request(method, path)).status).toBe(401)
    expect((await made.request(method, path, { token: 'broken' })).status).toBe(401)
  }
})

test('a store that is away is 503, and a link that could not be used works again', async () => {
  const away = new Set<string>()
  const unless = <Sent extends unknown[], Result>(what: string, call: (...sent: Sent) => Result) => {
    return (...sent: Sent): Result => {
      if (away.has(what)) throw new Error('connection refused')
      return call(...sent)
    }
  }
  const store = memoryStore()
  const users = memoryUsers()
  const made = await mailedAuth([emailConfirmation()], {
    store: { ...store, values: { ...store.values, take: unless('take', store.values.take) } },
    users: { ...users, findById: unless('findById', users.findById) },
  })
  const { token } = await registered(made)
  for (const what of ['take', 'findById']) {
    away.add(what)
    expect((await use(made, token)).status).toBe(503)
    away.clear()
  }
  expect((await use(made, token)).status).toBe(200)
})

test('wrong options are refused', () => {
  const refused = (options: object) => () => emailConfirmation(options)
  expect(refused({ requird: true })).toThrow(/unknown option `emailConfirmation.requird`/)
  expect(refused({ required: 'yes' })).toThrow(/`required` must be true or false/)
  expect(refused({ grace: '7d' })).toThrow(/`grace` needs `required: true`/)
  expect(refused({ required: true, grace: 'a week' })).toThrow(/`grace` must be a duration/)
  expect(refused({ ttl: '0s' })).toThrow(/`ttl` must be a duration/)
  expect(refused({ existing: 'maybe' })).toThrow(/`existing` must be/)
  expect(refused({ enumerationSafe: true, required: false })).toThrow(/`enumerationSafe` needs `required`/)
  expect(refused({ enumerationSafe: true, grace: '7d' })).toThrow(/`enumerationSafe` and `grace`/)
})

test('without mail it is refused', async () => {
  const { testAuth } = await import('../../src/testing/index.js')
  expect(() => testAuth({ extensions: [emailConfirmation()] })).toThrow(/email_confirmation needs mail/)
})

test('taken out it leaves no trace in routes, in the schema, or in what is answered', async () => {
  const { ENGINES } = await import('../support/tables.js')
  const { sql } = await import('kysely')
  const { migrate, migrationState } = await import('../../src/migrations.js')
  const made = await mailedAuth([])
  for (const path of ['', '/resend', '/status', '/pending']) {
    expect((await made.request('POST', `/email-confirmation${path}`, { json: {} })).status).toBe(404)
  }
  expect(JSON.stringify((await made.request('GET', '/openapi.json')).body)).not.toContain('email-confirmation')
  const email = newAddress()
  const token = (await made.register(email)).body.data.access_token
  const to = newAddress()
  const json = { user: { email: to, current_password: PASSWORD } }
  expect((await made.request('PATCH', '/registration', { token, json })).body.data.user.email).toBe(to)
  expect(await made.letters.all()).toEqual([])

  const { database } = await (ENGINES[0] as (typeof ENGINES)[number]).open()
  const tables = async () => {
    const { rows } = await sql<{ name: string }>`select name from sqlite_master`.execute(database.kysely)
    return rows.filter(({ name }) => name.includes('email_confirmation'))
  }
  expect(await tables()).toEqual([])
  const extensions = [emailConfirmation()]
  await migrate(database, { extensions })
  expect((await tables()).length).toBeGreaterThan(0)
  expect(await migrationState(database)).toMatchObject({ pending: [], unknown: [] })
})

test('an address is not buried in links by whoever registers it and closes the account again', async () => {
  const made = await mailedAuth([emailConfirmation()])
  const email = newAddress()
  for (let round = 0; round < 8; round++) {
    const { body } = await made.register(email)
    const proof = { token: body.data.access_token, json: { user: { current_password: PASSWORD } } }
    expect((await made.request('DELETE', '/registration', proof)).status).toBe(200)
  }
  expect(await made.count('confirm_email', email)).toBe(3)
  // Its owner is not kept from it.
  await made.register(email)
  await made.request('POST', '/email-confirmation/resend', { json: { user: { email } } })
  expect(await made.count('confirm_email', email)).toBe(4)
})

test('nor is the old address in notices of changes that are asked for', async () => {
  const made = await mailedAuth([emailConfirmation()])
  const email = newAddress()
  const token = (await made.register(email)).body.data.access_token
  for (let round = 0; round < 9; round++) {
    const user = { email: newAddress(), current_password: PASSWORD }
    expect((await made.request('PATCH', '/registration', { token, json: { user } })).status).toBe(200)
  }
  expect(await made.count('email_change_requested', email)).toBe(5)
})
