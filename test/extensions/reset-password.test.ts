import { describe, expect, test } from 'vitest'
import { resetPassword } from '../../src/extensions/reset-password/reset-password.js'
import { type BaseUser, memoryStore, memoryUsers, Problem, type Store } from '../../src/index.js'
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

const NEW = 'another5678'
const KIND = 'reset_password'

const ask = ({ request }: MailedAuth, email: unknown) =>
  request('POST', '/reset-password', { json: { user: { email } } })

const use = ({ request }: MailedAuth, token: unknown, password = NEW, more = {}) =>
  request('PATCH', '/reset-password', {
    json: { token, user: { password, password_confirmation: password } },
    ...more,
  })

const DEAD = {
  error: {
    status: 422,
    message: 'Invalid token',
    errors: { token: ['is invalid or has expired'] },
    reason: 'reset_password.invalid_token',
  },
}

/** Somebody registered, with a link. */
async function linked(made: MailedAuth): Promise<{ email: string; token: string; access: string; renewal: string }> {
  const email = newAddress()
  const { body } = await made.register(email)
  await ask(made, email)
  const token = await made.tokenOf(KIND, email)
  return { email, token, access: body.data?.access_token, renewal: body.data?.renewal_token }
}

describe('a link', () => {
  test('sets a new password, signs nobody in, and ends all sessions with the own one', async () => {
    const made = await mailedAuth([resetPassword()])
    const { email, token, access, renewal } = await linked(made)
    const answer = await use(made, token, NEW, { token: access })
    expect(answer).toMatchObject({ status: 200, body: { data: {} } })
    expect((await made.request('GET', '/session', { token: access })).status).toBe(401)
    expect((await made.request('POST', '/session/renew', { token: renewal })).status).toBe(401)
    expect((await made.signIn(email)).status).toBe(401)
    expect((await made.signIn(email, NEW)).status).toBe(200)
    const names = made.events.map(({ name }) => name)
    expect(names).toContain('reset_password.requested')
    expect(names).toContain('reset_password.done')
    expect(JSON.stringify(made.events)).not.toContain(token)
  })

  test('is used once', async () => {
    const made = await mailedAuth([resetPassword()])
    const { email, token } = await linked(made)
    expect((await use(made, token)).status).toBe(200)
    expect(await use(made, token, 'yetanother99')).toMatchObject({ status: 422, body: DEAD })
    expect((await made.signIn(email, NEW)).status).toBe(200)
  })

  test.each(SINGLE_USE)('of fifty uses at once one succeeds, on $name', async kind => {
    const made = await mailedAuth([resetPassword()], {}, kind)
    const { email, token } = await linked(made)
    const passwords = Array.from({ length: 50 }, (_, index) => `password-number-${index}`)
    const answers = await fifty(index => use(made, token, passwords[index]))
    const winners = answers.flatMap(({ status }, index) => (status === 200 ? [index] : []))
    expect(winners).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(49)
    expect((await made.signIn(email, passwords[winners[0] as number])).status).toBe(200)
  })

  test.each(SINGLE_USE)('of fifty links used at once one succeeds, on $name', async kind => {
    const made = await mailedAuth([resetPassword({ ttl: '9h' })], {}, kind)
    const email = newAddress()
    await made.register(email)
    for (let index = 0; index < 17; index++) {
      for (let each = 0; each < 3; each++) await ask(made, email)
      made.clock.advance(15 * MINUTE)
    }
    const tokens = (await made.letters.all(KIND)).filter(({ to }) => to === email).map(({ facts }) => facts.token)
    expect(tokens.length).toBeGreaterThanOrEqual(50)
    const answers = await Promise.all(tokens.map(token => use(made, token)))
    // Those that met the winner under way were answered that they may try again, and are dead.
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const again = await Promise.all(tokens.map(token => use(made, token)))
    expect(again.every(({ status }) => status === 422)).toBe(true)
  })

  test('lives for an hour', async () => {
    const made = await mailedAuth([resetPassword()])
    const one = await linked(made)
    made.clock.advance(HOUR - 1)
    expect((await use(made, one.token)).status).toBe(200)
    const two = await linked(made)
    made.clock.advance(HOUR)
    expect(await use(made, two.token)).toMatchObject({ status: 422, body: DEAD })
  })

  test('dies with the use of another and a change of the password', async () => {
    const made = await mailedAuth([resetPassword()])
    const one = await linked(made)
    await ask(made, one.email)
    expect((await use(made, await made.tokenOf(KIND, one.email))).status).toBe(200)
    expect((await use(made, one.token)).body).toEqual(DEAD)

    const two = await linked(made)
    const change = { current_password: PASSWORD, password: NEW, password_confirmation: NEW }
    expect((await made.request('PATCH', '/registration', { token: two.access, json: { user: change } })).status).toBe(
      200,
    )
    expect((await use(made, two.token)).body).toEqual(DEAD)
  })

  test('is not voided by whoever holds a session and ends the others', async () => {
    const made = await mailedAuth([resetPassword()])
    const { email, token, access } = await linked(made)
    expect((await made.request('DELETE', '/sessions', { token: access })).status).toBe(200)
    expect((await use(made, token)).status).toBe(200)
    expect((await made.request('GET', '/session', { token: access })).status).toBe(401)
    expect((await made.signIn(email)).status).toBe(401)
  })

  test('dies with a change of the address, and with the account', async () => {
    const made = await mailedAuth([resetPassword()])
    const one = await linked(made)
    const change = { current_password: PASSWORD, email: newAddress() }
    expect((await made.request('PATCH', '/registration', { token: one.access, json: { user: change } })).status).toBe(
      200,
    )
    expect((await use(made, one.token)).body).toEqual(DEAD)
    const moved = await linked(made)
    const account = await made.auth.users.findByIdentifier(moved.email)
    const byHand = { email: newAddress(), updatedAt: 0 }
    await made.auth.users.update(account?.user.id as string, byHand, account?.passwordHash ?? null)
    expect((await use(made, moved.token)).body).toEqual(DEAD)
    const two = await linked(made)
    const proof = { current_password: PASSWORD }
    expect((await made.request('DELETE', '/registration', { token: two.access, json: { user: proof } })).status).toBe(
      200,
    )
    expect((await use(made, two.token)).body).toEqual(DEAD)
    await made.register(two.email)
    expect((await use(made, two.token)).body).toEqual(DEAD)
  })

  test('survives a hash that a sign-in replaces', async () => {
    let outdated = false
    const digest = (password: string) => `$${outdated}$${password}`
    const hasher = {
      hash: async (password: string) => digest(password),
      verify: async (password: string, hash: string | null) => ({
        matches: hash === `$false$${password}` || hash === `$true$${password}`,
        outdated: hash !== digest(password),
        unreadable: false,
      }),
    }
    const made = await mailedAuth([resetPassword()], { hasher })
    const { email, token } = await linked(made)
    outdated = true
    expect((await made.signIn(email)).status).toBe(200)
    expect((await use(made, token)).status).toBe(200)
  })

  test('is not burnt by a password that is refused', async () => {
    const made = await mailedAuth([resetPassword()])
    const { token } = await linked(made)
    const short = await use(made, token, 'short')
    expect(short.status).toBe(422)
    expect(short.body.error.errors).toEqual({ password: ['should be at least 8 character(s)'] })
    const json = { token, user: { password: NEW, password_confirmation: 'other' } }
    const differs = await made.request('PATCH', '/reset-password', { json })
    expect(differs.body.error.errors).toEqual({ password_confirmation: ['does not match confirmation'] })
    for (const password of [undefined, null, '', 7, {}]) {
      const wrong = { token, user: { password, password_confirmation: password } }
      expect((await made.request('PATCH', '/reset-password', { json: wrong })).status).toBe(422)
    }
    expect((await use(made, token)).status).toBe(200)
  })

  test('is not burnt by a hook that refuses the change', async () => {
    let refuses = true
    const strict = {
      name: 'strict',
      setup: () => ({
        hooks: {
          savingUser({ user }: { user: BaseUser | null }) {
            if (user && refuses) throw new Problem('strict.used_before', { status: 422 })
          },
        },
      }),
    }
    const made = await mailedAuth([strict, resetPassword()])
    const { token } = await linked(made)
    expect((await use(made, token)).body.error.reason).toBe('strict.used_before')
    refuses = false
    expect((await use(made, token)).status).toBe(200)
  })

  test('is taken as user[token] of a form', async () => {
    const made = await mailedAuth([resetPassword()])
    const { email, token } = await linked(made)
    const form = `user[token]=${token}&user[password]=${NEW}&user[password_confirmation]=${NEW}`
    expect((await made.request('PATCH', '/reset-password', { form })).status).toBe(200)
    expect((await made.signIn(email, NEW)).status).toBe(200)
  })

  test('of another kind, of another tenant, or of no form at all is none', async () => {
    const tenant = ({ header }: { header(name: string): string | null }) => header('x-tenant')
    const made = await mailedAuth([resetPassword()], { tenant })
    const email = newAddress()
    const at = (name: string) => ({ headers: { 'x-tenant': name } })
    const user = { email, password: PASSWORD, password_confirmation: PASSWORD }
    const { body } = await made.request('POST', '/registration', { json: { user }, ...at('one') })
    await made.request('POST', '/registration', { json: { user }, ...at('two') })
    await made.request('POST', '/reset-password', { json: { user: { email } }, ...at('one') })
    const token = await made.tokenOf(KIND, email)
    expect((await use(made, token, NEW, at('two'))).body).toEqual(DEAD)
    const others = [
      '',
      null,
      undefined,
      7,
      {},
      [token],
      `${token}x`,
      token.slice(0, -1),
      'pwo1_',
      body.data.access_token,
    ]
    for (const other of [...others, body.data.renewal_token]) {
      expect((await use(made, other, NEW, at('one'))).body).toEqual(DEAD)
    }
    expect((await use(made, token, NEW, at('one'))).status).toBe(200)
    const signIn = { json: { user: { email, password: PASSWORD } } }
    expect((await made.request('POST', '/session', { ...signIn, ...at('two') })).status).toBe(200)
    expect((await made.request('POST', '/session', { ...signIn, ...at('one') })).status).toBe(401)
  })

  test('lets nobody in who is suspended, and gives a password to who had none', async () => {
    const made = await mailedAuth([resetPassword()])
    const one = await linked(made)
    const account = await made.auth.users.findByIdentifier(one.email)
    await made.auth.system.suspend(account?.user.id as string)
    await ask(made, one.email)
    expect((await use(made, await made.tokenOf(KIND, one.email))).status).toBe(200)
    expect((await made.signIn(one.email, NEW)).body.error.reason).toBe('suspended')

    const email = newAddress()
    await made.auth.system.createUser({ email })
    await ask(made, email)
    expect((await use(made, await made.tokenOf(KIND, email))).status).toBe(200)
    expect((await made.signIn(email, NEW)).status).toBe(200)
  })

  test('ends the session of the browser it is used in, where sessions are in a cookie', async () => {
    const made = await mailedAuth([resetPassword()], inCookies)
    const { token } = await linked(made)
    expect(await use(made, token)).toMatchObject({ status: 200, body: { data: {} } })
    const account = (await made.auth.users.findByIdentifier((await made.letters.last(KIND)).to as string)) ?? null
    expect(await made.auth.store.sessions.listByUser(account?.user.id as string)).toEqual([])
  })

  test('tells other extensions that the address was proven and the password changed', async () => {
    const told: string[] = []
    const listening = {
      name: 'listening',
      setup: () => ({
        hooks: {
          emailProven: ({ user }: { user: BaseUser }) => void told.push(`proven ${user.email}`),
          credentialsChanged: ({ detail }: { detail: string }) => void told.push(detail),
        },
      }),
    }
    const made = await mailedAuth([listening, resetPassword()])
    const { email, token } = await linked(made)
    await use(made, token)
    expect(told).toEqual(['password', `proven ${email}`])
  })
})

