import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { authListener } from '../../src/adapters/node.js'
import { guidePresenter, type Presenter } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'
import { serving } from './node-server.js'

const user = { email: 'a@example.com', password: 'secret1234', password_confirmation: 'secret1234' }

function post(url: string, path: string, body: unknown) {
  const headers = { 'content-type': 'application/json' }
  return fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })
}

/** The guide's headers around another body, as a presenter may well be written. */
function presenterOf(text: string): Presenter {
  return { ...guidePresenter, problem: (problem, ctx) => ({ ...guidePresenter.problem(problem, ctx), body: text }) }
}

test("a presenter's body arrives whole, whatever its length and its letters", async () => {
  for (const text of ['{}', 'x'.repeat(5000), 'ünïcödé €', `${'y'.repeat(80)}ü`, '']) {
    const { auth } = testAuth({ presenter: presenterOf(text) })
    const url = await serving(auth)
    const response = await fetch(`${url}/api/v1/session`)
    expect(response.status).toBe(401)
    expect(await response.text()).toBe(text)
    expect(response.headers.get('content-length')).toBe(String(Buffer.byteLength(text)))
  }
})

test('a presenter and an onError that throw cost an answer in the guide’s shape, and no more', async () => {
  const { auth } = testAuth({
    presenter: {
      ...guidePresenter,
      problem() {
        throw new Error('the presenter failed')
      },
    },
    onError() {
      throw new Error('so did the listener')
    },
  })
  const url = await serving(auth)
  const response = await fetch(`${url}/api/v1/session`)
  expect(response.status).toBe(401)
  expect(await response.json()).toMatchObject({ error: { code: 401 } })
})

test('what is queued after the response ended is written all the same', async () => {
  const made = testAuth()
  const url = await serving(made.auth, async (request, response) => {
    response.end('bye')
    await made.auth.sessions.delete(request.auth)
  })
  const { data } = (await (await post(url, '/api/v1/registration', { user })).json()) as {
    data: { access_token: string }
  }
  const headers = { authorization: data.access_token }
  expect(await (await fetch(`${url}/bye`, { headers })).text()).toBe('bye')
  expect((await fetch(`${url}/api/v1/session`, { headers })).status).toBe(401)
})

test('a body that somebody read before is a 400 and not a wait without end', async () => {
  const { auth } = testAuth()
  const listener = authListener(auth)
  const server = createServer((request, response) => {
    request.resume().once('end', () => setImmediate(() => listener(request, response)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const response = await post(url, '/api/v1/session', { user })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ error: { message: 'Body was read already' } })
  server.close()
})
