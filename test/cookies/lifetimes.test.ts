import { describe, expect, test } from 'vitest'
import { cookieSessions } from '../../src/index.js'
import { cookieAuth, DAY, HOUR, MINUTE, named, tokenIn, visitor } from './visitor.js'

const maxAgeOf = (cookie = '') => Number(/; Max-Age=(\d+)/.exec(cookie)?.[1] ?? Number.NaN)

test('a session that is not remembered idles out after 30 minutes, to the millisecond', async () => {
  for (const [idle, expected] of [
    [30 * MINUTE - 1, true],
    [30 * MINUTE, false],
  ] as const) {
    const made = cookieAuth()
    const mine = visitor(made)
    await mine.register()
    made.clock.advance(14 * MINUTE)
    expect(await mine.isSignedIn()).toBe(true)
    made.clock.advance(idle - 14 * MINUTE)
    expect(await mine.isSignedIn()).toBe(expected)
  }
})

test('the cookie is exchanged by the first request after 15 minutes, and by none before', async () => {
  const made = cookieAuth()
  const mine = visitor(made)
  await mine.register()
  const first = mine.cookie
  made.clock.advance(15 * MINUTE - 1)
  expect((await mine.send('GET', '/session')).cookies).toEqual([])
  expect(mine.cookie).toBe(first)
  made.clock.advance(1)
  expect((await mine.send('GET', '/session')).cookies).toHaveLength(1)
  expect(mine.cookie).not.toBe(first)
  expect((await mine.send('GET', '/session')).cookies).toEqual([])
  expect(named(made, 'session.renewed')).toHaveLength(1)
})

test('activity keeps a session that is not remembered, up to 90 days', async () => {
  const made = cookieAuth()
  const mine = visitor(made)
  await mine.register()
  for (let minutes = 0; minutes < 90 * 24 * 60 - 29; minutes += 29) {
    expect(await mine.isSignedIn(), `${minutes} minutes`).toBe(true)
    made.clock.advance(29 * MINUTE)
  }
  made.clock.advance(29 * MINUTE)
  expect(await mine.isSignedIn()).toBe(false)
})

test('a session that is remembered lives for 30 days without a visit, and a visit starts them anew', async () => {
  const made = cookieAuth()
  const mine = visitor(made)
  const { cookies } = await mine.register(true)
  expect(maxAgeOf(cookies[0])).toBe((30 * DAY) / 1000)
  for (let visit = 0; visit < 2; visit++) {
    made.clock.advance(30 * DAY - 1)
    const answered = await mine.send('GET', '/session')
    expect(answered.status).toBe(200)
    expect(maxAgeOf(answered.cookies[0])).toBe((30 * DAY) / 1000)
    // The browser shows it, as the page it is on does.
    expect(await mine.isSignedIn()).toBe(true)
  }
  made.clock.advance(30 * DAY)
  expect(await mine.isSignedIn()).toBe(false)
})

test('a session that is remembered ends after 90 days, and its cookie says so', async () => {
  const made = cookieAuth()
  const mine = visitor(made)
  await mine.register(true)
  for (let day = 20; day <= 80; day += 20) {
    made.clock.advance(20 * DAY)
    const { status, cookies } = await mine.send('GET', '/session')
    expect(status).toBe(200)
    expect(maxAgeOf(cookies[0])).toBe((Math.min(30, 90 - day) * DAY) / 1000)
  }
  made.clock.advance(10 * DAY - 1)
  expect((await mine.lose('GET', '/session')).status).toBe(200)
  made.clock.advance(1)
  expect(await mine.isSignedIn()).toBe(false)
})

test('sliding the idle lifetime never makes a remembered session of one that is not', async () => {
  const made = cookieAuth({ session: { access: '30m', renewal: '60m', absolute: '2h' } })
  const mine = visitor(made)
  await mine.register()
  for (let step = 0; step < 7; step++) {
    made.clock.advance(15 * MINUTE)
    const { status, cookies } = await mine.send('GET', '/session')
    expect(status).toBe(200)
    expect(cookies[0]).not.toContain('Max-Age')
  }
  made.clock.advance(15 * MINUTE)
  expect(await mine.isSignedIn()).toBe(false)
})

