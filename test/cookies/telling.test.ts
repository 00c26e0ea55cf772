import { inspect } from 'node:util'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { describe, expect, test } from 'vitest'
import { memoryStore, type Store } from '../../src/index.js'
import { testExchange } from '../../src/testing/index.js'
import { ASKING, ask, BOTH, cookieAuth, MINUTE, NAME, visitor } from './visitor.js'

const KINDS = Object.keys(BOTH) as (keyof typeof BOTH)[]

describe.each(KINDS)('by %s', kind => {
  test('no cookie and no part of one is told, kept or logged', async () => {
    const store = memoryStore()
    const kept: unknown[] = []
    let away = false
    const listening = <Target extends object>(target: Target) =>
      Object.fromEntries(
        Object.entries(target).map(([name, verb]) => [
          name,
          (...args: unknown[]) => {
            kept.push(args)
            if (away) throw new Error('connection refused')
            return verb(...args)
          },
        ]),
      ) as Target
    const cut: Store = { ...store, sessions: listening(store.sessions), values: listening(store.values) }
    const made = cookieAuth({ sessions: BOTH[kind](), store: cut })
    const mine = visitor(made, { headers: ASKING })
    const bodies: unknown[] = []
    const tokens = new Set<string>()
    const go = async (method: string, path: string, request = {}) => {
      if (mine.cookie) tokens.add(mine.cookie)
      bodies.push((await mine.send(method, path, request)).body)
      if (mine.cookie) tokens.add(mine.cookie)
    }
    bodies.push((await mine.register(true)).body)
    const first = mine.cookie as string
    for (let count = 0; count < 3; count++) {
      made.clock.advance(15 * MINUTE)
      await go('GET', '/session')
    }
    await go('POST', '/session/renew')
    await go('GET', '/sessions')
    away = true
    await go('GET', '/session')
    await go('DELETE', '/session')
    away = false
    made.clock.advance(MINUTE)
    bodies.push((await mine.lose('GET', '/session', { cookie: first })).body)
    await go('GET', '/session')

    const ctx = await made.auth.open(testExchange('GET', '/', { headers: { cookie: `${NAME}=${mine.cookie}` } }))
    const { requestId: _, ...told } = { requestId: '', events: made.events, errors: made.errors, bodies, kept }
    const logged = [JSON.stringify(told), inspect(told, { depth: 9 }), JSON.stringify(ctx)].join('\n')
    expect(tokens.size).toBeGreaterThan(3)
    expect(made.events.map(({ name }) => name)).toEqual(expect.arrayContaining(['session.reused', 'session.renewed']))
    for (const token of tokens) {
      expect(logged).not.toContain(token)
      // The session's secret as well, in the spellings it may have.
      const secret = Buffer.from(token.slice(5), 'base64url').subarray(21, 37)
      for (const encoding of ['hex', 'base64', 'base64url'] as const) {
        expect(logged).not.toContain(secret.toString(encoding))
      }
      expect(logged).not.toContain(inspect(new Uint8Array(secret)).slice(16, 60))
    }
  })

  test.each(['guide', 'problem'] as const)('the description is valid OpenAPI, with errors as %s', async errors => {
    const { auth } = cookieAuth({ sessions: BOTH[kind]({ cookie: { name: 'app' } }), errors })
    const { body } = await ask(auth, 'GET', '/api/v1/openapi.json')
    const config = await createConfig({ extends: ['minimal', 'spec'] })
    const faults = await lintFromString({ source: JSON.stringify(body), absoluteRef: 'openapi.json', config })
    expect(faults.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([])
    const { securitySchemes } = body.components
    expect(securitySchemes.sessionCookie).toEqual({ type: 'apiKey', in: 'cookie', name: '__Host-app' })
    expect(Object.keys(securitySchemes).sort()).toEqual(
      kind === 'cookie' ? ['sessionCookie'] : ['accessToken', 'renewalToken', 'sessionCookie'],
    )
    const { post } = body.paths['/session']
    const { schema } = post.requestBody.content['application/json']
    expect(schema.properties.user.properties.remember_me).toEqual({ type: 'boolean' })
    expect(schema.properties.user.required).toEqual(['email', 'password'])
    expect(body.paths['/sessions'].get.security).toContainEqual({ sessionCookie: [] })
  })
})
