import { describe, expect, test } from 'vitest'
import { memoryStore, memoryUsers, type Store } from '../src/index.js'
import { type TestAuth, testAuth, testClock } from '../src/testing/index.js'
import { fifty } from './support/fifty.js'
import { STORES, type StoreKind } from './support/stores.js'

const PASSWORD = 'secret1234'

interface Pair {
  readonly access_token: string
  readonly renewal_token: string
}

/** An auth on a store of a kind. Patient: a busy machine is no failure of a store. */
async function on(make: StoreKind['make']): Promise<TestAuth> {
  const { now, advance } = testClock()
  const made = testAuth({ ...(await make({ now })), now, deadlineMs: 20_000 })
  return { ...made, clock: { now, advance } }
}

async function register(made: TestAuth, email: string): Promise<Pair> {
  const user = { email, password: PASSWORD, password_confirmation: PASSWORD }
  return (await made.request('POST', '/registration', { json: { user } })).body.data
}

async function signIn(made: TestAuth, email: string, password = PASSWORD): Promise<Pair> {
  return (await made.request('POST', '/session', { json: { user: { email, password } } })).body.data
}

function renew(made: TestAuth, token: string, key?: string) {
  const headers = key === undefined ? {} : { 'idempotency-key': key }
  return made.request('POST', '/session/renew', { token, headers })
}

async function isLive(made: TestAuth, { access_token }: Pair): Promise<boolean> {
  return (await made.request('GET', '/session', { token: access_token })).status === 200
}

/** A store that lets others run before every step, so that races are real where everything is synchronous. */
function yielding(store: Store): Store {
  const slowly = <Target extends object>(target: Target) =>
    Object.fromEntries(
      Object.entries(target).map(([name, verb]) => [
        name,
        typeof verb !== 'function' || name === 'findWith'
          ? verb
          : async (...args: unknown[]) => {
              for (let turns = Math.floor(Math.random() * 4); turns > 0; turns--) await Promise.resolve()
              return verb(...args)
            },
      ]),
    ) as Target
  const { findWith: _, ...sessions } = store.sessions
  return { sessions: slowly(sessions), values: slowly(store.values), ping: store.ping }
}

const INTERLEAVED: StoreKind = {
  name: 'memory with interleaving',
  make: async ({ now }) => ({ store: yielding(memoryStore({ now })), users: memoryUsers() }),
}

/** Stores across a network get fewer rounds here; three servers on one of them get a thousand elsewhere. */
const roundsOf = (name: string) => (/^(?:memory|sqlite)/.test(name) ? 200 : 20)

