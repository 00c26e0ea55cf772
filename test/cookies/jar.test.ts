import { describe, expect, test } from 'vitest'
import { authFetch } from '../../src/adapters/web.js'
import { cookieSessions } from '../../src/index.js'
import { newPort, rawRequest } from './raw.js'
import { ask, cookieAuth, NAME, visitor } from './visitor.js'

const TOKEN = /pwc1_[A-Za-z0-9_-]{92}/

async function signedIn(options = {}) {
  const made = cookieAuth({ sessions: cookieSessions(options) })
  const name = /^[^=]+/.exec((await visitor(made).register()).cookies[0] ?? '')?.[0] ?? ''
  const mine = visitor(made, { name })
  const { cookies } = await mine.register()
  return { made, mine, set: cookies[0] ?? '', token: mine.cookie as string }
}

describe('Set-Cookie', () => {
  test.each([
    [{}, '__Host-session=T; Path=/; HttpOnly; SameSite=Lax; Secure'],
    [{ name: 'my_app-1' }, '__Host-my_app-1=T; Path=/; HttpOnly; SameSite=Lax; Secure'],
    [{ sameSite: 'strict' }, '__Host-session=T; Path=/; HttpOnly; SameSite=Strict; Secure'],
    [{ insecure: true }, 'session=T; Path=/; HttpOnly; SameSite=Lax'],
  ])('of %j is, to the letter, %s', async (cookie, expected) => {
    const { set, mine } = await signedIn({ cookie })
    expect(set.replace(TOKEN, 'T')).toBe(expected)
    const remembered = await mine.signIn(true)
    expect(remembered.cookies.map(each => each.replace(TOKEN, 'T'))).toEqual([`${expected}; Max-Age=2592000`])
    const { cookies } = await mine.send('DELETE', '/session')
    expect(cookies).toEqual([`${expected.replace('=T', '=')}; Max-Age=0`])
  })

  test('never says Domain or Expires, and every one comes with no-store', async () => {
    const made = cookieAuth()
    const mine = visitor(made)
    const answers = [await mine.register(true), await mine.signIn(), await mine.send('POST', '/session/renew')]
    made.clock.advance(20 * 60_000)
    answers.push(await mine.send('GET', '/session'), await mine.send('DELETE', '/session'))
    for (const { cookies, headers } of answers) {
      expect(cookies).toHaveLength(1)
      expect(cookies[0]).not.toMatch(/domain|expires/i)
      expect(headers['cache-control']).toBe('no-store')
    }
  })
})

