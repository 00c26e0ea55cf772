import { describe, expect, test } from 'vitest'
import { emailConfirmation } from '../../src/extensions/email-confirmation/email-confirmation.js'
import { resetPassword } from '../../src/extensions/reset-password/reset-password.js'
import { memoryUsers } from '../../src/index.js'
import { testExchange } from '../../src/testing/index.js'
import { fifty } from '../../src/testing/suite.js'
import {
  HOUR,
  inCookies,
  type MailedAuth,
  MINUTE,
  mailedAuth,
  newAddress,
  PASSWORD,
  SINGLE_USE,
} from '../support/mailed.js'

const KIND = 'confirm_new_email'
const OLD = 'email_change_requested'
const NEW_PASSWORD = 'another5678'

const use = ({ request }: MailedAuth, token: unknown, more = {}) =>
  request('POST', '/email-confirmation', { json: { token }, ...more })

const patch = ({ request }: MailedAuth, token: string, user: object) =>
  request('PATCH', '/registration', { token, json: { user: { current_password: PASSWORD, ...user } } })

const statusOf = async ({ request }: MailedAuth, token: string) =>
  (await request('GET', '/email-confirmation/status', { token })).body.data

const DEAD = 'email_confirmation.invalid_token'

/** Somebody signed in whose address is confirmed. */
async function settled(made: MailedAuth) {
  const email = newAddress()
  const { body } = await made.register(email)
  await use(made, await made.tokenOf('confirm_email', email))
  return { email, access: body.data.access_token as string, renewal: body.data.renewal_token as string }
}

