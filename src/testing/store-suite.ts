import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '../base/clock.js'
import type { Renewed, Session } from '../stores/session-store.js'
import type { Store } from '../stores/store.js'
import { newSessionId } from '../tokens/random.js'
import { fifty, type SuiteOptions, suite } from './suite.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR

function newSession(now: number, changed: Partial<Session> = {}): Session {
  const { userId = randomUUID() } = changed
  return {
    id: newSessionId(userId),
    userId,
    secretHash: new Uint8Array(randomBytes(32)),
    generation: 0,
    credentialEpoch: 0,
    createdAt: now,
    authenticatedAt: now,
    renewedAt: now,
    accessExpiresAt: now + HOUR,
    renewalExpiresAt: now + 30 * DAY,
    expiresAt: now + 90 * DAY,
    methods: ['pwd', 'otp'],
    createdBy: { userAgent: 'A "quoted" agent, ünïcode', address: '192.0.2.1' },
    renewedBy: { userAgent: null, address: null },
    retryKeyHash: null,
    data: { theme: 'dark', nested: { list: [1, null, 'x'] } },
    ...changed,
  }
}

function renewed(session: Session, now: number, changed: Partial<Renewed> = {}): Renewed {
  return {
    generation: session.generation + 1,
    renewedAt: now,
    accessExpiresAt: now + HOUR,
    renewalExpiresAt: Math.min(now + 30 * DAY, session.expiresAt),
    renewedBy: { userAgent: 'B', address: '2001:db8::1' },
    retryKeyHash: 'key',
    ...changed,
  }
}

function plain(session: Session | null): unknown {
  return session && { ...session, secretHash: Buffer.from(session.secretHash).toString('hex') }
}

/** The contract of a `Store` as tests. Registers them with `test`; each gets a store of its own from `makeStore`. */
export function storeSuite(
  makeStore: (tools: { readonly now: Clock }) => Store | Promise<Store>,
  options: SuiteOptions = {},
): void {
  sessionTests(makeStore, options)
  raceTests(makeStore, options)
  valueTests(makeStore, options)
}

type MakeStore = Parameters<typeof storeSuite>[0]

function sessionTests(makeStore: MakeStore, options: SuiteOptions): void {
  const it = suite('session store', makeStore, options)

  it('finds a session as it was inserted', async ({ sessions }, clock) => {
    const session = newSession(clock.now())
    await sessions.insert(session)
    assert.deepEqual(plain(await sessions.find(session.id)), plain(session))
    assert.equal(await sessions.find(randomUUID()), null)
  })

  it('keeps null and empty facts as they are', async ({ sessions }, clock) => {
    const none = { userAgent: null, address: null }
    const session = newSession(clock.now(), { methods: [], createdBy: none, renewedBy: none, data: {} })
    await sessions.insert(session)
    assert.deepEqual(plain(await sessions.find(session.id)), plain(session))
  })

  it('gives no session at or after the end of its renewal token', async ({ sessions }, clock) => {
    const session = newSession(clock.now())
    await sessions.insert(session)
    clock.advance(30 * DAY - 1)
    assert.notEqual(await sessions.find(session.id), null)
    clock.advance(1)
    assert.equal(await sessions.find(session.id), null)
    assert.equal(await sessions.advance(session.id, 0, renewed(session, clock.now())), null)
    assert.equal(await sessions.update(session.id, { data: {} }), null)
    assert.deepEqual(await sessions.listByUser(session.userId), [])
    assert.equal(await sessions.delete(session.id), false)
  })

  it('gives no session at or after its absolute end', async ({ sessions }, clock) => {
    const session = newSession(clock.now(), { expiresAt: clock.now() + DAY })
    await sessions.insert(session)
    clock.advance(DAY)
    assert.equal(await sessions.find(session.id), null)
  })

  it('advances from the expected generation and leaves the rest alone', async ({ sessions }, clock) => {
    const session = newSession(clock.now())
    await sessions.insert(session)
    clock.advance(HOUR)
    const next = renewed(session, clock.now())
    assert.deepEqual(plain(await sessions.advance(session.id, 0, next)), plain({ ...session, ...next }))
    assert.deepEqual(plain(await sessions.find(session.id)), plain({ ...session, ...next }))
  })

  it('advances from no other generation, and not a session that is not there', async ({ sessions }, clock) => {
    const session = newSession(clock.now())
    await sessions.insert(session)
    assert.equal(await sessions.advance(session.id, 1, renewed(session, clock.now(), { generation: 2 })), null)
    assert.equal(await sessions.advance(randomUUID(), 0, renewed(session, clock.now())), null)
    assert.deepEqual(plain(await sessions.find(session.id)), plain(session))
  })

  it('updates what is named and nothing else', async ({ sessions }, clock) => {
    const session = newSession(clock.now())
    await sessions.insert(session)
    const change = { authenticatedAt: clock.now() + 5, methods: ['pwd'], credentialEpoch: 7, data: { a: 1 } }
    assert.deepEqual(plain(await sessions.update(session.id, change)), plain({ ...session, ...change }))
    assert.deepEqual(plain(await sessions.update(session.id, {})), plain({ ...session, ...change }))
    assert.equal(await sessions.update(randomUUID(), change), null)
  })

  it('deletes once', async ({ sessions }, clock) => {
    const session = newSession(clock.now())
    await sessions.insert(session)
    assert.equal(await sessions.delete(session.id), true)
    assert.equal(await sessions.delete(session.id), false)
    assert.equal(await sessions.find(session.id), null)
    assert.deepEqual(await sessions.listByUser(session.userId), [])
  })

  it("lists and ends one user's sessions, oldest first, and nobody else's", async ({ sessions }, clock) => {
    const userId = randomUUID()
    const mine: Session[] = []
    for (let index = 0; index < 3; index++) {
      mine.push(newSession(clock.now(), { userId }))
      await sessions.insert(mine.at(-1) as Session)
      clock.advance(1000)
    }
    const [first, second] = mine as [Session, Session]
    const other = newSession(clock.now())
    await sessions.insert(other)
    const ids = async () => (await sessions.listByUser(userId)).map(({ id }) => id)
    assert.deepEqual(
      await ids(),
      mine.map(({ id }) => id),
    )
    assert.equal(await sessions.deleteByUser(userId, { except: second.id }), 2)
    assert.equal(await sessions.find(first.id), null)
    assert.deepEqual(await ids(), [second.id])
    assert.equal(await sessions.deleteByUser(userId), 1)
    assert.equal(await sessions.deleteByUser(userId), 0)
    assert.notEqual(await sessions.find(other.id), null)
  })
}

