import { describe, expect, test } from 'vitest'
import { memoryStore, type Store } from '../../src/index.js'
import { testClock } from '../../src/testing/index.js'
import { ASKING, BOTH, cookieAuth, HOUR, MINUTE, named, tokenIn, type Visitor, visitor } from './visitor.js'

type Part = 'sessions' | 'values'
const KINDS = Object.keys(BOTH) as (keyof typeof BOTH)[]

/** An auth on a store of which a test takes away parts, or single verbs, and somebody who is signed in. */
async function onStore(kind: keyof typeof BOTH, session = {}) {
  const { now, advance } = testClock()
  const store = memoryStore({ now })
  let away: (part: Part, verb: string) => boolean = () => false
  let late = false
  const reachable = <Target extends object>(part: Part, target: Target) =>
    Object.fromEntries(
      Object.entries(target).map(([verb, run]) => [
        verb,
        async (...args: unknown[]) => {
          const isAway = away(part, verb)
          if (isAway && !late) throw new Error('connection refused')
          const result = await run(...args)
          if (isAway) throw new Error('connection reset')
          // As a store across a network: never the same object twice.
          return verb === 'find' && result ? { ...result } : result
        },
      ]),
    ) as Target
  const cut: Store = {
    ...store,
    sessions: reachable('sessions', store.sessions),
    values: reachable('values', store.values),
  }
  const made = cookieAuth({ sessions: BOTH[kind](), store: cut, now, session })
  const mine = visitor(made, { headers: ASKING })
  await mine.register(true)
  return {
    ...made,
    mine,
    now,
    advance,
    store,
    /** What is taken away does nothing; with `afterwards` it does what it shall, and its answer is lost. */
    take(what: typeof away = () => true, { afterwards = false } = {}) {
      away = what
      late = afterwards
    },
    back() {
      away = () => false
    },
  }
}

const get = (mine: Visitor) => mine.send('GET', '/session')

