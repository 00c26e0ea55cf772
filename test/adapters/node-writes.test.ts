import { createReadStream, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterAll, expect, test } from 'vitest'
import type { AuthRequest, NodeHandler } from '../../src/adapters/node.js'
import { type Auth, type BaseUser, memoryUsers } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'
import { send } from '../support/guide.js'
import { newFolder } from '../support/server.js'
import { serving, slowStore, storeAway, storeWith } from './node-server.js'

const folder = newFolder()
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Respond = (response: ServerResponse, accessToken: string) => unknown

async function newUser(auth: Auth): Promise<BaseUser> {
  const { user } = await auth.users.insert({ id: 'u1', email: 'me@example.com', passwordHash: null, createdAt: 0 })
  return user
}

async function signIn(auth: Auth, request: AuthRequest, user: BaseUser): Promise<string> {
  await auth.accounts.signIn(request.auth, user, { methods: ['pwd'] })
  return request.auth.tokens?.accessToken ?? ''
}

/** Serves an app that signs in and then responds its own way; tells what had left when the session was stored. */
async function signingIn(respond: Respond) {
  const sentAtInsert: boolean[] = []
  let current: ServerResponse | undefined
  let token = ''
  const { auth } = testAuth({
    store: slowStore(
      // `headersSent` itself says of a response that has begun and waits that nobody may answer in its place.
      () => sentAtInsert.push((current?.socket?.bytesWritten ?? 0) > 0),
      Date.now,
    ),
    now: Date.now,
  })
  const user = await newUser(auth)
  const url = await serving(auth, async (request, response) => {
    current = response
    token = await signIn(auth, request, user)
    return respond(response, token)
  })
  return {
    url,
    sentAtInsert,
    signedIn: async () => (await send(url, 'GET', '/api/v1/session', { token })).status === 200,
  }
}

test('res.end waits until the session is stored', async () => {
  const app = await signingIn((response, token) => {
    response.statusCode = 201
    response.setHeader('x-mine', 'yes')
    response.end(token)
  })
  const { status, headers, text } = await send(app.url, 'POST', '/enter')
  expect(status).toBe(201)
  expect(headers.get('x-mine')).toBe('yes')
  expect(text).toMatch(/^pwa1_/)
  expect(app.sentAtInsert).toEqual([false])
  expect(await app.signedIn()).toBe(true)
})

test('res.writeHead, write and end wait until the session is stored, and keep their order', async () => {
  const app = await signingIn(response => {
    response.writeHead(202, { 'x-mine': 'yes' })
    response.flushHeaders()
    response.write('one ')
    response.write(Buffer.from('two '))
    response.end('three')
  })
  const { status, headers, text } = await send(app.url, 'POST', '/enter')
  expect({ status, text }).toEqual({ status: 202, text: 'one two three' })
  expect(headers.get('x-mine')).toBe('yes')
  expect(app.sentAtInsert).toEqual([false])
  expect(await app.signedIn()).toBe(true)
})

test('a response that is streamed waits, and arrives whole', async () => {
  const app = await signingIn(async response => {
    for (const part of ['a', 'b', 'c', 'd']) {
      response.write(part)
      await new Promise(resolve => setImmediate(resolve))
    }
    response.end()
  })
  expect((await send(app.url, 'POST', '/enter')).text).toBe('abcd')
  expect(app.sentAtInsert).toEqual([false])
  expect(await app.signedIn()).toBe(true)
})

test('a file that is piped waits, and arrives whole', async () => {
  const file = join(folder, 'large.txt')
  const content = 'pawl '.repeat(100_000)
  writeFileSync(file, content)
  const app = await signingIn(response => createReadStream(file).pipe(response))
  const { text } = await send(app.url, 'POST', '/enter')
  expect(text.length).toBe(content.length)
  expect(text === content).toBe(true)
  expect(app.sentAtInsert).toEqual([false])
  expect(await app.signedIn()).toBe(true)
})

test('a stream of small parts that is piped arrives whole', { timeout: 5000 }, async () => {
  const app = await signingIn(response => pipeline(Readable.from(['a', 'b', 'c', 'd']), response))
  expect((await send(app.url, 'POST', '/enter')).text).toBe('abcd')
  expect(await app.signedIn()).toBe(true)
})

test('callbacks of write and end are called', async () => {
  const called: string[] = []
  const app = await signingIn(response => {
    response.write('a', () => called.push('write'))
    response.end('b', () => called.push('end'))
  })
  expect((await send(app.url, 'POST', '/enter')).text).toBe('ab')
  await expect.poll(() => called).toEqual(['write', 'end'])
})

