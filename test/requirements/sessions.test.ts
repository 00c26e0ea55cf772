import { expect, test } from 'vitest'
import { memoryStore, memoryUsers, type Store } from '../../src/index.js'
import { sqliteStore } from '../../src/stores/sqlite.js'
import { type TestAuth, testAuth, testClock } from '../../src/testing/index.js'
import { newDatabase } from '../support/database.js'
import { signUpWith, type Tokens, tokensOf, useServer } from '../support/wire.js'

const wire = useServer()

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

async function check({ request }: Pick<TestAuth, 'request'>, token: string): Promise<number> {
  return (await request('GET', '/session', { token })).status
}

function renew({ request }: Pick<TestAuth, 'request'>, token: string) {
  return request('POST', '/session/renew', { token })
}

async function wireCheck(token: string): Promise<number> {
  return (await wire.request('GET', '/session', { token })).status
}

function wireRenew(token: string) {
  return wire.request('POST', '/session/renew', { token })
}

function signOut(token: string) {
  return wire.request('DELETE', '/session', { token })
}

test('T7: an access token lives 30 minutes from its issue, and use does not extend it', async () => {
  const made = testAuth()
  const { access } = await signUpWith(made)
  for (let minute = 0; minute < 29; minute++) {
    made.clock.advance(MINUTE)
    expect(await check(made, access)).toBe(200)
  }
  made.clock.advance(MINUTE - 1000)
  expect(await check(made, access)).toBe(200)
  made.clock.advance(1000)
  expect(await check(made, access)).toBe(401)
  made.clock.advance(1000)
  expect(await check(made, access)).toBe(401)
})

test('T7: a renewal token lives 30 days from its issue', async () => {
  const made = testAuth()
  const [early, late] = [await signUpWith(made), await signUpWith(made)]
  made.clock.advance(30 * DAY - 1000)
  expect((await renew(made, early.renewal)).status).toBe(200)
  made.clock.advance(2000)
  expect((await renew(made, late.renewal)).status).toBe(401)
})

test('T7: a session ends 90 days after its start, however often it is renewed', async () => {
  const made = testAuth()
  let pair: Tokens = await signUpWith(made)
  for (const days of [29, 29, 29]) {
    made.clock.advance(days * DAY)
    pair = tokensOf(await renew(made, pair.renewal))
  }
  made.clock.advance(3 * DAY - 1000)
  pair = tokensOf(await renew(made, pair.renewal))
  expect(await check(made, pair.access)).toBe(200)
  made.clock.advance(2000)
  expect(await check(made, pair.access)).toBe(401)
  expect((await renew(made, pair.renewal)).status).toBe(401)
})

test('T7: a store that missed the end of a life, and comes back with its snapshot, revives nobody', async () => {
  const [users, { now }] = [memoryUsers(), testClock()]
  const made = testAuth({ users })
  const { access, renewal } = await signUpWith(made)
  const { body } = await made.request('GET', '/session', { token: access })
  const snapshot = await made.auth.store.sessions.find(body.data.session.id)
  if (!snapshot) throw new Error('no session')
  // A store whose own clock stands still: it forgets nothing.
  const restored = memoryStore({ now })
  await restored.sessions.insert(snapshot)
  const restarted = testAuth({ users, store: restored, now: made.clock.now })
  expect(await check(restarted, access)).toBe(200)
  made.clock.advance(30 * MINUTE)
  expect(await check(restarted, access)).toBe(401)
  made.clock.advance(30 * DAY)
  expect(await restored.sessions.find(snapshot.id)).not.toBeNull()
  expect(await check(restarted, access)).toBe(401)
  expect((await renew(restarted, renewal)).status).toBe(401)
})

/** How many of the pairs open a guarded route. */
async function countLive(pairs: readonly Tokens[], live: (token: string) => Promise<number>): Promise<number> {
  let count = 0
  for (const { access } of pairs) if ((await live(access)) === 200) count++
  return count
}

test('T8: of 50 concurrent renewals one wins, its pair is the only live one, and the old pair is dead', async () => {
  const { access, renewal } = await wire.signUp()
  const answers = await Promise.all(Array.from({ length: 50 }, () => wireRenew(renewal)))
  const won = answers.filter(({ status }) => status === 200)
  expect(won).toHaveLength(1)
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(49)
  expect(await countLive(won.map(tokensOf), wireCheck)).toBe(1)
  expect(await wireCheck(access)).toBe(401)
  expect((await wireRenew(won.map(tokensOf)[0]?.renewal ?? '')).status).toBe(200)
})

async function expectOneWinner(store: Store, now: () => number) {
  const made = testAuth({ store, now })
  const { access, renewal } = await signUpWith(made)
  const answers = await Promise.all(Array.from({ length: 50 }, () => renew(made, renewal)))
  const won = answers.filter(({ status }) => status === 200).map(tokensOf)
  expect(won).toHaveLength(1)
  expect(await countLive(won, token => check(made, token))).toBe(1)
  expect(await check(made, access)).toBe(401)
}

test('T8: of 50 concurrent renewals one wins in the store in memory', async () => {
  const { now } = testClock()
  await expectOneWinner(memoryStore({ now }), now)
})

test('T8: of 50 concurrent renewals one wins in the store on SQLite', async () => {
  const { now } = testClock()
  await expectOneWinner(sqliteStore(await newDatabase(), { now }), now)
})