function raceTests(makeStore: MakeStore, options: SuiteOptions): void {
  const it = suite('session store under concurrency', makeStore, options)

  it('of fifty advances from one generation exactly one wins', async ({ sessions }, clock) => {
    const session = newSession(clock.now())
    await sessions.insert(session)
    for (let generation = 0; generation < 20; generation++) {
      const current = { ...session, generation }
      const results = await fifty(index =>
        sessions.advance(session.id, generation, renewed(current, clock.now(), { retryKeyHash: String(index) })),
      )
      const winners = results.filter(result => result !== null)
      assert.equal(winners.length, 1)
      assert.deepEqual(plain(await sessions.find(session.id)), plain(winners[0] as Session))
    }
  })

  it('of fifty deletes exactly one says there was a session', async ({ sessions }, clock) => {
    const session = newSession(clock.now())
    await sessions.insert(session)
    const results = await fifty(() => sessions.delete(session.id))
    assert.equal(results.filter(Boolean).length, 1)
  })

  it('an advance never brings an ended session back', async ({ sessions }, clock) => {
    for (let round = 0; round < 20; round++) {
      const session = newSession(clock.now())
      await sessions.insert(session)
      await fifty(index =>
        index === round
          ? sessions.deleteByUser(session.userId)
          : sessions.advance(session.id, 0, renewed(session, clock.now())),
      )
      assert.equal(await sessions.find(session.id), null)
      assert.deepEqual(await sessions.listByUser(session.userId), [])
    }
  })

  it('of fifty updates of different facts none is lost', async ({ sessions }, clock) => {
    const session = newSession(clock.now())
    await sessions.insert(session)
    await fifty(index =>
      index % 2 === 0
        ? sessions.update(session.id, { authenticatedAt: clock.now() + 9 })
        : sessions.update(session.id, { data: { changed: true } }),
    )
    const found = await sessions.find(session.id)
    assert.equal(found?.authenticatedAt, clock.now() + 9)
    assert.deepEqual(found?.data, { changed: true })
  })
}

function valueTests(makeStore: MakeStore, options: SuiteOptions): void {
  const it = suite('key-value store', makeStore, options)

  it('gets what was put, until its time is over', async ({ values }, clock) => {
    const value = { text: 'ünïcode "quoted"', list: [1, null, true], nested: { a: {} } }
    await values.put('k', value, 1000)
    assert.deepEqual(await values.get('k'), value)
    clock.advance(999)
    assert.deepEqual(await values.get('k'), value)
    clock.advance(1)
    assert.equal(await values.get('k'), null)
    assert.equal(await values.take('k'), null)
    assert.equal(await values.delete('k'), false)
    assert.equal(await values.get('never'), null)
  })

  it('puts over what was there, with its own time', async ({ values }, clock) => {
    await values.put('k', 1, 1000)
    await values.put('k', 2, 5000)
    clock.advance(4999)
    assert.equal(await values.get('k'), 2)
  })

  it('keeps keys apart that look alike', async ({ values }) => {
    const keys = ['a', 'A', 'a:b', 'a%3Ab', 'a b', 'á', '{a}', "a'b", '*']
    for (const key of keys) await values.put(key, key, 1000)
    for (const key of keys) assert.equal(await values.get(key), key)
  })

  it('takes once, and of fifty takes exactly one gets the value', async ({ values }) => {
    for (let round = 0; round < 20; round++) {
      await values.put('k', { round }, 1000)
      const taken = await fifty(() => values.take('k'))
      assert.deepEqual(
        taken.filter(value => value !== null),
        [{ round }],
      )
      assert.equal(await values.get('k'), null)
    }
  })

  it('deletes once, whatever the value', async ({ values }) => {
    await values.put('k', false, 1000)
    const results = await fifty(() => values.delete('k'))
    assert.equal(results.filter(Boolean).length, 1)
  })

  it('counts every one of fifty increments', async ({ values }) => {
    const counts = await fifty(() => values.increment('k', 1000))
    assert.deepEqual(
      counts.sort((a, b) => a - b),
      Array.from({ length: 50 }, (_, index) => index + 1),
    )
  })

  it('counts anew after the window, whose end later increments do not move', async ({ values }, clock) => {
    assert.equal(await values.increment('k', 1000), 1)
    clock.advance(900)
    assert.equal(await values.increment('k', 1000), 2)
    clock.advance(100)
    assert.equal(await values.increment('k', 1000), 1)
    await values.delete('k')
    assert.equal(await values.increment('k', 1000), 1)
  })
}
