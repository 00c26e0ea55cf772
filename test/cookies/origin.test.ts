import { describe, expect, test } from 'vitest'
import { cookieSessions, type PasswordHasher } from '../../src/index.js'
import { cheapHasher, testAuth } from '../../src/testing/index.js'
import { ask, BOTH, cookieAuth, NAME, visitor } from './visitor.js'

const HOST = 'api.example.com'
const OWN = `https://${HOST}`
const TRUSTED = ['https://app.example.com', 'http://localhost:5173']

/** What a request says of where it comes from; null leaves a header out. */
interface From {
  readonly origin?: string
  readonly site?: string
  readonly host?: string | null
  readonly upgrade?: string
}

function headersOf({ origin, site, host = HOST, upgrade }: From): Record<string, string> {
  return {
    ...(host !== null && { host }),
    ...(origin !== undefined && { origin }),
    ...(site !== undefined && { 'sec-fetch-site': site }),
    ...(upgrade !== undefined && { upgrade, connection: 'Upgrade' }),
  }
}

const UNSAFE = ['POST', 'PUT', 'PATCH', 'DELETE', 'post', 'get', 'TRACE', 'CONNECT', 'PROPFIND', '']
const SAFE = ['GET', 'HEAD', 'OPTIONS']

const ALLOWED: [string, From][] = [
  ['a client that is no browser', {}],
  ['a client that is no browser and names no host', { host: null }],
  ['a page of ours', { origin: OWN, site: 'same-origin' }],
  ['a page of ours whose browser hides the origin', { origin: 'null', site: 'same-origin' }],
  ['a page of ours behind a proxy that renames the host', { origin: OWN, site: 'same-origin', host: 'backend:8080' }],
  ['the address bar', { site: 'none' }],
  ['a page of ours in a browser without Sec-Fetch-Site', { origin: OWN }],
  ['the same, where a client writes the host in upper case', { origin: OWN, host: 'API.Example.COM' }],
  ['the same on a port', { origin: `${OWN}:8443`, host: `${HOST}:8443` }],
  ['the same on an address', { origin: 'https://[2001:db8::1]:8443', host: '[2001:db8::1]:8443' }],
  ['a page on this machine', { origin: 'http://localhost:3000', host: 'localhost:3000' }],
  ['a page on this machine, by a name of its own', { origin: 'http://app.localhost:3000', host: 'app.localhost:3000' }],
  ['a page on this machine, by its address', { origin: 'http://127.0.0.1:3000', host: '127.0.0.1:3000' }],
  ['a page on this machine, by its other address', { origin: 'http://[::1]:3000', host: '[::1]:3000' }],
  ['an origin that is trusted', { origin: 'https://app.example.com', site: 'same-site' }],
  ['an origin that is trusted, without Sec-Fetch-Site', { origin: 'https://app.example.com' }],
  ['an origin that is trusted, from another site', { origin: 'http://localhost:5173', site: 'cross-site' }],
]

const REJECTED: [string, From][] = [
  ['another site', { origin: 'https://evil.example', site: 'cross-site' }],
  ['another site without an origin', { site: 'cross-site' }],
  ['another site that claims our origin', { origin: OWN, site: 'cross-site' }],
  ['another site in a browser without Sec-Fetch-Site', { origin: 'https://evil.example' }],
  ['a neighbour', { origin: 'https://blog.example.com', site: 'same-site' }],
  ['a neighbour without an origin', { site: 'same-site' }],
  ['a hidden origin', { origin: 'null' }],
  ['a hidden origin of another site', { origin: 'null', site: 'cross-site' }],
  ['an empty origin', { origin: '' }],
  ['what is no origin', { origin: 'evil' }],
  ['another port', { origin: `${OWN}:8443` }],
  ['our own name without its port', { origin: OWN, host: `${HOST}:8443` }],
  ['our own name without TLS', { origin: `http://${HOST}` }],
  ['our own name over something else', { origin: `ftp://${HOST}` }],
  ['a name that begins like ours', { origin: `${OWN}.evil.example` }],
  ['a name that ends like ours', { origin: `https://evil-${HOST}` }],
  ['a trusted name without TLS', { origin: 'http://app.example.com' }],
  ['a trusted name on another port', { origin: 'https://app.example.com:8443' }],
  ['a trusted name in upper case, which no browser sends', { origin: 'https://APP.example.com' }],
  ['two origins', { origin: `${OWN}, https://evil.example` }],
  ['two trusted origins', { origin: `${TRUSTED[0]}, ${TRUSTED[0]}` }],
  ['two of Sec-Fetch-Site', { origin: OWN, site: 'same-origin, same-origin' }],
  ['an unknown Sec-Fetch-Site', { origin: OWN, site: 'Same-Origin' }],
  ['an empty Sec-Fetch-Site', { origin: OWN, site: '' }],
  ['our origin where the request names no host', { origin: OWN, host: null }],
  ['a page on this machine that asks for another host', { origin: 'http://localhost:3000' }],
  ['a name that ends in localhost', { origin: 'http://evillocalhost:3000', host: 'evillocalhost:3000' }],
]

const make = (kind: keyof typeof BOTH = 'cookie') => cookieAuth({ sessions: BOTH[kind]({ trustedOrigins: TRUSTED }) })

/** What an app's own guarded route would answer: nobody has to know its path. */
async function open(kind: keyof typeof BOTH, method: string, from: From) {
  const made = make(kind)
  const mine = visitor(made, { headers: { 'session-transport': 'cookie' } })
  await mine.register()
  const ctx = await made.auth.open({
    method,
    target: '/posts',
    address: null,
    header: name => ({ cookie: `${NAME}=${mine.cookie}`, ...headersOf(from) })[name] ?? null,
    readBody: async () => new Uint8Array(),
  })
  return ctx
}