describe.each(KINDS)('by %s', kind => {
  test('a store that is away answers 503 to every verb, clears no cookie, and signs nobody out', async () => {
    const made = await onStore(kind)
    const { mine, take, back } = made
    take()
    const json = { user: { email: 'a@example.com', password: 'secret1234' } }
    for (const [method, path, request] of [
      ['GET', '/session', {}],
      ['POST', '/session/renew', {}],
      ['DELETE', '/session', {}],
      ['DELETE', '/sessions', {}],
      ['POST', '/session/reauthenticate', { json }],
    ] as const) {
      const { status, cookies, headers } = await mine.send(method, path, request)
      expect({ path, status, cookies }).toEqual({ path, status: 503, cookies: [] })
      expect(headers['retry-after']).toBeDefined()
    }
    expect((await mine.signIn()).status).toBe(503)
    expect((await mine.register()).cookies).toEqual([])
    back()
    expect((await get(mine)).status).toBe(200)
  })

  test('a store that goes away before the write of a sign-in: 503, and no cookie', async () => {
    const { mine, take, back } = await onStore(kind)
    const { cookie } = mine
    take((part, verb) => part === 'sessions' && verb === 'insert')
    const { status, cookies } = await mine.signIn()
    expect({ status, cookies }).toEqual({ status: 503, cookies: [] })
    back()
    expect(mine.cookie).toBe(cookie)
    expect((await get(mine)).status).toBe(200)
  })

  test('a store that goes away before the end of a session: 503, never 200, and the cookie stays', async () => {
    const { mine, take, back } = await onStore(kind)
    take((part, verb) => part === 'sessions' && verb === 'delete')
    const { status, cookies } = await mine.send('DELETE', '/session')
    expect({ status, cookies }).toEqual({ status: 503, cookies: [] })
    back()
    expect((await mine.send('DELETE', '/session')).status).toBe(200)
    expect(mine.cookie).toBeNull()
  })

  test.each<[string, (part: Part, verb: string) => boolean]>([
    ['before the step', (part, verb) => part === 'values' && verb === 'put'],
    ['at the step', (part, verb) => part === 'sessions' && verb === 'advance'],
  ])('a store that goes away during the exchange, %s: nobody notices', async (_, what) => {
    const made = await onStore(kind)
    const { mine, take, back, advance } = made
    const { cookie } = mine
    advance(15 * MINUTE)
    take(what)
    const { status, cookies } = await get(mine)
    expect({ status, cookies }).toEqual({ status: 200, cookies: [] })
    expect(named(made, 'store.unavailable')).toEqual([expect.objectContaining({ detail: 'cookie' })])
    advance(HOUR)
    back()
    expect((await get(mine)).status).toBe(200)
    expect(mine.cookie).not.toBe(cookie)
    expect((await get(mine)).status).toBe(200)
  })

  test('an exchange that was done though the store said nothing loses nobody', async () => {
    const made = await onStore(kind)
    const { mine, take, back, advance } = made
    advance(15 * MINUTE)
    take((part, verb) => part === 'sessions' && verb === 'advance', { afterwards: true })
    expect((await get(mine)).cookies).toEqual([])
    back()
    advance(HOUR)
    const answered = await get(mine)
    expect(answered.status).toBe(200)
    expect(tokenIn(answered.cookies)).toMatch(/^pwc1_/)
    expect((await get(mine)).status).toBe(200)
  })

  test('values that are away alone: whoever has the current cookie is served, and it is exchanged later', async () => {
    const made = await onStore(kind)
    const { mine, take, back, advance } = made
    advance(15 * MINUTE)
    expect((await get(mine)).cookies).toHaveLength(1)
    take(part => part === 'values')
    for (let count = 0; count < 3; count++) expect((await get(mine)).status).toBe(200)
    advance(15 * MINUTE)
    const { status, cookies } = await get(mine)
    expect({ status, cookies }).toEqual({ status: 200, cookies: [] })
    expect((await mine.signIn()).status).toBe(200)
    expect((await mine.send('DELETE', '/session')).status).toBe(200)
    back()
    expect((await get(mine)).status).toBe(401)
  })

  test('values that are away: the cookie before the current is 503, and neither refused nor a replay', async () => {
    const made = await onStore(kind)
    const { mine, take, back, advance } = made
    advance(15 * MINUTE)
    await mine.lose('GET', '/session')
    take(part => part === 'values')
    // In the race window nobody has to be asked.
    expect((await mine.lose('GET', '/session')).status).toBe(200)
    advance(MINUTE)
    expect((await get(mine)).status).toBe(503)
    expect(named(made, 'session.reused')).toEqual([])
    back()
    expect((await get(mine)).status).toBe(200)
  })

  test('the end of a replayed session that the store did not take is 503, and tried again', async () => {
    const made = await onStore(kind)
    const { mine, take, back, advance } = made
    advance(15 * MINUTE)
    const old = mine.cookie
    await get(mine)
    await get(mine)
    advance(MINUTE)
    take((part, verb) => part === 'sessions' && verb === 'delete')
    expect((await mine.lose('GET', '/session', { cookie: old })).status).toBe(503)
    expect(named(made, 'session.reused')).toHaveLength(1)
    back()
    expect((await mine.lose('GET', '/session', { cookie: old })).status).toBe(401)
    expect((await get(mine)).status).toBe(401)
  })

  test('with staleIfError a check is answered from memory, and nothing is exchanged for it', async () => {
    const made = await onStore(kind, { staleIfError: '30s' })
    const { mine, take, back, advance } = made
    advance(15 * MINUTE - 1)
    expect((await get(mine)).status).toBe(200)
    take()
    advance(1)
    const { status, cookies } = await get(mine)
    expect({ status, cookies }).toEqual({ status: 200, cookies: [] })
    expect(named(made, 'store.unavailable')).toEqual([])
    expect((await mine.send('POST', '/session/renew')).status).toBe(503)
    expect((await mine.send('DELETE', '/session')).status).toBe(503)
    back()
    expect((await get(mine)).cookies).toHaveLength(1)
  })

  test('with staleIfError a server that knows an older generation says 503 of a newer cookie, not 401', async () => {
    const one = await onStore(kind, { staleIfError: '30s' })
    const { mine, take, advance } = one
    advance(15 * MINUTE - 1)
    expect((await get(mine)).status).toBe(200)
    advance(1)
    // Exchanged by another server on the same store.
    const { store, auth } = one
    const there = visitor(cookieAuth({ sessions: BOTH[kind](), store, users: auth.users, now: one.now }))
    there.cookie = mine.cookie
    expect((await get(there)).cookies).toHaveLength(1)
    take()
    expect((await get(mine)).status).toBe(200)
    mine.cookie = there.cookie
    expect((await get(mine)).status).toBe(503)
  })
})
