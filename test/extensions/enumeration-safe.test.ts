import { describe, expect, test } from 'vitest'
import { emailConfirmation } from '../../src/extensions/email-confirmation/email-confirmation.js'
import { resetPassword } from '../../src/extensions/reset-password/reset-password.js'
import { type AuthOptions, argon2Hasher, type BaseUser, memoryStore } from '../../src/index.js'
import type { TestResponse } from '../../src/testing/index.js'
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
import { millisecondsOf, rankSumDeviation } from '../support/wire.js'

const TAKEN = 'registration_taken'

const safe = (options: Partial<AuthOptions<BaseUser>> = {}, kind?: (typeof SINGLE_USE)[number]) =>
  mailedAuth([emailConfirmation({ enumerationSafe: true }), resetPassword()], options, kind)

const use = ({ request }: MailedAuth, token: unknown) => request('POST', '/email-confirmation', { json: { token } })

const resend = ({ request }: MailedAuth, email: string) =>
  request('POST', '/email-confirmation/resend', { json: { user: { email } } })

const reset = ({ request }: MailedAuth, email: string) =>
  request('POST', '/reset-password', { json: { user: { email } } })

async function confirmed(made: MailedAuth): Promise<string> {
  const email = newAddress()
  await made.register(email)
  await use(made, await made.tokenOf('confirm_email', email))
  return email
}

/** What of an answer anybody sees: no value that is another each time. */
const seen = ({ status, headers, body }: TestResponse) => ({ status, body, headers: Object.entries(headers) })

describe('a registration', () => {
  test('is answered alike for an address that is free, taken, or unconfirmed', async () => {
    for (const options of [{}, inCookies, { errors: 'problem' as const }]) {
      const made = await safe(options)
      const taken = await confirmed(made)
      const open = newAddress()
      const answers = [await made.register(open)]
      for (const email of [open, taken, ` ${taken.toUpperCase()} `]) answers.push(await made.register(email))
      for (const answer of answers) expect(seen(answer)).toEqual(seen(answers[0] as TestResponse))
      expect(answers[0]).toMatchObject({ status: 200, body: { data: {} } })
      expect(await made.count(TAKEN, taken)).toBe(1)
      expect((await made.letters.last(TAKEN)).facts).toEqual({})
    }
  })

  test('changes nothing of the account that has the address, and mails it no link', async () => {
    const made = await safe()
    const open = newAddress()
    await made.register(open)
    await made.register(open, { password: 'another5678', password_confirmation: 'another5678' })
    expect(await made.count('confirm_email', open)).toBe(1)
    expect(await made.count(TAKEN, open)).toBe(1)
    await use(made, await made.tokenOf('confirm_email', open))
    expect((await made.signIn(open, 'another5678')).status).toBe(401)
    expect((await made.signIn(open)).status).toBe(200)
  })

  test('tells the owner once a minute and five times an hour at most', async () => {
    const made = await safe()
    const email = await confirmed(made)
    const answers = await fifty(() => made.register(email))
    for (const answer of answers) expect(seen(answer)).toEqual(seen(answers[0] as TestResponse))
    expect(await made.count(TAKEN, email)).toBe(1)
    for (let minute = 0; minute < 10; minute++) {
      made.clock.advance(MINUTE)
      await made.register(email)
    }
    expect(await made.count(TAKEN, email)).toBe(5)
  })

  test('that is wrong is told as everywhere, whoever it is about', async () => {
    const made = await safe()
    const taken = await confirmed(made)
    const wrong = { password: 'short', password_confirmation: 'short' }
    const [one, two] = [await made.register(taken, wrong), await made.register(newAddress(), wrong)]
    expect(seen(one)).toEqual(seen(two))
    expect(one.status).toBe(500)
  })

  test('tells of a name that is taken, and by it nothing of the address', async () => {
    const made = await safe({ identifiers: ['email', 'username'] })
    const taken = newAddress()
    await made.register(taken, { username: 'ann' })
    const answers = [
      await made.register(taken, { username: 'ann' }),
      await made.register(newAddress(), { username: 'ann' }),
    ]
    for (const { body } of answers) expect(body.error.errors).toEqual({ username: ['has already been taken'] })
    expect(await made.count(TAKEN, taken)).toBe(0)
    expect((await made.register(taken, { username: 'bob' })).body).toEqual({ data: {} })
    expect(await made.count(TAKEN, taken)).toBe(1)
  })

  test('of fifty at once with one address all are answered alike, and one is made', async () => {
    for (const kind of SINGLE_USE) {
      const made = await safe({}, kind)
      const email = newAddress()
      const answers = await fifty(() => made.register(email))
      for (const answer of answers) expect(seen(answer), kind.name).toEqual(seen(answers[0] as TestResponse))
      expect(made.events.filter(({ name }) => name === 'account.created')).toHaveLength(1)
      expect(await made.count('confirm_email', email)).toBe(1)
    }
  })
})