describe.each(Object.keys(BOTH) as (keyof typeof BOTH)[])('by %s', kind => {
  test.each(ALLOWED)('%s may change something', async (_, from) => {
    for (const method of [...UNSAFE, ...SAFE]) {
      const ctx = await open(kind, method, from)
      expect({ failure: ctx.failure, user: ctx.user !== null }, method).toEqual({ failure: null, user: true })
    }
    const socket = await open(kind, 'GET', { ...from, upgrade: 'websocket' })
    expect(socket.authenticated).toBe(true)
  })

  test.each(REJECTED)('%s may not, and may open no WebSocket', async (_, from) => {
    for (const method of UNSAFE) {
      const ctx = await open(kind, method, from)
      expect(ctx.failure, method).toMatchObject({ code: 'origin_rejected', status: 403 })
      expect(ctx.authenticated).toBe(false)
    }
    for (const method of SAFE) {
      expect((await open(kind, method, from)).authenticated, method).toBe(true)
      for (const upgrade of ['websocket', 'WebSocket', 'h2c']) {
        const ctx = await open(kind, method, { ...from, upgrade })
        expect(ctx.failure, `${method} ${upgrade}`).toMatchObject({ code: 'origin_rejected' })
        expect(ctx.authenticated).toBe(false)
      }
    }
  })
})

describe('on every route that changes something', () => {
  const json = { user: { email: 'x@example.com', password: 'secret1234', password_confirmation: 'secret1234' } }
  const evil = headersOf({ origin: 'https://evil.example', site: 'cross-site' })
  test.each([
    ['POST', '/registration', { json }],
    ['DELETE', '/session', {}],
    ['POST', '/session/renew', {}],
    ['POST', '/session/reauthenticate', { json }],
    ['PATCH', '/registration', { json }],
    ['DELETE', '/registration', { json }],
    ['DELETE', '/sessions', {}],
    ['DELETE', '/sessions/00000000-0000-4000-8000-000000000000', {}],
  ])('%s %s is refused with 403, and nothing happens', async (method, path, request) => {
    const made = make()
    const mine = visitor(made)
    await mine.register()
    const answered = await mine.lose(method, path, { ...request, headers: evil })
    expect(answered.status).toBe(403)
    expect(answered.body.error).toEqual({ status: 403, message: expect.any(String), reason: 'origin_rejected' })
    expect(answered.cookies).toEqual([])
    expect(await mine.isSignedIn()).toBe(true)
    expect(made.events.filter(({ name }) => name.startsWith('session.'))).toHaveLength(1)
  })

  test('another site signs nobody in to an account of its own, nor out', async () => {
    const made = make()
    await ask(made.auth, 'POST', '/api/v1/registration', { json })
    const before = made.events.length
    for (const sent of [{ json }, { form: 'user[email]=x@example.com&user[password]=secret1234' }]) {
      const { status, cookies } = await ask(made.auth, 'POST', '/api/v1/session', { ...sent, headers: evil })
      expect({ status, cookies }).toEqual({ status: 403, cookies: [] })
    }
    const { status, cookies } = await ask(made.auth, 'DELETE', '/api/v1/session', { headers: evil })
    expect({ status, cookies }).toEqual({ status: 403, cookies: [] })
    expect(made.events.length).toBe(before)
  })

  test('what needs nobody still answers another site, as nobody', async () => {
    const made = make()
    const mine = visitor(made)
    await mine.register()
    const { status } = await mine.lose('GET', '/openapi.json', { headers: evil })
    expect(status).toBe(200)
  })
})

test('an app of one origin trusts none but its own', async () => {
  const made = cookieAuth()
  const mine = visitor(made)
  await mine.register()
  for (const origin of TRUSTED) {
    expect((await mine.lose('DELETE', '/session', { headers: headersOf({ origin }) })).status).toBe(403)
  }
})

test('where the cookie goes over plain HTTP, its pages do so too', async () => {
  const made = cookieAuth({ sessions: cookieSessions({ cookie: { insecure: true } }) })
  const mine = visitor(made, { name: 'session' })
  await mine.register()
  const plain = headersOf({ origin: 'http://192.0.2.7:3000', host: '192.0.2.7:3000' })
  expect((await mine.send('POST', '/session/renew', { headers: plain })).status).toBe(200)
  const other = headersOf({ origin: 'http://192.0.2.8:3000', host: '192.0.2.7:3000' })
  expect((await mine.send('POST', '/session/renew', { headers: other })).status).toBe(403)
})

test('tokens in a header need no origin: no page of another site can send them', async () => {
  const made = make('bearer or cookie')
  const { data } = (await visitor(made).register()).body
  const headers = headersOf({ origin: 'https://evil.example', site: 'cross-site' })
  const { status } = await ask(made.auth, 'DELETE', '/api/v1/session', { token: data.access_token, headers })
  expect(status).toBe(200)
})

test('a page of another site signs nobody up, and has no password looked at', async () => {
  let looked = 0
  const hasher = cheapHasher()
  const counting: PasswordHasher = {
    hash: password => hasher.hash(password),
    verify(password, hash) {
      looked++
      return hasher.verify(password, hash)
    },
  }
  const { auth, request, events } = testAuth({ sessions: cookieSessions(), hasher: counting })
  const user = { email: 'me@example.com', password: 'secret1234', password_confirmation: 'secret1234' }
  const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  expect((await request('POST', '/registration', { json: { user }, headers })).status).toBe(403)
  expect(await auth.system.findUserBy('me@example.com')).toBe(null)
  expect((await request('POST', '/session', { json: { user }, headers })).status).toBe(403)
  expect(looked).toBe(0)
  expect(events).toEqual([])
  expect((await request('POST', '/registration', { json: { user } })).status).toBe(200)
})
