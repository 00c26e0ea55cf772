import { describe, expect, test } from 'vitest'
import { type TestAuth, testClock } from '../../src/testing/index.js'
import { fifty } from '../support/fifty.js'
import { STORES } from '../support/stores.js'
import { due, newCookies, REUSED, show } from './due.js'
import { cookieAuth, cookieAuthOn, DAY, HOUR, MINUTE, named, type Visitor, visitor } from './visitor.js'

async function generationOf({ auth }: TestAuth, mine: Visitor): Promise<number | undefined> {
  const { id } = (await mine.send('GET', '/session')).body.data.session
  return (await auth.store.sessions.find(id))?.generation
}

describe.each(STORES.map(({ name, make }) => [name, make] as const))('rotation on %s', (_, make) => {
  test('of fifty requests at once one takes the step, all are served, and all get the same cookie', async () => {
    const made = await cookieAuthOn(make)
    for (let round = 1; round <= 5; round++) {
      const { mine, old } = await due(made)
      const answers = await fifty(() => show(mine, old))
      expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
      const [fresh, ...others] = newCookies(answers)
      expect(others).toEqual([])
      expect(named(made, 'session.renewed')).toHaveLength(round)
      mine.cookie = fresh as string
      expect(await generationOf(made, mine)).toBe(1)
    }
    expect(named(made, 'store.unavailable')).toEqual([])
  })

  test('the cookie before is good in the race window, whatever was shown, and gets the new one', async () => {
    const made = await cookieAuthOn(make)
    const { mine, old } = await due(made)
    expect(await mine.isSignedIn()).toBe(true)
    expect(await mine.isSignedIn()).toBe(true)
    made.clock.advance(9999)
    const late = await show(mine, old)
    expect(late.status).toBe(200)
    expect(newCookies([late])).toEqual([mine.cookie])
    expect(await mine.isSignedIn()).toBe(true)
  })

  test('a lost answer signs nobody out: the cookie before gets the new one as long as it was not shown', async () => {
    const made = await cookieAuthOn(make)
    const { mine } = await due(made)
    const [lost] = newCookies([await mine.lose('GET', '/session')])
    for (const pause of [HOUR, 10 * DAY]) {
      made.clock.advance(pause)
      const again = await mine.lose('GET', '/session')
      expect(again.status).toBe(200)
      expect(newCookies([again])).toEqual([lost])
    }
    expect(await mine.isSignedIn()).toBe(true)
    expect(mine.cookie).toBe(lost)
    expect(await mine.isSignedIn()).toBe(true)
    expect(named(made, 'session.reused')).toEqual([])
  })

  test('once the new cookie was shown, the one before is a replay and ends the session', async () => {
    const made = await cookieAuthOn(make)
    const { mine, old } = await due(made)
    expect(await mine.isSignedIn()).toBe(true)
    expect(await mine.isSignedIn()).toBe(true)
    made.clock.advance(10_000)
    expect((await show(mine, old)).body).toEqual(REUSED)
    expect(named(made, 'session.reused')).toHaveLength(1)
    const told = await mine.send('GET', '/session')
    expect({ status: told.status, body: told.body, cookies: told.cookies }).toEqual({
      status: 401,
      body: REUSED,
      cookies: [],
    })
  })

  test('a cookie two generations old ends the session at once', async () => {
    const made = await cookieAuthOn(make)
    const { mine, old } = await due(made)
    expect(await mine.isSignedIn()).toBe(true)
    expect(await mine.isSignedIn()).toBe(true)
    made.clock.advance(15 * MINUTE)
    expect(await mine.isSignedIn()).toBe(true)
    expect((await show(mine, old)).body).toEqual(REUSED)
    expect(await mine.isSignedIn()).toBe(false)
  })

  test('after a lost answer, what the page had sent before it got the new cookie may arrive late', async () => {
    const made = await cookieAuthOn(make)
    const { mine, old } = await due(made)
    await mine.lose('GET', '/session')
    made.clock.advance(MINUTE)
    expect(await mine.isSignedIn()).toBe(true)
    expect(await mine.isSignedIn()).toBe(true)
    made.clock.advance(9999)
    const late = await show(mine, old)
    expect(late.status).toBe(200)
    expect(newCookies([late])).toEqual([mine.cookie])
    made.clock.advance(1)
    expect((await show(mine, old)).body).toEqual(REUSED)
  })

  test('the same where the lost cookie was due itself when it was shown: the late one is two generations old', async () => {
    const made = await cookieAuthOn(make)
    const { mine, old } = await due(made)
    await mine.lose('GET', '/session')
    made.clock.advance(HOUR)
    expect(await mine.isSignedIn()).toBe(true)
    expect(await mine.isSignedIn()).toBe(true)
    expect(await generationOf(made, mine)).toBe(2)
    made.clock.advance(9999)
    const late = await show(mine, old)
    expect(late.status).toBe(200)
    expect(newCookies([late])).toEqual([mine.cookie])
    made.clock.advance(1)
    expect((await show(mine, old)).body).toEqual(REUSED)
    expect(await mine.isSignedIn()).toBe(false)
  })

  test('three generations are never innocent', async () => {
    const made = await cookieAuthOn(make)
    const { mine, old } = await due(made)
    for (let count = 0; count < 3; count++) await mine.send('POST', '/session/renew')
    expect((await show(mine, old)).body).toEqual(REUSED)
    expect(await mine.isSignedIn()).toBe(false)
  })

  test('fifty renewals by hand are one step as well', async () => {
    const made = await cookieAuthOn(make)
    const mine = visitor(made)
    await mine.register()
    const { cookie } = mine
    const answers = await fifty(() => mine.lose('POST', '/session/renew', { cookie }))
    expect(answers.map(({ status, body }) => ({ status, body }))).toEqual(
      Array(50).fill({ status: 200, body: { data: {} } }),
    )
    expect(newCookies(answers)).toHaveLength(1)
    mine.cookie = newCookies(answers)[0] as string
    expect(await generationOf(made, mine)).toBe(1)
  })

  test('a rotation that races sign-out leaves nothing alive', async () => {
    const made = await cookieAuthOn(make)
    for (let round = 0; round < 10; round++) {
      const { mine, old } = await due(made)
      const answers = await Promise.all([
        show(mine, old),
        mine.lose('DELETE', '/session', { cookie: old }),
        show(mine, old),
      ])
      expect(answers[1]?.status).toBe(200)
      for (const cookie of [old, ...newCookies(answers)]) expect((await show(mine, cookie)).status).toBe(401)
    }
  })

  test('what two servers know between them is in the store', async () => {
    const { now, advance } = testClock()
    const options = { ...(await make({ now })), now, deadlineMs: 20_000 }
    const [one, two] = [cookieAuth(options), cookieAuth(options)]
    const mine = visitor(one)
    await mine.register(true)
    const there = visitor(two)
    advance(15 * MINUTE)
    // Replaced on one, shown on the other, replayed on the first.
    const old = mine.cookie
    expect(await mine.isSignedIn()).toBe(true)
    expect((await show(there, mine.cookie)).status).toBe(200)
    advance(10_000)
    expect((await show(mine, old)).body).toEqual(REUSED)
    expect((await show(there, mine.cookie)).status).toBe(401)
  })

  test('fifty requests over two servers are one step', async () => {
    const { now, advance } = testClock()
    const options = { ...(await make({ now })), now, deadlineMs: 20_000 }
    const pair = [cookieAuth(options), cookieAuth(options)] as const
    const [mine, there] = [visitor(pair[0]), visitor(pair[1])]
    await mine.register(true)
    advance(15 * MINUTE)
    const { cookie } = mine
    const answers = await fifty(index => show(index % 2 ? mine : there, cookie))
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
    expect(newCookies(answers)).toHaveLength(1)
    expect([...named(pair[0], 'session.renewed'), ...named(pair[1], 'session.renewed')]).toHaveLength(1)
  })
})
