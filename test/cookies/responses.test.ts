import { createReadStream } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import { authListener, type NodeHandler } from '../../src/adapters/node.js'
import { authFetch, type WebHandler } from '../../src/adapters/web.js'
import { cookieSessions, Problem } from '../../src/index.js'
import { newPort, portOf, type RawAnswer, rawRequest } from './raw.js'
import { cookieAuth, MINUTE, NAME, visitor } from './visitor.js'

const OURS = /^__Host-session=pwc1_[A-Za-z0-9_-]{92}; Path=\/; HttpOnly; SameSite=Lax; Secure$/

/** Somebody whose cookie is due, at an app. */
async function due() {
  const made = cookieAuth()
  const mine = visitor(made)
  await mine.register()
  made.clock.advance(15 * MINUTE)
  return { made, mine, cookie: `${NAME}=${mine.cookie}` }
}

async function throughNode(app: NodeHandler, method = 'GET', headers: string[] = []): Promise<RawAnswer> {
  const { made, cookie } = await due()
  const port = await newPort(made.auth, app)
  return rawRequest(port, [`${method} /mine HTTP/1.1`, 'Host: x', `Cookie: ${cookie}`, ...headers])
}

function expectOurs({ headers }: RawAnswer, before: readonly string[] = []): void {
  const cookies = headers.get('set-cookie') ?? []
  expect(cookies.slice(0, -1)).toEqual(before)
  expect(cookies.at(-1)).toMatch(OURS)
  expect(headers.get('cache-control')).toEqual(['no-store'])
}

const CACHED = 'public, max-age=3600'

function writeAndEnd(response: ServerResponse): void {
  response.write('hel')
  response.end('lo')
}

const WAYS: [string, (response: ServerResponse) => unknown][] = [
  ['setHeader before, implicit', response => response.setHeader('Cache-Control', CACHED).end('hello')],
  ['writeHead with an object', response => response.writeHead(200, { 'Cache-Control': CACHED }).end('hello')],
  ['writeHead with an array', response => response.writeHead(200, ['Cache-Control', CACHED]).end('hello')],
  ['writeHead with a message', response => response.writeHead(200, 'Fine', { 'cache-control': CACHED }).end('hello')],
  [
    'writeHead with no message and an object',
    response => response.writeHead(200, undefined, { 'cache-control': CACHED, 'x-mine': 'yes' }).end('hello'),
  ],
  [
    'flushHeaders',
    response => {
      response.setHeader('cache-control', CACHED).flushHeaders()
      response.end('hello')
    },
  ],
  ['write and end', writeAndEnd],
  ['a stream', response => pipeline(Readable.from(['hel', 'lo']), response)],
  ['later', response => void setImmediate(() => response.end('hello'))],
]

