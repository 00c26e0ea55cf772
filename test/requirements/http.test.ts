import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { expect, test } from 'vitest'
import { guidePresenter } from '../../src/index.js'
import { createHttpServer } from '../../src/server/http-server.js'
import { newEmail, openSocket, type RawAnswer, useServer } from '../support/wire.js'

const wire = useServer()

/** One request as text, the last of its connection. */
function text(method: string, target: string, lines: readonly string[] = [], body = ''): string {
  return [`${method} ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...lines, '', body].join('\r\n')
}

function expectJson(answer: RawAnswer | undefined, status: number, sent: unknown): void {
  expect({ sent, status: answer?.status }).toEqual({ sent, status })
  expect({ sent, type: /^content-type: (.*)$/im.exec(answer?.head ?? '')?.[1] }).toEqual({
    sent,
    type: 'application/json; charset=utf-8',
  })
  expect(JSON.parse(answer?.text ?? '').error).toMatchObject({ status, message: expect.any(String) })
}

test('I9: 404, 405, 413, 415 and 400 are JSON, and 405 names the methods', async () => {
  const cases = [
    ['GET', '/nowhere', {}, 404],
    ['GET', '/session/renew', {}, 405],
    ['PUT', '/session', { json: {} }, 405],
    ['POST', '/session', { json: { user: 'x'.repeat(70_000) } }, 413],
    ['POST', '/session', { headers: { 'content-type': 'text/plain' }, body: 'x' }, 415],
    ['POST', '/session', { headers: { 'content-type': 'application/json' }, body: '{' }, 400],
  ] as const
  for (const [method, path, sent, status] of cases) {
    const answer = await wire.request(method, path, sent)
    expect({ path, status: answer.status }).toEqual({ path, status })
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(answer.body.error.status).toBe(status)
    expect(answer.headers.has('allow')).toBe(status === 405)
  }
  const allow = (await wire.request('PUT', '/session', { json: {} })).headers.get('allow')
  expect(allow?.split(', ').sort()).toEqual(['DELETE', 'GET', 'HEAD', 'POST'])
})

test('I9: HEAD is guarded as GET is', async () => {
  const { access } = await wire.signUp()
  for (const path of ['/session', '/sessions', '/protected']) {
    for (const method of ['GET', 'HEAD']) {
      expect((await wire.request(method, path)).status).toBe(401)
      expect((await wire.request(method, path, { token: access })).status).toBe(200)
    }
    expect((await wire.request('HEAD', path, { token: access })).text).toBe('')
  }
})

test('I9: OPTIONS, TRACE and unknown methods give nothing', async () => {
  const { access } = await wire.signUp()
  for (const method of ['OPTIONS', 'TRACE', 'PROPFIND', 'PUT']) {
    for (const target of ['/api/v1/session', '/api/v1/protected', '/api/v1/session/renew']) {
      const [answer] = await wire.raw(text(method, target, [`Authorization: ${access}`, 'X-Secret: echo']))
      expectJson(answer, 405, `${method} ${target}`)
      expect(answer?.text).not.toContain('echo')
    }
  }
  expect((await wire.raw(text('OPTIONS', '*')))[0]?.status).toBe(404)
  expect((await wire.raw(text('FETCH', '/api/v1/session')))[0]?.status).toBe(400)
})

test('a target with scheme and host is the one without', async () => {
  const { access } = await wire.signUp()
  for (const host of ['http://localhost', 'HTTPS://api.example:8443']) {
    for (const [path, status] of [
      ['/api/v1/session', 200],
      ['/api/v1/session?x=http://localhost/', 200],
      ['/livez', 200],
      ['', 404],
      ['?x', 404],
      ['//api/v1/session', 404],
    ] as const) {
      const [answer] = await wire.raw(text('GET', host + path, [`Authorization: ${access}`]))
      expect({ path, status: answer?.status }).toEqual({ path, status })
    }
  }
})

test('I9: no header, field or query makes one method another', async () => {
  const { access } = await wire.signUp()
  const names = ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override', '_method']
  for (const name of names) {
    const sent = { token: access, headers: { [name]: 'DELETE' } }
    await wire.request('POST', `/session?${name}=DELETE`, { ...sent, form: `${name}=DELETE` })
    await wire.request('GET', `/session?${name}=DELETE`, sent)
  }
  expect((await wire.request('GET', '/session', { token: access })).status).toBe(200)
})

/** Requests that no two servers read alike, each with a registration in it that must not happen. */
function malformed(email: string): string[] {
  const body = `user[email]=${email}&user[password]=secret1234&user[password_confirmation]=secret1234`
  const head = 'POST /api/v1/registration HTTP/1.1\r\n'
  const rest = 'Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n'
  const size = `Content-Length: ${body.length}\r\n`
  const host = 'Host: localhost\r\n'
  const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  return [
    `${head}${host}${rest}${size}Transfer-Encoding: chunked\r\n\r\n${chunked}`,
    `${head}${host}${rest}Transfer-Encoding: chunked\r\n${size}\r\n${chunked}`,
    `${head}${host}${rest}${size}Content-Length: ${body.length + 1}\r\n\r\n${body}`,
    `${head}${host}${rest}${size}${size}\r\n${body}`,
    `${head}${host}${rest}Content-Length : ${body.length}\r\n\r\n${body}`,
    `${head}${host}${rest}Content-Length: +${body.length}\r\n\r\n${body}`,
    `${head}${host}${rest}Content-Length: ${body.length},${body.length}\r\n\r\n${body}`,
    `${head}${host}${rest}Transfer-Encoding: chunked, identity\r\n\r\n${chunked}`,
    `${head}${host}${rest}Transfer-Encoding: chunked\r\n\r\nzz\r\n${body}\r\n0\r\n\r\n`,
    `${head}${host}${rest}Transfer-Encoding: chunked\r\n\r\n-1\r\n${body}\r\n0\r\n\r\n`,
    `${head}${host}${rest}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}x\r\n0\r\n\r\n`,
    `${head}${host}${rest}${size} folded: yes\r\nX-Null: a\0b\r\n\r\n${body}`,
    `${head}${host}${rest}${size}X Space: 1\r\n\r\n${body}`,
    `${head}${rest}${size}\r\n${body}`,
    `${head}${host}${host}${rest}${size}\r\n${body}`,
    `${head}${host}Host: elsewhere\r\n${rest}${size}\r\n${body}`,
    `${head.replace('HTTP/1.1', 'HTTP/9.9')}${host}${rest}${size}\r\n${body}`,
    `${head.replace('POST ', 'POST\t')}${host}${rest}${size}\r\n${body}`,
  ]
}

test('I10: malformed HTTP gets one 400 and does nothing', async () => {
  const email = newEmail()
  for (const sent of malformed(email)) {
    const answers = await wire.raw(sent)
    expect({ sent, statuses: answers.map(({ status }) => status) }).toEqual({ sent, statuses: [400] })
    expect({ sent, known: (await wire.signIn({ email, password: 'secret1234' })).status }).toEqual({ sent, known: 401 })
  }
  // Well-formed, the same registration does happen.
  await wire.signUp({ email })
})

test('I10: the 400 for malformed HTTP is JSON like every other', async () => {
  for (const sent of malformed(newEmail())) expectJson((await wire.raw(sent))[0], 400, sent)
})

test('I10: a request line without a version is malformed', async () => {
  expect((await wire.raw('GET /api/v1/protected\r\nHost: x\r\nConnection: close\r\n\r\n'))[0]?.status).toBe(400)
})

test('I10: a health check with two Hosts is malformed as well', async () => {
  expect((await wire.raw(text('GET', '/livez')))[0]?.status).toBe(200)
  expect((await wire.raw(text('GET', '/livez', ['Host: elsewhere'])))[0]?.status).toBe(400)
})

const spellings = [
  '/api/v1/session/',
  '/api/v1//session',
  '//api/v1/session',
  '/api/v1/./session',
  '/api/v1/x/../session',
  '/api/v1/sessions/../session',
  '/API/V1/SESSION',
  '/api/v1/%73ession',
  '/api/v1%2fsession',
  '/api/v1/session%2f',
  '/api/v1/session%00',
  '/api/v1/session;a=b',
  '/api/v1/session#x',
  '/api/v1/session?',
  '/api/v1\\session',
  'http://localhost/api/v1/session',
  'http://elsewhere/api/v1/session',
  '/api/v1/sessions/',
  '/api/v1/sessions/%',
  '/api/v1/protected/.',
]

test('I11: another spelling of a guarded path is guarded or not there', async () => {
  for (const target of spellings) {
    const [answer] = await wire.raw(text('GET', target))
    expect({ target, status: answer?.status }).toEqual({ target, status: expect.toSatisfy(isGuarded) })
    const [forged] = await wire.raw(text('GET', target, ['Authorization: unknown']))
    expect(forged?.status).toBe(answer?.status)
  }
})

function isGuarded(status: unknown): boolean {
  return [400, 401, 404, 405].includes(Number(status))
}

test('I11: a target that cannot be parsed is refused, and the server goes on', async () => {
  const targets = [
    '//',
    '//[',
    '///',
    '/%',
    '/%ff',
    '/api/v1/%',
    '/[',
    '?',
    '*',
    '/?%',
    'http://[',
    'http://',
    'x',
    '/\u00ff',
  ]
  for (const target of targets) {
    const [answer] = await wire.raw(text('GET', target))
    expect({ target, status: answer?.status }).toEqual({ target, status: expect.toSatisfy(isGuarded) })
  }
  const { access } = await wire.signUp()
  expect((await wire.request('GET', '/session', { token: access })).status).toBe(200)
})

test('I12: on one connection each request is judged alone', async () => {
  const [mine, theirs] = [await wire.signUp(), await wire.signUp()]
  const get = (token: string, last = false) =>
    `GET /api/v1/protected HTTP/1.1\r\nHost: x\r\n${token && `Authorization: ${token}\r\n`}${
      last ? 'Connection: close\r\n' : ''
    }\r\n`
  const tokens = [mine.access, '', 'unknown', theirs.access, mine.renewal, '', mine.access]
  const answers = await wire.raw(tokens.map((token, index) => get(token, index === tokens.length - 1)).join(''))
  expect(answers.map(({ status }) => status)).toEqual([200, 401, 401, 200, 401, 401, 200])
  const emails = answers.filter(({ status }) => status === 200).map(({ text }) => JSON.parse(text).data.email)
  expect(emails).toEqual([mine.email, theirs.email, mine.email])
})

test('I12: a sign-in on a connection signs nobody else in on it', async () => {
  const { email, password } = await wire.signUp()
  const body = `user[email]=${email}&user[password]=${password}`
  const type = 'Content-Type: application/x-www-form-urlencoded'
  const signIn = `POST /api/v1/session HTTP/1.1\r\nHost: x\r\n${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  const answers = await wire.raw(signIn + text('GET', '/api/v1/session'))
  expect(answers.map(({ status }) => status)).toEqual([200, 401])
})