describe('asking', () => {
  test('is answered alike for known, unknown, suspended and often asked addresses', async () => {
    const made = await mailedAuth([resetPassword()])
    const known = newAddress()
    await made.register(known)
    const suspended = newAddress()
    const { id } = await made.auth.system.createUser({ email: suspended })
    await made.auth.system.suspend(id)
    const often = [known, known, known, known]
    const answers = await Promise.all(
      [...often, newAddress(), suspended, ` ${known.toUpperCase()} `].map(each => ask(made, each)),
    )
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect(answers[0]).toMatchObject({ status: 200, body: { data: {} } })
    expect(await made.count(KIND, suspended)).toBe(1)
  })

  test('with no address in it is refused, whoever is meant', async () => {
    const made = await mailedAuth([resetPassword()])
    for (const email of ['', null, undefined]) {
      expect((await ask(made, email)).body.error.errors).toEqual({ email: ["can't be blank"] })
    }
    for (const email of ['nobody', 7, {}, ['a@example.com'], 'a@b@c', 'a b@example.com']) {
      const { status, body } = await ask(made, email)
      expect(status).toBe(422)
      expect(body.error.reason).toBe('reset_password.invalid_email')
    }
    expect((await made.request('POST', '/reset-password', { json: {} })).status).toBe(400)
    expect(await made.letters.all()).toEqual([])
  })

  test('works as much for somebody there is not: a decoy that goes nowhere', async () => {
    const made = await mailedAuth([resetPassword()])
    const unknown = newAddress()
    await ask(made, unknown)
    expect(await made.count(KIND, null)).toBe(1)
    expect(await made.count(KIND, unknown)).toBe(0)
    const decoy = (await made.letters.last(KIND)).facts.token
    expect((await use(made, decoy)).body).toEqual(DEAD)
    await made.register(unknown)
    expect((await use(made, decoy)).body).toEqual(DEAD)
  })

  test('mails three links in a quarter of an hour, and says nothing of it', async () => {
    const made = await mailedAuth([resetPassword()])
    const email = newAddress()
    await made.register(email)
    await fifty(() => ask(made, email))
    expect(await made.count(KIND, email)).toBe(3)
    made.clock.advance(15 * MINUTE)
    await ask(made, email)
    expect(await made.count(KIND, email)).toBe(4)
  })

  test('mails the address that is stored, and nobody who looks alike', async () => {
    const made = await mailedAuth([resetPassword()])
    await made.register('jose.mailed@example.com')
    await ask(made, 'josé.mailed@example.com')
    await ask(made, 'ｊose.mailed@example.com')
    expect((await made.letters.all(KIND)).filter(({ to }) => to !== null)).toEqual([])
    await ask(made, ' JOSE.Mailed@Example.com ')
    expect(await made.count(KIND, 'jose.mailed@example.com')).toBe(1)
  })
})