describe('another address', () => {
  test('is asked for, and the user stays as they were until its link is used', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { email, access } = await settled(made)
    const to = newAddress()
    const before = (await made.request('GET', '/session', { token: access })).body.data.user
    made.clock.advance(MINUTE)
    const { status, body } = await patch(made, access, { email: to })
    expect(status).toBe(200)
    expect(body).toEqual({ data: { user: before } })
    expect(await statusOf(made, access)).toEqual({ confirmed: true, email, pending_email: to, confirm_by: null })
    expect((await made.signIn(to)).status).toBe(401)
    expect((await made.letters.last(KIND, to)).facts.email).toBe(to)
    expect((await made.letters.last(OLD, email)).facts).toEqual({ email: to })

    expect(await use(made, await made.tokenOf(KIND, to))).toMatchObject({ status: 200, body: { data: {} } })
    expect((await made.signIn(to)).status).toBe(200)
    expect((await made.signIn(email)).status).toBe(401)
    const again = (await made.signIn(to)).body.data.access_token
    expect(await statusOf(made, again)).toEqual({ confirmed: true, email: to, pending_email: null, confirm_by: null })
  })

  test('needs the current password, and sends nothing without', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { access } = await settled(made)
    for (const current_password of ['wrong-one', '', undefined]) {
      expect((await patch(made, access, { email: newAddress(), current_password })).status).toBe(422)
    }
    expect(await made.letters.all(KIND)).toEqual([])
    expect((await statusOf(made, access)).pending_email).toBe(null)
  })

  test('ends the other sessions when it is confirmed, and not the one that confirms it', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { email, access } = await settled(made)
    const other = (await made.signIn(email)).body.data.access_token
    const to = newAddress()
    await patch(made, access, { email: to })
    const live = async (token: string) => (await made.request('GET', '/session', { token })).status
    expect([await live(access), await live(other)]).toEqual([200, 200])
    expect((await use(made, await made.tokenOf(KIND, to), { token: access })).status).toBe(200)
    expect([await live(access), await live(other)]).toEqual([200, 401])
    expect(made.events.filter(({ name, detail }) => name === 'account.updated' && detail === 'email')).toHaveLength(1)
  })

  test('confirmed by nobody, or by somebody else, ends all sessions of its user and none of theirs', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const one = await settled(made)
    const two = await settled(made)
    const to = newAddress()
    await patch(made, one.access, { email: to })
    expect((await use(made, await made.tokenOf(KIND, to), { token: two.access })).status).toBe(200)
    expect((await made.request('GET', '/session', { token: one.access })).status).toBe(401)
    expect((await made.request('GET', '/session', { token: two.access })).body.data.user.email).toBe(two.email)
    expect((await made.signIn(to)).status).toBe(200)
  })

  test.each(SINGLE_USE)('of fifty uses of its link at once one succeeds, on $name', async kind => {
    const made = await mailedAuth([emailConfirmation()], {}, kind)
    const { access } = await settled(made)
    const to = newAddress()
    await patch(made, access, { email: to })
    const token = await made.tokenOf(KIND, to)
    const answers = await fifty(() => use(made, token))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(49)
    expect(made.events.filter(({ name, detail }) => name === 'account.updated' && detail === 'email')).toHaveLength(1)
    expect((await made.signIn(to)).status).toBe(200)
  })

  test.each(SINGLE_USE)(
    'of fifty asked for at once each link confirms what it was mailed to, or nothing, on $name',
    async kind => {
      const made = await mailedAuth([emailConfirmation()], {}, kind)
      const { access } = await settled(made)
      const wanted = Array.from({ length: 50 }, newAddress)
      const asked = await Promise.all(wanted.map(email => patch(made, access, { email })))
      expect(asked.every(({ status }) => status === 200)).toBe(true)
      const pending = (await statusOf(made, access)).pending_email
      const outcomes: string[] = []
      for (const to of wanted) {
        const { status } = await use(made, await made.tokenOf(KIND, to))
        if (status === 200) outcomes.push(to)
      }
      expect(outcomes).toEqual([pending])
      expect((await made.signIn(pending)).status).toBe(200)
    },
  )

  test.each(SINGLE_USE)('of fifty who ask for one address and confirm at once one gets it, on $name', async kind => {
    const made = await mailedAuth([emailConfirmation()], {}, kind)
    const to = newAddress()
    const people = []
    for (let index = 0; index < 5; index++) people.push(await settled(made))
    const tokens: string[] = []
    for (const { access } of people) {
      await patch(made, access, { email: to })
      tokens.push(await made.tokenOf(KIND, to))
    }
    const answers = await fifty(index => use(made, tokens[index % 5]))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const taken = answers.filter(({ body }) => body.error?.reason === 'email_confirmation.email_taken')
    expect(taken).toHaveLength(4)
  })

  test('that is taken is asked for alike, and refused when it is confirmed', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { email, access } = await settled(made)
    const other = await settled(made)
    const free = await patch(made, access, { email: newAddress() })
    expect(await patch(made, access, { email: other.email })).toEqual(free)
    const { status, body } = await use(made, await made.tokenOf(KIND, other.email))
    expect(status).toBe(422)
    expect(body.error).toMatchObject({
      errors: { email: ['has already been taken'] },
      reason: 'email_confirmation.email_taken',
    })
    expect(await statusOf(made, access)).toMatchObject({ email, pending_email: null })
    expect((await made.signIn(email)).status).toBe(200)
  })

  test('asked for after the first kills the first link', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { access } = await settled(made)
    const [first, second] = [newAddress(), newAddress()]
    await patch(made, access, { email: first })
    await patch(made, access, { email: second })
    expect((await use(made, await made.tokenOf(KIND, first))).body.error.reason).toBe(DEAD)
    expect((await use(made, await made.tokenOf(KIND, second))).status).toBe(200)
    expect((await made.signIn(second)).status).toBe(200)
  })

  test('asked for twice is not confirmed by that, and is mailed however it is typed', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { email, access } = await settled(made)
    const to = newAddress()
    for (const typed of [to, to, ` ${to.toUpperCase()} `]) {
      expect((await patch(made, access, { email: typed })).body.data.user.email).toBe(email)
    }
    expect(await made.count(KIND, to)).toBe(3)
    expect(await statusOf(made, access)).toMatchObject({ email, pending_email: to })
    expect((await use(made, await made.tokenOf(KIND, to))).status).toBe(200)
  })

  test('is mailed five times an hour at most', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { access } = await settled(made)
    const to = newAddress()
    for (let index = 0; index < 8; index++) expect((await patch(made, access, { email: to })).status).toBe(200)
    expect(await made.count(KIND, to)).toBe(5)
  })

  test('leaves what else was changed to be changed at once, and its link lives', async () => {
    const made = await mailedAuth([emailConfirmation()], { users: memoryUsers({ fields: ['name'] }), fields: named })
    const { email, access } = await settled(made)
    const to = newAddress()
    const more = { name: 'Ann', password: NEW_PASSWORD, password_confirmation: NEW_PASSWORD }
    const { status, body } = await patch(made, access, { email: to, ...more })
    expect(status).toBe(200)
    expect(body.data.user).toMatchObject({ email, name: 'Ann' })
    expect((await made.signIn(email, NEW_PASSWORD)).status).toBe(200)
    expect((await use(made, await made.tokenOf(KIND, to))).status).toBe(200)
    expect((await made.signIn(to, NEW_PASSWORD)).status).toBe(200)
  })

  test('dies with a change of the password, a reset, and the end of all sessions', async () => {
    const reset = resetPassword()
    const ways: Record<string, (made: MailedAuth, email: string, access: string) => Promise<unknown>> = {
      change: (made, _, access) => patch(made, access, { password: NEW_PASSWORD, password_confirmation: NEW_PASSWORD }),
      async reset(made, email) {
        const ctx = await made.auth.open(testExchange('POST', '/mine'))
        const verbs = made.auth.extension(reset)
        await verbs.request(ctx, { email })
        const token = await made.tokenOf('reset_password', email)
        await verbs.reset(ctx, { token, password: NEW_PASSWORD, password_confirmation: NEW_PASSWORD })
      },
      async end(made, email) {
        const user = await made.auth.system.findUserBy(email)
        await made.auth.system.endSessions(user?.id as string)
      },
    }
    for (const [name, way] of Object.entries(ways)) {
      const made = await mailedAuth([emailConfirmation(), reset])
      const { email, access } = await settled(made)
      const to = newAddress()
      await patch(made, access, { email: to })
      await way(made, email, access)
      expect((await use(made, await made.tokenOf(KIND, to))).body.error?.reason, name).toBe(DEAD)
    }
  })

  test('can be forgotten', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { access } = await settled(made)
    const to = newAddress()
    await patch(made, access, { email: to })
    const { status, body } = await made.request('DELETE', '/email-confirmation/pending', { token: access })
    expect([status, body]).toEqual([200, { data: {} }])
    expect((await statusOf(made, access)).pending_email).toBe(null)
    expect((await use(made, await made.tokenOf(KIND, to))).body.error.reason).toBe(DEAD)
  })

  test('gets a new link for who is signed in, and for nobody who says it', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const { email, access } = await settled(made)
    const to = newAddress()
    await patch(made, access, { email: to })
    const resend = (more: object) => made.request('POST', '/email-confirmation/resend', more)
    const said = await resend({ json: { user: { email: to } } })
    expect(await made.count(KIND, to)).toBe(1)
    expect(await resend({ token: access })).toEqual(said)
    expect(await made.count(KIND, to)).toBe(2)
    await resend({ token: access })
    expect(await made.count(KIND, to)).toBe(2)
    expect(await made.count('confirm_email', email)).toBe(1)
    expect((await use(made, await made.tokenOf(KIND, to))).status).toBe(200)
  })

  test('gets a new link after the first expired', async () => {
    const made = await mailedAuth([emailConfirmation({ ttl: '1h' })])
    const { email, access } = await settled(made)
    const to = newAddress()
    await patch(made, access, { email: to })
    const first = await made.tokenOf(KIND, to)
    made.clock.advance(HOUR)
    expect((await use(made, first)).body.error.reason).toBe(DEAD)
    const token = (await made.signIn(email)).body.data.access_token
    await made.request('POST', '/email-confirmation/resend', { token })
    expect((await use(made, await made.tokenOf(KIND, to))).status).toBe(200)
  })

  test('is asked for by a custom controller in the same way', async () => {
    const confirmation = emailConfirmation()
    const made = await mailedAuth([confirmation])
    const { email, access } = await settled(made)
    const to = newAddress()
    const ctx = await made.auth.open(testExchange('POST', '/mine', { token: access }))
    const user = await made.auth.accounts.update(ctx, { email: to, current_password: PASSWORD })
    expect(user.email).toBe(email)
    const verbs = made.auth.extension(confirmation)
    expect((await verbs.status(ctx)).pendingEmail).toBe(to)
    expect((await verbs.confirm(ctx, await made.tokenOf(KIND, to))).email).toBe(to)
    expect((await made.signIn(to)).status).toBe(200)
  })

  test('is asked for where checks read the session alone, and in a cookie', async () => {
    for (const more of [{ session: { loadUser: false } }, inCookies]) {
      const made = await mailedAuth([emailConfirmation()], more)
      const email = newAddress()
      const user = { email, password: PASSWORD, password_confirmation: PASSWORD }
      const answer = await made.auth.respond(testExchange('POST', '/api/v1/registration', { json: { user } }))
      const cookie = answer.cookies?.[0]?.split(';')[0]
      const token = JSON.parse(answer.body ?? '').data.access_token
      const headers = {
        ...(cookie && { cookie, 'sec-fetch-site': 'same-origin' }),
        ...(token && { authorization: token }),
      }
      const to = newAddress()
      const json = { user: { email: to, current_password: PASSWORD } }
      const { status, body } = await made.request('PATCH', '/registration', { json, headers })
      expect([status, body.data?.user.email]).toEqual([200, email])
      expect((await use(made, await made.tokenOf(KIND, to), { headers })).status).toBe(200)
      expect((await made.request('GET', '/session', { headers })).body.data.user.email).toBe(to)
    }
  })

  test('of somebody unconfirmed leaves the first link as it was', async () => {
    const made = await mailedAuth([emailConfirmation()])
    const email = newAddress()
    const access = (await made.register(email)).body.data.access_token
    const to = newAddress()
    await patch(made, access, { email: to })
    expect((await use(made, await made.tokenOf('confirm_email', email))).status).toBe(200)
    expect(await statusOf(made, access)).toMatchObject({ confirmed: true, email, pending_email: to })
    expect((await use(made, await made.tokenOf(KIND, to))).status).toBe(200)
  })
})

const named = {
  '~standard': {
    version: 1 as const,
    vendor: 'test',
    validate: (value: unknown) => ({ value: { name: (value as { name?: string }).name ?? null } }),
  },
} as never

test('a store that is away leaves the link, and the address', async () => {
  const users = memoryUsers()
  let away = false
  const made = await mailedAuth([emailConfirmation()], {
    users: {
      ...users,
      update: (...sent) => {
        if (away) throw new Error('connection refused')
        return users.update(...sent)
      },
    },
  })
  const { email, access } = await settled(made)
  const to = newAddress()
  away = true
  expect((await patch(made, access, { email: to })).status).toBe(503)
  expect(await made.letters.all(KIND)).toEqual([])
  away = false
  await patch(made, access, { email: to })
  const token = await made.tokenOf(KIND, to)
  away = true
  expect((await use(made, token)).status).toBe(503)
  away = false
  expect((await made.signIn(email)).status).toBe(200)
  expect((await use(made, token)).status).toBe(200)
  expect((await made.signIn(to)).status).toBe(200)
})