describe('a sign-in', () => {
  test('to an account that is not confirmed is answered as with the wrong password, right or not', async () => {
    for (const options of [{}, { identifiers: ['email', 'username'] as const }]) {
      const made = await safe(options)
      const [taken, open] = [await confirmed(made).catch(() => newAddress()), newAddress()]
      await made.register(open, { username: 'ann' })
      const right = await made.signIn(open)
      const answers = [await made.signIn(open, 'wrong-one'), await made.signIn(taken, 'wrong-one')]
      answers.push(await made.signIn(newAddress()))
      for (const answer of answers) expect(seen(answer)).toEqual(seen(right))
      expect(right.body.error.reason).toBe('invalid_credentials')
    }
  })

  test('with the right password mails a new link, and with a wrong one none', async () => {
    const made = await safe()
    const open = newAddress()
    await made.register(open)
    await made.signIn(open, 'wrong-one')
    expect(await made.count('confirm_email', open)).toBe(1)
    await made.signIn(open)
    expect(await made.count('confirm_email', open)).toBe(2)
    expect((await use(made, await made.tokenOf('confirm_email', open))).status).toBe(200)
    expect((await made.signIn(open)).status).toBe(200)
  })

  test('of somebody else with wrong passwords does not use up the links of its owner', async () => {
    const made = await safe()
    const open = newAddress()
    await made.register(open)
    await fifty(() => made.signIn(open, 'wrong-one'))
    await resend(made, open)
    expect(await made.count('confirm_email', open)).toBe(2)
  })

  test('is told to operators and to other extensions as a failure', async () => {
    const failed: string[] = []
    const counting = {
      name: 'counting',
      setup: () => ({ hooks: { authenticationFailed: () => void failed.push('failed') } }),
    }
    const made = await mailedAuth([counting, emailConfirmation({ enumerationSafe: true })])
    const open = newAddress()
    await made.register(open)
    await made.signIn(open)
    await made.signIn(open, 'wrong-one')
    expect(failed).toHaveLength(2)
    const [right, wrong] = made.events.filter(({ name }) => name === 'sign_in.failed')
    expect({ ...right, requestId: '' }).toEqual({ ...wrong, requestId: '' })
  })
})

test('registering and then signing in, resetting or resending tells nobody whether the address was free', async () => {
  const made = await safe()
  const owned = await confirmed(made)
  const free = newAddress()
  const told = async (email: string) => {
    const password = 'attacker1234'
    const user = { password, password_confirmation: password }
    const answers = [
      await made.register(email, user),
      await made.signIn(email, password),
      await made.register(email, user),
    ]
    answers.push(await resend(made, email), await reset(made, email), await made.signIn(email, password))
    return answers.map(seen)
  }
  expect(await told(owned)).toEqual(await told(free))
})