describe('a store that is away', () => {
  /** A store and users that can be away, in part. */
  async function failing() {
    const away = new Set<string>()
    const unless = <Sent extends unknown[], Result>(what: string, call: (...sent: Sent) => Result) => {
      return (...sent: Sent): Result => {
        if (away.has(what)) throw new Error('connection refused')
        return call(...sent)
      }
    }
    const store = memoryStore()
    const { put, take, get, increment, ...values } = store.values
    const guarded: Store = {
      ...store,
      values: {
        ...values,
        put: unless('put', put),
        take: unless('take', take),
        get: unless('get', get),
        increment: unless('increment', increment),
      },
    }
    const users = memoryUsers()
    const made = await mailedAuth([resetPassword()], {
      store: guarded,
      users: { ...users, update: unless('update', users.update) },
    })
    return { made, away }
  }

  test('is 503, and the link works again', async () => {
    const { made, away } = await failing()
    const { email, token } = await linked(made)
    for (const what of ['get', 'take', 'update']) {
      away.add(what)
      expect((await use(made, token)).status, what).toBe(503)
      away.clear()
    }
    expect((await use(made, token)).status).toBe(200)
    expect((await made.signIn(email, NEW)).status).toBe(200)
  })

  test('is 503 for known and unknown addresses', async () => {
    const { made, away } = await failing()
    const email = newAddress()
    await made.register(email)
    for (const what of ['put', 'increment']) {
      away.add(what)
      expect((await ask(made, email)).status).toBe(503)
      expect((await ask(made, newAddress())).status).toBe(503)
      away.clear()
    }
    expect((await ask(made, email)).status).toBe(200)
  })
})