describe.each([INTERLEAVED, ...STORES].map(({ name, make }) => [name, roundsOf(name), make] as const))(
  'renewal on %s, %i rounds',
  (_, rounds, makeStore) => {
    const make = () => on(makeStore)

    test('of fifty renewals of one token exactly one leaves a live pair', async () => {
      const made = await make()
      let { renewal_token } = await register(made, 'a@example.com')
      for (let round = 0; round < rounds; round++) {
        const answers = await fifty(() => renew(made, renewal_token))
        const pairs = answers.filter(({ status }) => status === 200).map(({ body }) => body.data as Pair)
        expect(pairs).toHaveLength(1)
        expect(answers.filter(({ status }) => status === 401)).toHaveLength(49)
        expect(await isLive(made, pairs[0] as Pair)).toBe(true)
        renewal_token = (pairs[0] as Pair).renewal_token
      }
    })

    test('with one shared Idempotency-Key all fifty get the same live pair', async () => {
      const made = await make()
      let { renewal_token } = await register(made, 'a@example.com')
      for (let round = 0; round < rounds; round++) {
        const answers = await fifty(() => renew(made, renewal_token, `round-${round}`))
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
        const pairs = new Set(answers.map(({ body }) => JSON.stringify(body.data)))
        expect(pairs.size).toBe(1)
        const pair: Pair = answers[0]?.body.data
        expect(await isLive(made, pair)).toBe(true)
        renewal_token = pair.renewal_token
      }
    })

    test('fifty renewals with fifty keys leave one live pair, and each key keeps its own answer', async () => {
      const made = await make()
      const { renewal_token } = await register(made, 'a@example.com')
      const answers = await fifty(index => renew(made, renewal_token, `key-${index}`))
      const won = answers.findIndex(({ status }) => status === 200)
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      const again = await fifty(index => renew(made, renewal_token, `key-${index}`))
      expect(again.flatMap(({ status }, index) => (status === 200 ? [index] : []))).toEqual([won])
      expect(again[won]?.body).toEqual(answers[won]?.body)
    })

    test('a retry with its key gets the same pair for two minutes and no longer', async () => {
      const made = await make()
      const { renewal_token } = await register(made, 'a@example.com')
      const first = await renew(made, renewal_token, 'k')
      made.clock.advance(119_999)
      const retried = await renew(made, renewal_token, 'k')
      expect(retried.body).toEqual(first.body)
      expect(await isLive(made, retried.body.data)).toBe(true)
      made.clock.advance(1)
      expect((await renew(made, renewal_token, 'k')).status).toBe(401)
      expect(await isLive(made, first.body.data)).toBe(false)
    })

    test('a replay within the race window is refused and harms nobody', async () => {
      const made = await make()
      const { renewal_token } = await register(made, 'a@example.com')
      const { body } = await renew(made, renewal_token)
      made.clock.advance(9999)
      expect((await renew(made, renewal_token)).status).toBe(401)
      expect((await renew(made, renewal_token, 'some other key')).status).toBe(401)
      expect(await isLive(made, body.data)).toBe(true)
    })

    test('a replay after the race window ends the session, and its tokens are told so', async () => {
      const made = await make()
      const { renewal_token } = await register(made, 'a@example.com')
      const { body } = await renew(made, renewal_token)
      made.clock.advance(10_000)
      expect((await renew(made, renewal_token)).status).toBe(401)
      expect(made.events.filter(({ name }) => name === 'session.reused')).toHaveLength(1)
      const guarded = await made.request('GET', '/session', { token: body.data.access_token })
      expect(guarded.body).toEqual({ error: { code: 401, message: 'Not authenticated', reason: 'session_reused' } })
      const renewed = await renew(made, body.data.renewal_token)
      expect(renewed.body).toEqual({ error: { status: 401, message: 'Invalid token', reason: 'session_reused' } })
    })

    test('a token two generations old ends the session at once', async () => {
      const made = await make()
      const { renewal_token } = await register(made, 'a@example.com')
      const second = (await renew(made, renewal_token)).body.data
      const third = (await renew(made, second.renewal_token)).body.data
      expect((await renew(made, renewal_token)).status).toBe(401)
      expect(await isLive(made, third)).toBe(false)
      expect((await renew(made, third.renewal_token)).status).toBe(401)
    })

    test('a renewal that races sign-out leaves nothing alive', async () => {
      const made = await make()
      await register(made, 'a@example.com')
      for (let round = 0; round < rounds / 2; round++) {
        const pair = await signIn(made, 'a@example.com')
        const out = () => made.request('DELETE', '/session', { token: pair.access_token })
        const [first, second] = await Promise.all(
          round % 2 ? [renew(made, pair.renewal_token), out()] : [out(), renew(made, pair.renewal_token)],
        )
        const renewed = round % 2 ? first : second
        expect((round % 2 ? second : first)?.status).toBe(200)
        if (renewed?.status === 200) {
          expect(await isLive(made, renewed.body.data)).toBe(false)
          expect((await renew(made, renewed.body.data.renewal_token)).status).toBe(401)
        }
        expect(await isLive(made, pair)).toBe(false)
      }
    })

    test('renewals and sign-ins that race "end all" leave nothing of before it alive', async () => {
      const made = await make()
      const { renewal_token: _, ...rest } = await register(made, 'a@example.com')
      for (let round = 0; round < rounds / 6; round++) {
        const pairs = [rest as Pair]
        for (let index = 0; index < 4; index++) pairs.push(await signIn(made, 'a@example.com'))
        const ending = await signIn(made, 'a@example.com')
        const json = { include_current: true }
        const results = await Promise.all([
          ...pairs.slice(1).map(pair => renew(made, pair.renewal_token)),
          made.request('DELETE', '/sessions', { token: ending.access_token, json }),
        ])
        expect(results.at(-1)?.status).toBe(200)
        for (const { status, body } of results.slice(0, -1)) {
          if (status !== 200) continue
          expect(await isLive(made, body.data)).toBe(false)
        }
        for (const pair of pairs) expect(await isLive(made, pair)).toBe(false)
        expect(await isLive(made, ending)).toBe(false)
      }
    })

    test('a password change ends the others, whatever they do meanwhile, and keeps its own session', async () => {
      const made = await make()
      await register(made, 'a@example.com')
      let password = PASSWORD
      for (let round = 0; round < rounds / 6; round++) {
        const mine = await signIn(made, 'a@example.com', password)
        const other = await signIn(made, 'a@example.com', password)
        const next = `${PASSWORD}-${round}`
        const user = { current_password: password, password: next, password_confirmation: next }
        const [changed, renewed, signedIn, ...checks] = await Promise.all([
          made.request('PATCH', '/registration', { token: mine.access_token, json: { user } }),
          renew(made, other.renewal_token),
          made.request('POST', '/session', { json: { user: { email: 'a@example.com', password } } }),
          ...Array.from({ length: 5 }, () => isLive(made, mine)),
        ])
        expect(changed?.status).toBe(200)
        expect(checks).toEqual([true, true, true, true, true])
        expect(await isLive(made, mine)).toBe(true)
        expect(await isLive(made, other)).toBe(false)
        if (renewed?.status === 200) expect(await isLive(made, renewed.body.data)).toBe(false)
        if (signedIn?.status === 200) expect(await isLive(made, signedIn.body.data)).toBe(false)
        password = next
      }
    })
  },
)

