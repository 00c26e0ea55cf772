import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Message, mailboxMailer } from '../../src/extensions/mail/mail.js'
import { devMailbox } from '../../src/server/dev-mailbox.js'
import { serverExtensions } from '../../src/server/extensions.js'

const mailbox = mailboxMailer()
const answer = devMailbox(mailbox)
const server = createServer((request, response) => {
  if (!answer(request, response)) response.writeHead(404).end('the app')
})
const signal = new AbortController().signal
let port = 0

const message = (id: string, changed: Partial<Message> = {}): Message => ({
  id,
  kind: 'reset_password',
  tenant: '',
  from: { name: 'Acme', address: 'no-reply@acme.example' },
  replyTo: null,
  to: 'ada@example.com',
  subject: `Mail ${id}`,
  text: 'Open https://app.example/reset-password#token=T\n',
  html: '<p onclick="x()">Hello</p><script>alert(1)</script>',
  date: 0,
  ...changed,
})

interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

async function ask(
  path: string,
  { method = 'GET', host = '127.0.0.1', headers = {} as object } = {},
): Promise<Answered> {
  const request = httpRequest({ host, port, path, method, headers: { ...headers } as never })
  request.end()
  const [response] = await once(request, 'response')
  let body = ''
  for await (const piece of response) body += piece
  return { status: response.statusCode, headers: response.headers, body }
}

beforeAll(async () => {
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  await mailbox.send(message('one'), signal)
  await mailbox.send(message('two', { subject: '<img src=x onerror=alert(1)>', to: '"><script>@x' }), signal)
})
afterAll(() => server.close())

test('mails are listed and shown, the newest first, all escaped', async () => {
  const list = await ask('/dev/mailbox')
  expect(list.status).toBe(200)
  expect(list.body.indexOf('/dev/mailbox/two')).toBeLessThan(list.body.indexOf('/dev/mailbox/one'))
  expect(list.body).not.toMatch(/<img|<script/)
  const { body, headers } = await ask('/dev/mailbox/one')
  expect(body).toContain('<a href="https://app.example/reset-password#token=T"')
  expect(body).toMatch(/<iframe sandbox="" title="HTML" srcdoc="&lt;p onclick/)
  expect(body).not.toMatch(/<script|onclick="/)
  expect(headers).toMatchObject({
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
  })
  expect(headers['content-security-policy']).toContain("default-src 'none'")
  expect(Object.keys(headers).join()).not.toContain('access-control')
  expect((await ask('/dev/mailbox/three')).status).toBe(404)
})

test('a program reads them as JSON', async () => {
  for (const read of [ask('/dev/mailbox.json'), ask('/dev/mailbox', { headers: { accept: 'application/json' } })]) {
    const { body, headers } = await read
    expect(headers['content-type']).toBe('application/json; charset=utf-8')
    expect(JSON.parse(body).data.map(({ id }: Message) => id)).toEqual(['two', 'one'])
  }
  const { body } = await ask('/dev/mailbox/one', { headers: { accept: 'application/json' } })
  expect(JSON.parse(body).data).toEqual(message('one'))
  expect((await ask('/dev/mailbox', { method: 'HEAD' })).body).toBe('')
})

test.each([
  ['another name for this machine', { headers: { host: 'rebound.example' } }],
  ['a name that begins like ours', { headers: { host: 'localhost.evil.example' } }],
  ['an address that begins like ours', { headers: { host: '127.0.0.1.evil.example' } }],
  ['what a proxy passes on', { headers: { 'x-forwarded-for': '127.0.0.1' } }],
  ['what a proxy passes on, in the standard way', { headers: { forwarded: 'for=127.0.0.1' } }],
  ['what a proxy of a network passes on', { headers: { 'cf-connecting-ip': '203.0.113.1' } }],
  ['what says who asked for the page', { headers: { 'x-forwarded-proto': 'https' } }],
  ['another method', { method: 'POST' }],
])('it does not answer %s', async (_, request) => {
  for (const path of ['/dev/mailbox', '/dev/mailbox.json', '/dev/mailbox/one']) {
    expect(await ask(path, request)).toMatchObject({ status: 404, body: 'the app' })
  }
})

const outside = Object.values(networkInterfaces())
  .flat()
  .find(each => each?.family === 'IPv4' && !each.internal)?.address

test.skipIf(outside === undefined)('it does not answer another machine, whatever name it uses', async () => {
  const { status } = await ask('/dev/mailbox', { host: outside as string, headers: { host: 'localhost' } })
  expect(status).toBe(404)
})

test('it does not answer a proxy that adds nothing and speaks HTTP/1.0', async () => {
  const socket = connect(port, '127.0.0.1')
  socket.end(`GET /dev/mailbox.json HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`)
  let heard = ''
  for await (const piece of socket) heard += piece
  expect(heard).toContain('the app')
})

test.each([
  [{}, true],
  [{ linkBase: 'http://localhost:5173' }, true],
  [{ linkBase: 'https://app.example' }, false],
  [{ host: '0.0.0.0' }, false],
  [{ proxyHops: 1 }, false],
  [{ devMailbox: false }, false],
  [{ smtpUrl: 'smtp://localhost:25', mailFrom: 'a@b.example', linkBase: 'http://localhost' }, false],
])('with %j there is one: %s', (config, isThere) => {
  expect(serverExtensions(config).mailbox !== null).toBe(isThere)
})

test('other paths are the app’s', async () => {
  for (const path of ['/', '/dev/mailboxes', '/dev/mailbox.html', '/dev/Mailbox', '//dev/mailbox']) {
    expect((await ask(path)).body).toBe('the app')
  }
})

test('a mailbox keeps the latest hundred, and each once', async () => {
  const many = mailboxMailer()
  for (let index = 0; index < 150; index++) await many.send(message(String(index)), signal)
  await many.send(message('149'), signal)
  expect(many.mails()).toHaveLength(100)
  expect(many.mails()[0]?.id).toBe('149')
  expect(many.mails().at(-1)?.id).toBe('50')
  many.clear()
  expect(many.mails()).toEqual([])
})