test('T9: every generation before the current one is refused, and an old one ends the session', async () => {
  const generations: Tokens[] = [await wire.signUp()]
  for (let round = 0; round < 3; round++) {
    generations.push(tokensOf(await wireRenew(generations.at(-1)?.renewal ?? '')))
  }
  const [first, second, third, current] = generations as [Tokens, Tokens, Tokens, Tokens]
  for (const { access } of [first, second, third]) expect(await wireCheck(access)).toBe(401)
  // The one before the current may be a second tab: refused, and the current pair stays alive.
  expect((await wireRenew(third.renewal)).status).toBe(401)
  expect(await wireCheck(current.access)).toBe(200)

  for (const { renewal } of [first, second, third]) expect((await wireRenew(renewal)).status).toBe(401)
  expect(await wireCheck(current.access)).toBe(401)
  expect((await wireRenew(current.renewal)).status).toBe(401)
})

test('T9: a replaced token is harmless for ten seconds; after them it ends the session and is told', async () => {
  const made = testAuth()
  const person = await signUpWith(made)
  const next = tokensOf(await renew(made, person.renewal))
  made.clock.advance(9999)
  expect((await renew(made, person.renewal)).status).toBe(401)
  expect(await check(made, next.access)).toBe(200)
  expect(made.events.map(({ name }) => name)).not.toContain('session.reused')

  made.clock.advance(1)
  const refused = await renew(made, person.renewal)
  expect(refused.status).toBe(401)
  expect(refused.body.error.reason).toBe('session_reused')
  expect(await check(made, next.access)).toBe(401)
  expect((await renew(made, next.renewal)).status).toBe(401)
  expect(made.events.filter(({ name }) => name === 'session.reused')).toHaveLength(1)
})

test('T9: a replaced token is refused for as long as its session can live, and after that', async () => {
  const made = testAuth()
  const person = await signUpWith(made)
  let current = tokensOf(await renew(made, person.renewal))
  for (const days of [29, 29]) {
    made.clock.advance(days * DAY)
    current = tokensOf(await renew(made, current.renewal))
  }
  for (const days of [0, 1, 40]) {
    made.clock.advance(days * DAY)
    expect((await renew(made, person.renewal)).status).toBe(401)
  }
  expect((await renew(made, current.renewal)).status).toBe(401)
})

test('T10: sign-out kills both tokens at once, and says so again to whoever repeats it', async () => {
  const person = await wire.signUp()
  expect(await wireCheck(person.access)).toBe(200)
  const answer = await signOut(person.access)
  expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: '{"data":{}}' })
  expect(await wireCheck(person.access)).toBe(401)
  expect((await wireRenew(person.renewal)).status).toBe(401)
  expect((await signOut(person.access)).text).toBe('{"data":{}}')
})

test('T10: unknown, broken and absent tokens get the same 200 and end nothing', async () => {
  const { access } = await wire.signUp()
  for (const token of ['unknown', '', `${access.slice(0, -1)}?`, 'Basic x', `Bearer Bearer ${access}`, undefined]) {
    const answer = await wire.request('DELETE', '/session', token === undefined ? {} : { token })
    expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: '{"data":{}}' })
  }
  expect(await wireCheck(access)).toBe(200)
})

test('T10: a sign-out that the store did not take is a 503, and the session is still listed', async () => {
  const store = memoryStore({ now: testClock().now })
  let away = true
  const sessions = {
    ...store.sessions,
    delete(id: string) {
      if (away) throw new Error('the store is away')
      return store.sessions.delete(id)
    },
  }
  const made = testAuth({ store: { ...store, sessions } })
  const { access } = await signUpWith(made)
  const refused = await made.request('DELETE', '/session', { token: access })
  expect(refused.status).toBe(503)
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  expect((await made.request('GET', '/sessions', { token: access })).body.data.sessions).toHaveLength(1)
  away = false
  expect((await made.request('DELETE', '/session', { token: access })).status).toBe(200)
  expect(await check(made, access)).toBe(401)
})

test('T11: sign-out works with the renewal token and with an expired access token', async () => {
  const person = await wire.signUp()
  expect((await signOut(person.renewal)).status).toBe(200)
  expect(await wireCheck(person.access)).toBe(401)

  const made = testAuth()
  const late = await signUpWith(made)
  made.clock.advance(31 * MINUTE)
  expect(await check(made, late.access)).toBe(401)
  expect((await made.request('DELETE', '/session', { token: late.access })).status).toBe(200)
  expect((await renew(made, late.renewal)).status).toBe(401)
})

test('T11: a sign-out that races a renewal leaves no live token behind', async () => {
  const outcomes = new Set<number>()
  for (let round = 0; round < 30; round++) {
    const person = await wire.signUp()
    const out = () => signOut(round % 3 === 0 ? person.access : person.renewal)
    const both = round % 2 === 0 ? [wireRenew(person.renewal), out()] : [out(), wireRenew(person.renewal)]
    const [first, second] = (await Promise.all(both)) as [Awaited<(typeof both)[0]>, Awaited<(typeof both)[0]>]
    const [renewed, ended] = round % 2 === 0 ? [first, second] : [second, first]
    expect(ended.status).toBe(200)
    outcomes.add(renewed.status)
    const pairs: Tokens[] = renewed.status === 200 ? [person, tokensOf(renewed)] : [person]
    for (const { access, renewal } of pairs) {
      expect(await wireCheck(access)).toBe(401)
      expect((await wireRenew(renewal)).status).toBe(401)
    }
  }
  // Both orders were seen.
  expect([...outcomes].sort()).toEqual([200, 401])
})