test('with race: converge the losers get the winner’s pair', async () => {
  const made = testAuth({ session: { race: 'converge' } })
  const { renewal_token } = await register(made, 'a@example.com')
  const answers = await fifty(() => renew(made, renewal_token))
  expect(new Set(answers.map(({ body }) => JSON.stringify(body.data))).size).toBe(1)
  made.clock.advance(10_000)
  expect((await renew(made, renewal_token)).status).toBe(401)
  expect(await isLive(made, answers[0]?.body.data)).toBe(false)
})

test('of fifty registrations of one address one is told 200; with one key all fifty are, and one account is made', async () => {
  const made = testAuth()
  const user = { email: 'a@example.com', password: PASSWORD, password_confirmation: PASSWORD }
  const send = (json: unknown, key?: string) =>
    made.request('POST', '/registration', { json, headers: key === undefined ? {} : { 'idempotency-key': key } })
  const plain = await fifty(() => send({ user }))
  expect(plain.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(plain.filter(({ body }) => body.error?.errors?.email?.[0] === 'has already been taken')).toHaveLength(49)

  const other = { ...user, email: 'b@example.com' }
  const keyed = await fifty(() => send({ user: other }, 'one key'))
  expect(keyed.filter(({ status }) => status === 200)).toHaveLength(50)
  const ids = new Set<string>()
  for (const { body } of keyed) {
    ids.add((await made.request('GET', '/session', { token: body.data.access_token })).body.data.user.id)
  }
  expect(ids.size).toBe(1)

  const stranger = { ...other, password: 'not the password', password_confirmation: 'not the password' }
  expect((await send({ user: stranger }, 'one key')).status).toBe(500)
  expect((await send({ user: other }, 'another key')).status).toBe(500)
})