describe('the cookie header', () => {
  const other = `pwc1_${'A'.repeat(92)}`
  test.each<[string, (token: string) => string, number]>([
    ['alone', token => `${NAME}=${token}`, 200],
    ['among others', token => `a=1; ${NAME}=${token}; b="x, y"; c`, 200],
    ['without spaces', token => `a=1;${NAME}=${token};b=2`, 200],
    ['with spaces and tabs', token => `a=1; \t ${NAME}=${token} \t;b=2`, 200],
    ['twice the same', token => `${NAME}=${token}; ${NAME}=${token}`, 200],
    ['twice, with another value first', token => `${NAME}=${other}; ${NAME}=${token}`, 401],
    ['twice, with another value last', token => `${NAME}=${token}; ${NAME}=${other}`, 401],
    ['twice, once empty', token => `${NAME}=; ${NAME}=${token}`, 401],
    ['among four hundred', token => `${'filler=0123456789; '.repeat(400)}${NAME}=${token}`, 200],
    ['next to one with a suffix', token => `${NAME}2=${other}; ${NAME}=${token}`, 200],
    ['next to one with a prefix', token => `x${NAME}=${other}; ${NAME}=${token}`, 200],
    ['next to one without its prefix', token => `session=${other}; ${NAME}=${token}`, 200],
    ['next to ones in other letters', token => `__host-session=${other}; __HOST-SESSION=x; ${NAME}=${token}`, 200],
    ['after bare words and signs', token => `;; =; ==;${NAME}; ${NAME}=${token}`, 200],
    ['empty', () => `${NAME}=`, 401],
    ['no value', () => NAME, 401],
    ['quoted', token => `${NAME}="${token}"`, 401],
    ['with more after it', token => `${NAME}=${token}x`, 401],
    ['cut', token => `${NAME}=${token.slice(0, -1)}`, 401],
    ['over-long', token => `${NAME}=${token}${'A'.repeat(10_000)}`, 401],
    ['percent-encoded', token => `${NAME}=${token.replace('_', '%5F')}`, 401],
    ['under a name without its prefix', token => `session=${token}`, 401],
    ['under a name with a space', token => `${NAME} =${token}`, 401],
    ['inside the value of another, after a comma', token => `theme=dark,${NAME}=${token}`, 401],
    ['inside the value of another, after a comma and a space', token => `theme=dark, ${NAME}=${token}`, 401],
    ['inside a quoted value', token => `theme="dark,${NAME}=${token}"`, 401],
    ['after a space that is none on the wire', token => `theme=dark; \u00a0${NAME}=${token}`, 401],
    ['after another such space', token => `\u2000${NAME}=${token}`, 401],
    ['after a vertical tab', token => `a=1;\u000b${NAME}=${token}`, 401],
    ['after a next-line', token => `a=1;\u0085${NAME}=${token}`, 401],
  ])('%s', async (_, header, status) => {
    const { made, token } = await signedIn()
    expect((await ask(made.auth, 'GET', '/api/v1/session', { headers: { cookie: header(token) } })).status).toBe(status)
  })

  test('a neighbour’s cookie hides nobody’s session', async () => {
    const { made, token } = await signedIn()
    const stranger = visitor(made)
    await stranger.register()
    const headers = { cookie: `${NAME}=${token}; theme=dark,${NAME}=${stranger.cookie}` }
    const { status, body } = await ask(made.auth, 'GET', '/api/v1/session', { headers })
    expect(status).toBe(200)
    expect(body.data.session.current).toBe(true)
  })

  test('several headers are one on the wire, and a comma in the first divides nothing', async () => {
    const { made, token } = await signedIn()
    const port = await newPort(made.auth)
    const get = (lines: string[]) => rawRequest(port, ['GET /api/v1/session HTTP/1.1', 'Host: x', ...lines])
    expect((await get(['Cookie: a=1', `Cookie: ${NAME}=${token}`, 'Cookie: b=2'])).status).toBe(200)
    expect((await get([`cookie: ${NAME}=${token}`, `COOKIE: ${NAME}=${token}`])).status).toBe(200)
    expect((await get([`Cookie: ${NAME}=${token}`, `Cookie: ${NAME}=${other}`])).status).toBe(401)
    expect((await get([`Cookie: theme=dark,${NAME}=${token}`])).status).toBe(401)
    expect((await get([`Cookie: theme=dark, ${NAME}=${token}`, 'Cookie: b=2'])).status).toBe(401)
    // A byte that is a space in Latin-1 and in no cookie's name: no browser takes it for the prefix.
    expect((await get([`Cookie: theme=dark; \u00a0${NAME}=${token}`])).status).toBe(401)
  })

  test('the same through fetch', async () => {
    const { made, token } = await signedIn()
    const get = async (cookie: string) => {
      const request = new Request('https://api.example.com/api/v1/session', { headers: { cookie } })
      return (await authFetch(made.auth)(request)).status
    }
    expect(await get(`a=1; ${NAME}=${token}`)).toBe(200)
    expect(await get(`a=1, ${NAME}=${token}`)).toBe(401)
    expect(await get(`a=1; \u00a0${NAME}=${token}`)).toBe(401)
  })
})

test('what is no cookie of ours is never cleared', async () => {
  const { made, mine, token } = await signedIn()
  const wrong = ['nonsense', `${token.slice(0, -2)}AA`, token.replace('pwc1', 'pwa1'), '']
  for (const cookie of wrong) {
    const { status, cookies } = await mine.lose('GET', '/session', { cookie })
    expect(status).toBe(401)
    expect(cookies).toEqual([])
  }
  await mine.send('DELETE', '/session')
  const ended = await mine.lose('GET', '/session', { cookie: token })
  expect({ status: ended.status, cookies: ended.cookies }).toEqual({ status: 401, cookies: [] })
  expect(made.events.filter(({ name }) => name === 'session.reused')).toEqual([])
})