describe('remember me', () => {
  test.each([
    [true, true],
    ['true', true],
    ['on', true],
    ['1', true],
    [false, false],
    ['false', false],
    ['', false],
    ['0', false],
    [null, false],
    [1, false],
    [['true'], false],
    [undefined, false],
  ])('%j is %j, at registration and at sign-in', async (remember, expected) => {
    for (const way of ['register', 'signIn'] as const) {
      const made = cookieAuth()
      const mine = visitor(made)
      if (way === 'signIn') await mine.register()
      const { status, cookies } = await mine[way](remember)
      expect(status).toBe(200)
      expect(cookies[0]?.includes('Max-Age='), way).toBe(expected)
      made.clock.advance(HOUR)
      expect(await mine.isSignedIn(), way).toBe(expected)
    }
  })

  test('a form may ask for it', async () => {
    const made = cookieAuth()
    const mine = visitor(made)
    await mine.register()
    const email = (await mine.send('GET', '/session')).body.data.user.email
    const form = new URLSearchParams({
      'user[email]': email,
      'user[password]': 'secret1234',
      'user[remember_me]': 'on',
    })
    expect(maxAgeOf((await mine.send('POST', '/session', { form: form.toString() })).cookies[0])).toBe(2_592_000)
  })

  test('a loser of a rotation gets what is left of the time', async () => {
    const made = cookieAuth()
    const mine = visitor(made)
    await mine.register(true)
    made.clock.advance(DAY)
    await mine.lose('GET', '/session')
    made.clock.advance(DAY)
    expect(maxAgeOf((await mine.send('GET', '/session')).cookies[0])).toBe((29 * DAY) / 1000)
  })
})

test('rotateAfter sets when; zero exchanges the cookie with every request', async () => {
  const hourly = cookieAuth({ sessions: cookieSessions({ rotateAfter: '20m' }) })
  const mine = visitor(hourly)
  await mine.register()
  hourly.clock.advance(20 * MINUTE - 1)
  expect((await mine.send('GET', '/session')).cookies).toEqual([])
  hourly.clock.advance(1)
  expect((await mine.send('GET', '/session')).cookies).toHaveLength(1)

  const always = visitor(cookieAuth({ sessions: cookieSessions({ rotateAfter: '0s' }) }))
  await always.register()
  const seen = new Set([always.cookie])
  for (let count = 0; count < 5; count++) {
    expect(await always.isSignedIn()).toBe(true)
    seen.add(always.cookie)
  }
  expect(seen.size).toBe(6)
})

test.each([
  [{ rotateAfter: '15' as never }, 'rotateAfter'],
  [{ rotateAfter: '30m' as const }, 'rotateAfter'],
  [{ trustedOrigins: ['https://app.example.com/'] }, 'trustedOrigins'],
  [{ trustedOrigins: ['app.example.com'] }, 'trustedOrigins'],
  [{ trustedOrigins: ['null'] }, 'trustedOrigins'],
  [{ trustedOrigins: ['https://*.example.com'] }, 'trustedOrigins'],
  [{ trustedOrigins: 'https://app.example.com' as never }, 'trustedOrigins'],
  [{ trustedOrigin: [] } as never, 'trustedOrigin'],
  [{ cookie: { name: '__Host-x;' } }, 'cookie.name'],
  [{ cookie: { name: '' } }, 'cookie.name'],
  [{ cookie: { sameSite: 'none' as never } }, 'cookie.sameSite'],
  [{ cookie: { sameSite: 'toString' as never } }, 'cookie.sameSite'],
  [{ cookie: { secure: false } as never }, 'cookie.secure'],
  [{ cookie: { insecure: 'false' as never } }, 'cookie.insecure'],
])('%j is refused when the auth is made', (options, name) => {
  expect(() => cookieAuth({ sessions: cookieSessions(options) })).toThrow(TypeError)
  expect(() => cookieAuth({ sessions: cookieSessions(options) })).toThrow(`\`${name}\``)
})

test('a cookie on a request that changes nothing writes nothing', async () => {
  const made = cookieAuth()
  const mine = visitor(made)
  await mine.register()
  const { cookies } = await mine.send('GET', '/session')
  expect(tokenIn(cookies)).toBeUndefined()
})