test('I13: no answer allows another origin', async () => {
  const { access, renewal } = await wire.signUp()
  const headers = {
    origin: 'https://elsewhere.example',
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization',
  }
  const answers = [
    await wire.request('OPTIONS', '/session', { headers }),
    await wire.request('OPTIONS', '/registration', { headers: { ...headers, origin: 'null' } }),
    await wire.request('GET', '/session', { headers, token: access }),
    await wire.request('GET', '/session', { headers }),
    await wire.request('POST', '/session/renew', { headers, token: renewal }),
    await wire.request('GET', '/nowhere', { headers }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([405, 405, 200, 401, 200, 404])
  for (const answer of answers) {
    expect([...answer.headers.keys()].filter(name => name.startsWith('access-control'))).toEqual([])
  }
})

test('I16: with 400 half-open connections service goes on', async () => {
  const sockets: Socket[] = []
  const partial = [
    '',
    'GET /api/v1/session HTTP/1.1\r\nHost: x\r\n',
    'POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    'POST /api/v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab',
  ]
  try {
    for (let index = 0; index < 400; index++) {
      const socket = await openSocket(wire.server.port)
      socket.on('error', () => {})
      socket.write(partial[index % partial.length] ?? '')
      sockets.push(socket)
    }
    const person = await wire.signUp()
    expect((await wire.signIn(person)).status).toBe(200)
    expect((await wire.request('GET', '/session', { token: person.access })).status).toBe(200)
    expect(sockets.filter(socket => socket.destroyed)).toEqual([])
  } finally {
    for (const socket of sockets) socket.destroy()
  }
})

function newHttpServer(maxConnections: number) {
  return createHttpServer({
    listener: (_, response) => response.end('served'),
    ready: async () => {},
    metrics: null,
    presenter: guidePresenter,
    maxConnections,
    finished: () => {},
  })
}

test('I16: headers, requests and idle connections have time-outs, and connections a cap', async () => {
  const { server } = newHttpServer(7)
  for (const ms of [server.headersTimeout, server.requestTimeout]) {
    expect(ms).toBeGreaterThan(0)
    expect(ms).toBeLessThanOrEqual(30_000)
  }
  expect(server.keepAliveTimeout).toBeGreaterThan(0)
  expect(server.keepAliveTimeout).toBeLessThanOrEqual(120_000)
  expect(server.maxConnections).toBe(7)
})

test('I16: a half-open connection is told and closed when its time is over', async () => {
  const { server } = newHttpServer(1)
  server.headersTimeout = 1
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const slow = await openSocket((server.address() as AddressInfo).port)
  const chunks: Buffer[] = []
  slow.on('data', chunk => chunks.push(chunk))
  slow.write('GET / HTTP/1.1\r\nHost: x\r\n')
  await once(slow, 'close')
  server.close()
  expect(Buffer.concat(chunks).toString()).toMatch(/^HTTP\/1\.1 408 .*"status":408/s)
})
