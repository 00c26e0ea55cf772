import assert from 'node:assert/strict'
import { Problem } from '../base/problem.js'
import type { Exchange } from '../http/exchange.js'
import { readInput } from '../http/input.js'
import { PASSWORD } from './adapter-client.js'
import type { HostController } from './adapter-host.js'
import type { AdapterTest } from './adapter-suite.js'
import { testAuth, testExchange } from './test-auth.js'

const JSON_TYPE = 'application/json'
const FORM_TYPE = 'application/x-www-form-urlencoded'
const EMAIL = 'body@example.com'
const account = { email: EMAIL, password: PASSWORD }

/** Bodies by what is odd about them. `touchy`: a host may refuse it in its own words. */
const BODIES: readonly { name: string; type: string; body: string; touchy?: true }[] = [
  { name: 'JSON', type: JSON_TYPE, body: JSON.stringify({ user: account }) },
  { name: 'JSON with a charset', type: `${JSON_TYPE}; charset=utf-8`, body: JSON.stringify({ user: account }) },
  { name: 'an empty object', type: JSON_TYPE, body: '{}' },
  { name: 'an array', type: JSON_TYPE, body: JSON.stringify([{ user: account }]) },
  { name: 'a list of users', type: JSON_TYPE, body: JSON.stringify({ user: [account] }) },
  { name: 'text for a user', type: JSON_TYPE, body: '{"user":"x"}' },
  { name: 'numbers', type: JSON_TYPE, body: '{"user":{"email":1,"password":2}}' },
  { name: 'JSON cut short', type: JSON_TYPE, body: '{"user":' },
  { name: 'no JSON at all', type: JSON_TYPE, body: '', touchy: true },
  { name: 'JSON too deep', type: JSON_TYPE, body: `{"user":${'['.repeat(40)}${']'.repeat(40)}}` },
  { name: '60 KB', type: JSON_TYPE, body: JSON.stringify({ user: { ...account, more: 'x'.repeat(60_000) } }) },
  { name: '70 KB', type: JSON_TYPE, body: JSON.stringify({ user: { ...account, more: 'x'.repeat(70_000) } }) },
  {
    name: '__proto__',
    type: JSON_TYPE,
    body: `{"user":{"__proto__":{"email":"${EMAIL}"},"password":"${PASSWORD}"}}`,
    touchy: true,
  },
  { name: 'a form', type: FORM_TYPE, body: `user[email]=${EMAIL}&user[password]=${PASSWORD}` },
  {
    name: 'an encoded form',
    type: FORM_TYPE,
    body: `user%5Bemail%5D=body%40example.com&user%5Bpassword%5D=${PASSWORD}`,
  },
  { name: 'a flat form', type: FORM_TYPE, body: `email=${EMAIL}&password=${PASSWORD}` },
  { name: 'no form at all', type: FORM_TYPE, body: '' },
  { name: 'a form of one word', type: FORM_TYPE, body: 'user' },
  {
    name: 'a poisoned form',
    type: FORM_TYPE,
    body: `user[__proto__][email]=${EMAIL}&user[password]=${PASSWORD}`,
    touchy: true,
  },
  { name: 'YAML', type: 'text/yaml', body: 'user: x' },
]

/** A request that nobody parsed, with a body of the length it has. */
function unparsed(target: string, type: string, body: string): Exchange {
  const exchange = testExchange('POST', target, { form: body, headers: { 'content-type': type } })
  return {
    ...exchange,
    async readBody(limit) {
      if (body.length > limit) throw new Problem('body_too_large')
      return exchange.readBody(limit)
    },
  }
}

/** Bodies that a host parsed are read as those it did not. */
export function bodyTests(it: AdapterTest): void {
  it('gives a body that the host parsed before the same answer', async start => {
    const made = testAuth()
    const registration = { user: { ...account, password_confirmation: PASSWORD } }
    await made.request('POST', '/registration', { json: registration })
    const before = await start({ parserFirst: true }, made)
    const after = await start({ parserFirst: false }, made)
    for (const { name, type, body, touchy } of BODIES) {
      const expected = await made.auth.respond(unparsed('/api/v1/session', type, body))
      for (const { call } of [after, before]) {
        const { status, json } = await call('POST', '/api/v1/session', { body, headers: { 'content-type': type } })
        if (touchy && call === before.call && status === 400) continue
        assert.equal(status, expected.status, name)
        // A host may refuse in words of its own, which have no reason.
        const { error } = JSON.parse(expected.body ?? '')
        if (typeof json.error === 'object') assert.equal(json.error.reason, error?.reason, name)
      }
    }
  })

  it('reads in a controller what the host parsed there', async start => {
    const echo: HostController = {
      method: 'POST',
      path: '/echo',
      parsed: true,
      run: async ctx => ({ status: 200, body: JSON.stringify(await readInput(ctx.request, true)) }),
    }
    const { call } = await start({ controllers: [echo] })
    for (const { name, type, body, touchy } of BODIES) {
      const expected = await readInput(unparsed('/echo', type, body), true).then(
        input => ({ status: 200, json: JSON.parse(JSON.stringify(input)) }),
        ({ status }: { status: number }) => ({ status, json: null }),
      )
      const { status, json } = await call('POST', '/echo', { body, headers: { 'content-type': type } })
      if (touchy && (status === 400 || json)) continue
      assert.equal(status, expected.status, name)
      if (status === 200) assert.deepEqual(json, expected.json, name)
    }
    assert.equal(({} as { email?: string }).email, undefined)
  })
}