test('the verbs serve controllers of the app', async () => {
  const reset = resetPassword()
  const made = await mailedAuth([reset])
  const email = newAddress()
  await made.register(email)
  const verbs = made.auth.extension(reset)
  const ctx = await made.auth.open(testExchange('POST', '/mine'))
  await verbs.request(ctx, { email })
  const token = await made.tokenOf(KIND, email)
  const user = await verbs.reset(ctx, { token, password: NEW, password_confirmation: NEW })
  expect(user.email).toBe(email)
  expect((await made.signIn(email, NEW)).status).toBe(200)
})

test('wrong options are refused', () => {
  expect(() => resetPassword({ ttl: 'soon' as never })).toThrow(/`ttl` must be a duration/)
  expect(() => resetPassword({ ttl: '0s' })).toThrow(/`ttl` must be a duration/)
  expect(() => resetPassword({ tll: '1h' } as never)).toThrow(/unknown option `resetPassword.tll`/)
})

test('taken out it leaves no trace', async () => {
  const made = await mailedAuth([])
  expect((await made.request('POST', '/reset-password', { json: { user: { email: 'a@b.c' } } })).status).toBe(404)
  expect(JSON.stringify((await made.request('GET', '/openapi.json')).body)).not.toContain('reset')
  expect(resetPassword().migrations).toBe(undefined)
})
