import { createConfig, lintFromString } from '@redocly/openapi-core'
import { expect, test } from 'vitest'
import { bearerSessions, type Sessions } from '../src/index.js'
import { type TestAuth, testAuth } from '../src/testing/index.js'

const user = { email: 'me@example.com', password: 'secret1234', password_confirmation: 'secret1234' }

type Document = { paths: Record<string, Record<string, { requestBody?: { required: boolean } }>> }

async function documentOf({ request }: TestAuth): Promise<Document> {
  const { status, headers, body } = await request('GET', '/openapi.json')
  expect(status).toBe(200)
  expect(headers['content-type']).toMatch(/^application\/json/)
  return body
}

/** Everything the linter says, warnings as well. */
async function faultsIn(document: Document): Promise<unknown[]> {
  const config = await createConfig({ extends: ['minimal', 'spec'] })
  const problems = await lintFromString({ source: JSON.stringify(document), absoluteRef: 'openapi.json', config })
  return problems.map(({ ruleId, message }) => `${ruleId}: ${message}`)
}

/** `GET /session` of each documented route, sorted. */
function routesIn({ paths }: Document): string[] {
  const listed = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map(method => `${method.toUpperCase()} ${path}`),
  )
  return listed.sort()
}

const CORE = [
  'DELETE /registration',
  'DELETE /session',
  'GET /openapi.json',
  'GET /session',
  'PATCH /registration',
  'POST /registration',
  'POST /session',
  'POST /session/renew',
]
const OWN = ['DELETE /sessions', 'DELETE /sessions/{id}', 'GET /sessions', 'POST /session/reauthenticate']

/** Sessions that cannot be listed, as a carrier of the app's own may be. */
const plain: NonNullable<Parameters<typeof testAuth>[0]>['sessions'] = parts => {
  const { own: _, ...rest } = bearerSessions(parts)
  return rest satisfies Sessions
}

test('the description is valid OpenAPI, in both styles of errors', async () => {
  expect(await faultsIn(await documentOf(testAuth()))).toEqual([])
  expect(await faultsIn(await documentOf(testAuth({ errors: 'problem', basePath: '' })))).toEqual([])
})

test('the check finds what is not valid', async () => {
  const document = await documentOf(testAuth())
  const paths = { ...document.paths, '/broken/{id}': { get: {} } }
  expect(await faultsIn({ ...document, paths })).toEqual(
    expect.arrayContaining([expect.stringContaining('path-parameters-defined')]),
  )
})

test('the description lists exactly the mounted routes', async () => {
  expect(routesIn(await documentOf(testAuth()))).toEqual([...CORE, ...OWN].sort())
  const unlisted = testAuth({ sessions: plain })
  expect(routesIn(await documentOf(unlisted))).toEqual(CORE)
  for (const [method, path, expected] of [
    ['GET', '/sessions', 404],
    ['DELETE', '/sessions', 404],
    ['POST', '/session/reauthenticate', 404],
    ['PUT', '/session', 405],
  ] as const) {
    expect((await unlisted.request(method, path)).status, path).toBe(expected)
  }
})

/** Signs in and calls one documented route with all it needs. */
async function answerOf(subject: TestAuth, method: string, path: string): Promise<number> {
  const { request } = subject
  const { body } = await request('POST', '/session', { json: { user } })
  const { access_token: access, renewal_token: renewal } = body.data
  const { data } = (await request('GET', '/session', { token: access })).body
  const target = path.replace('{id}', data.session.id)
  const token = path === '/session/renew' ? renewal : access
  const input = { user: { ...user, email: 'you@example.com', current_password: user.password } }
  const sent = path === '/session' && method === 'POST' ? { user } : input
  return (await request(method, target, method === 'GET' ? { token } : { token, json: sent })).status
}

test('every documented route is there and answers', async () => {
  const routes = routesIn(await documentOf(testAuth()))
  const statuses: Record<string, number> = {}
  for (const each of routes) {
    const subject = testAuth()
    await subject.request('POST', '/registration', { json: { user } })
    const [method = '', path = ''] = each.split(' ')
    statuses[each] = await answerOf(subject, method, path)
  }
  expect(statuses).toEqual(Object.fromEntries(routes.map(each => [each, 200])))
})

test('a body is documented as required exactly where a request without one is refused for it', async () => {
  const subject = testAuth()
  const { body } = await subject.request('POST', '/registration', { json: { user } })
  const { paths } = await documentOf(subject)
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { requestBody }] of Object.entries(operations)) {
      if (!requestBody?.required) continue
      const token = body.data.access_token
      expect((await subject.request(method.toUpperCase(), path, { token })).status, `${method} ${path}`).toBe(400)
    }
  }
})

test('the description names the base path and each error once', async () => {
  const { request } = testAuth({ basePath: '/auth' })
  const { body } = await request('GET', '/openapi.json')
  expect(body.servers).toEqual([{ url: '/auth' }])
  expect(body.components.schemas.Problem.properties).toHaveProperty('error')
  const ids = Object.values(body.paths as Document['paths']).flatMap(operations =>
    Object.values(operations).map(operation => (operation as { operationId?: string }).operationId),
  )
  expect(new Set(ids).size).toBe(ids.length)
})