test('HEAD waits as well and has no body', async () => {
  const app = await signingIn(response => {
    response.setHeader('content-length', 5)
    response.end('hello')
  })
  const { status, headers, text } = await send(app.url, 'HEAD', '/enter')
  expect({ status, text }).toEqual({ status: 200, text: '' })
  expect(headers.get('content-length')).toBe('5')
  expect(app.sentAtInsert).toEqual([false])
  expect(await app.signedIn()).toBe(true)
})

/** Serves an app whose sign-ins are counted as they are stored. */
async function counted(handler: (auth: Auth, user: BaseUser) => NodeHandler) {
  const inserted: string[] = []
  const { auth } = testAuth({ store: storeWith({ insert: session => void inserted.push(session.id) }) })
  return { url: await serving(auth, handler(auth, await newUser(auth))), inserted }
}

test('a sign-in is forgotten when the handler throws after it', async () => {
  const later = await counted((auth, user) => async request => {
    await signIn(auth, request, user)
    throw new Error('after the sign-in')
  })
  const failed = await send(later.url, 'POST', '/enter')
  expect(failed.status).toBe(500)
  expect(failed.text).not.toContain('pwa1_')
  expect(later.inserted).toEqual([])

  const atOnce = await counted(() => request => {
    request.auth.beforeSend(() => void atOnce.inserted.push('written'))
    throw new Error('at once')
  })
  expect((await send(atOnce.url, 'POST', '/enter')).status).toBe(500)
  expect(atOnce.inserted).toEqual([])
})

test('a handler that throws while it waits for its writes ends its response and harms nobody else', {
  timeout: 5000,
}, async () => {
  const app = await counted((auth, user) => async (request, response) => {
    if (request.url === '/fine') return response.end('fine')
    await signIn(auth, request, user)
    response.write('begun')
    throw new Error('halfway')
  })
  await send(app.url, 'POST', '/enter').catch(() => null)
  expect((await send(app.url, 'GET', '/fine')).text).toBe('fine')
})

test('a write that fails becomes the response, whatever the handler said', async () => {
  const { auth, errors } = testAuth({ store: storeAway() })
  const user = await newUser(auth)
  const url = await serving(auth, async (request, response) => {
    const token = await signIn(auth, request, user)
    response.setHeader('x-token', token)
    response.setHeader('content-encoding', 'identity')
    if (request.url === '/streamed') {
      response.writeHead(200, { 'x-token-too': token, 'content-length': 1000 })
      response.write(token)
    }
    response.end(token)
  })
  for (const path of ['/enter', '/streamed']) {
    const { status, headers, text, json } = await send(url, 'POST', path)
    expect(status, path).toBe(503)
    expect(json.error.reason).toBe('unavailable')
    expect(headers.get('retry-after')).toBe('1')
    expect(text + JSON.stringify([...headers])).not.toContain('pwa1_')
  }
  expect(errors).toHaveLength(2)
  expect((await send(url, 'HEAD', '/enter')).status).toBe(503)
})

test('a write that fails after the response began cuts the response off and harms nobody else', async () => {
  const { auth } = testAuth({ store: storeAway(), users: memoryUsers() })
  const user = await newUser(auth)
  const url = await serving(auth, async (request, response) => {
    if (request.url === '/fine') return response.end('fine')
    response.write('begun')
    await signIn(auth, request, user)
    response.end('done')
  })
  const text = await new Promise<string>(resolve => {
    const client = httpRequest(`${url}/enter`, { method: 'POST', timeout: 2000 }, response => {
      let seen = ''
      response.on('data', chunk => {
        seen += chunk
      })
      response.once('close', () => resolve(response.complete ? `whole: ${seen}` : 'cut off'))
    })
    client.once('timeout', () => resolve('left hanging'))
    client.once('error', () => resolve('cut off')).end()
  })
  expect(text).toBe('cut off')
  expect((await send(url, 'GET', '/fine')).text).toBe('fine')
})

test('a response without queued writes is not touched', async () => {
  const { auth } = testAuth()
  const own: string[][] = []
  const url = await serving(auth, (_request, response) => {
    own.push(['write', 'end', 'writeHead', 'flushHeaders'].filter(name => Object.hasOwn(response, name)))
    expect(response.write('a')).toBe(true)
    response.end('b')
  })
  expect((await send(url, 'GET', '/')).text).toBe('ab')
  expect(own).toEqual([[]])
})