describe('through node', () => {
  test.each(WAYS)('the cookie comes with no-store: %s', async (way, respond) => {
    const answer = await throughNode((_, response) => respond(response))
    expect(answer.status).toBe(200)
    expect(answer.text).toContain('hel')
    expectOurs(answer)
    if (way.includes('no message')) expect(answer.headers.get('x-mine')).toEqual(['yes'])
  })

  const theirs = ['a=1; Path=/', 'b=2']
  test.each<[string, (response: ServerResponse) => unknown]>([
    ['setHeader with a list', response => response.setHeader('Set-Cookie', theirs).end()],
    ['appendHeader', response => response.appendHeader('set-cookie', theirs).end()],
    ['writeHead with an object', response => response.writeHead(204, { 'set-cookie': theirs }).end()],
    [
      'writeHead with an array',
      response =>
        response
          .writeHead(
            200,
            theirs.flatMap(each => ['Set-Cookie', each]),
          )
          .end(),
    ],
    [
      'both',
      response => {
        response.setHeader('set-cookie', 'gone=1')
        response.writeHead(200, { 'set-cookie': theirs }).end()
      },
    ],
  ])('the app’s own cookies are kept: %s', async (_, respond) => {
    expectOurs(await throughNode((_request, response) => respond(response)), theirs)
  })

  test('what a middleware set before is kept', async () => {
    const { made, cookie } = await due()
    const listener = authListener(made.auth, (_, response) => response.end('hello'))
    const port = await portOf((request, response) => {
      response.setHeader('set-cookie', 'theme=dark')
      listener(request, response)
    })
    expectOurs(await rawRequest(port, ['GET /mine HTTP/1.1', 'Host: x', `Cookie: ${cookie}`]), ['theme=dark'])
  })

  test('a redirect, an error page, a HEAD and a 304 carry it as well', async () => {
    for (const status of [302, 404, 500]) {
      const answer = await throughNode((_, response) => response.writeHead(status, { location: '/' }).end())
      expect(answer.status).toBe(status)
      expectOurs(answer)
    }
    const head = await throughNode((_, response) => response.setHeader('content-length', '5').end('hello'), 'HEAD')
    expect(head.text).toBe('')
    expectOurs(head)
    const unchanged = await throughNode((_, response) => response.writeHead(304, { etag: '"1"' }).end(), 'GET', [
      'If-None-Match: "1"',
    ])
    expect({ status: unchanged.status, text: unchanged.text }).toEqual({ status: 304, text: '' })
    expectOurs(unchanged)
  })

  test('a file that is streamed carries it and arrives whole', async () => {
    const answer = await throughNode((_, response) => createReadStream('package.json').pipe(response))
    expectOurs(answer)
    expect(answer.text).toContain('"name": "pawl"')
  })

  test('an app that throws gives none, and the cookie at hand stays good', async () => {
    for (const app of [
      () => Promise.reject(new Error('mine')),
      () => {
        throw new Problem('not_found')
      },
    ]) {
      const answer = await throughNode(app)
      expect(answer.headers.get('set-cookie')).toBeUndefined()
    }
  })

  test('two auths on one response give both their cookies, however it is written', async () => {
    for (const respond of [
      (response: ServerResponse) => response.end('hello'),
      (response: ServerResponse) => response.writeHead(200, { 'cache-control': CACHED }).end('hello'),
      writeAndEnd,
    ]) {
      const people = cookieAuth()
      const staff = cookieAuth({
        sessions: cookieSessions({ cookie: { name: 'staff' } }),
        basePath: '/staff',
        now: people.clock.now,
      })
      const mine = visitor(people)
      const there = visitor(staff, { name: '__Host-staff', base: '/staff' })
      await mine.register()
      await there.register()
      people.clock.advance(15 * MINUTE)
      const inner = authListener(staff.auth, (_, response) => respond(response))
      const port = await newPort(people.auth, (request, response) => inner(request, response))
      const cookie = `Cookie: ${NAME}=${mine.cookie}; __Host-staff=${there.cookie}`
      const { headers, text } = await rawRequest(port, ['GET /mine HTTP/1.1', 'Host: x', cookie])
      expect(text).toContain('hel')
      const names = (headers.get('set-cookie') ?? []).map(each => each.split('=')[0])
      expect(names.sort()).toEqual([NAME, '__Host-staff'])
      expect(headers.get('cache-control')).toEqual(['no-store'])
    }
  })

  test('a response without a cookie is not touched', async () => {
    const made = cookieAuth()
    const mine = visitor(made)
    await mine.register()
    const port = await newPort(made.auth, (_, response) => response.setHeader('cache-control', CACHED).end('hello'))
    for (const lines of [[], [`Cookie: ${NAME}=${mine.cookie}`]]) {
      const { headers } = await rawRequest(port, ['GET /mine HTTP/1.1', 'Host: x', ...lines])
      expect(headers.get('cache-control')).toEqual([CACHED])
      expect(headers.get('set-cookie')).toBeUndefined()
    }
  })
})

describe('through fetch', () => {
  async function throughWeb(app: WebHandler): Promise<Response> {
    const { made, cookie } = await due()
    return authFetch(made.auth, app)(new Request('https://api.example.com/mine', { headers: { cookie } }))
  }

  test.each<[string, () => Response, number, string[]]>([
    ['text', () => new Response('hello', { headers: { 'cache-control': CACHED } }), 200, []],
    ['a redirect, whose headers cannot be changed', () => Response.redirect('https://api.example.com/', 302), 302, []],
    ['JSON with a cookie', () => Response.json({}, { headers: { 'set-cookie': 'a=1' } }), 200, ['a=1']],
    ['nothing', () => new Response(null, { status: 204 }), 204, []],
    ['nothing new', () => new Response(null, { status: 304, headers: { etag: '"1"' } }), 304, []],
    ['a stream', () => new Response(new Blob(['hello']).stream()), 200, []],
  ])('the cookie comes with no-store: %s', async (_, respond, status, before) => {
    const response = await throughWeb(respond)
    expect(response.status).toBe(status)
    const cookies = response.headers.getSetCookie()
    expect(cookies.slice(0, -1)).toEqual(before)
    expect(cookies.at(-1)).toMatch(OURS)
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  test('an app that throws gives none', async () => {
    const response = await throughWeb(() => {
      throw new Problem('not_found')
    })
    expect({ status: response.status, cookies: response.headers.getSetCookie() }).toEqual({ status: 404, cookies: [] })
  })

  test('a response that carries nothing of ours is the app’s own', async () => {
    const own = new Response('hello', { headers: { 'cache-control': CACHED } })
    const serve = authFetch(cookieAuth().auth, () => own)
    expect(await serve(new Request('https://api.example.com/mine'))).toBe(own)
  })
})