test('it takes as many writes and reads, whoever is meant', async () => {
  const done: string[] = []
  const counting = <Sent extends unknown[], Result>(name: string, call: (...sent: Sent) => Result) => {
    return (...sent: Sent): Result => {
      done.push(name)
      return call(...sent)
    }
  }
  const store = memoryStore()
  const { values } = store
  const counted = Object.entries(values).map(([name, call]) => [name, counting(name, call as () => unknown)])
  const made = await safe({ store: { ...store, values: Object.fromEntries(counted) } })
  const [known, open] = [await confirmed(made), newAddress()]
  await made.register(open)
  const workOf = async (run: () => Promise<unknown>) => {
    done.length = 0
    const before = (await made.letters.all()).length
    await run()
    return [...done, `${(await made.letters.all()).length - before} letters`]
  }
  for (let round = 0; round < 3; round++) {
    for (const act of [resend, reset, (auth: MailedAuth, email: string) => auth.register(email)]) {
      const expected = await workOf(() => act(made, newAddress()))
      for (const email of [known, open]) expect(await workOf(() => act(made, email))).toEqual(expected)
    }
    const expected = await workOf(() => made.signIn(newAddress(), 'wrong-one'))
    expect(await workOf(() => made.signIn(open))).toEqual(expected)
    expect(await workOf(() => made.signIn(open, 'wrong-one'))).toEqual(expected)
    expect(await workOf(() => made.signIn(known, 'wrong-one'))).toEqual(expected)
  }
})

/** Two things done in turns. How surely their times differ. */
async function difference(one: () => Promise<unknown>, two: () => Promise<unknown>, rounds: number): Promise<number> {
  const times = { one: [] as number[], two: [] as number[] }
  for (let round = -5; round < rounds; round++) {
    const inOrder = [
      ['one', one],
      ['two', two],
    ] as const
    for (const [name, run] of round % 2 === 0 ? inOrder : inOrder.toReversed()) {
      const spent = await millisecondsOf(run)
      if (round >= 0) times[name].push(spent)
    }
  }
  return rankSumDeviation(times.one, times.two)
}

describe.each(SINGLE_USE.filter(({ name }) => name !== 'redis cluster'))('on $name', kind => {
  test('it takes as long, whoever is meant', { timeout: 120_000, retry: 2 }, async () => {
    const made = await safe({ hasher: argon2Hasher() }, kind)
    const [known, open] = [await confirmed(made), newAddress()]
    await made.register(open)
    const later = (run: () => Promise<unknown>) => () => {
      made.clock.advance(HOUR)
      return run()
    }
    const nobody = () => newAddress()
    const pairs: Record<string, [() => Promise<unknown>, () => Promise<unknown>, number]> = {
      reset: [() => reset(made, known), () => reset(made, nobody()), 150],
      'resend, unconfirmed': [() => resend(made, open), () => resend(made, nobody()), 150],
      'resend, confirmed': [() => resend(made, known), () => resend(made, nobody()), 150],
      registration: [() => made.register(known), () => made.register(nobody()), 40],
      'sign-in': [() => made.signIn(open), () => made.signIn(known, 'wrong-one'), 40],
    }
    for (const [name, [one, two, rounds]] of Object.entries(pairs)) {
      expect(await difference(later(one), later(two), rounds), name).toBeLessThan(4)
    }
    // What does less is found out.
    expect(
      await difference(
        () => reset(made, known),
        () => reset(made, 'nobody'),
        40,
      ),
    ).toBeGreaterThan(6)
  })
})

test('an address and a name of other people are told to who is signed in alike', async () => {
  const made = await safe()
  const [one, two] = [await confirmed(made), await confirmed(made)]
  const token = (await made.signIn(one)).body.data.access_token
  const ask = (email: string) =>
    made.request('PATCH', '/registration', { token, json: { user: { email, current_password: PASSWORD } } })
  expect(seen(await ask(two))).toEqual(seen(await ask(newAddress())))
})
