import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Extension, memoryStore, memoryUsers } from '../../src/index.js'
import { openSqlite } from '../../src/server/sqlite.js'
import { testAuth } from '../../src/testing/index.js'
import { newEmail, registrationOf, signUpWith, tokensOf, useServer, type WireRequest } from '../support/wire.js'

const wire = useServer()

/** What an error body must never show: code, places, statements. */
const INSIDE =
  /\bat .+:\d+|node_modules|\.[jt]s\b|\/(?:tmp|var|home|usr|dist|src)\/|pawl\.db|\b(?:select|insert|update|delete) .*\b(?:from|into|set)\b|sqlite|constraint|undefined|Error:/i

test('I14: error bodies have fixed texts and show nothing from inside and nothing that was sent', async () => {
  const { email, access, renewal } = await wire.signUp({ password: 'the secret of this test' })
  const marker = 'marker-of-a-secret-input'
  const user = { email, password: marker, password_confirmation: `${marker}2` }
  const cases: [string, string, WireRequest][] = [
    ['POST', '/session', { json: { user } }],
    ['POST', '/session', { json: { user: { ...user, password: [marker] } } }],
    ['POST', '/session', { headers: { 'content-type': 'application/json' }, body: `{"user":${marker}` }],
    ['POST', '/session', { form: `user[password]=${marker}%` }],
    ['POST', '/session', { headers: { 'content-type': marker }, body: marker }],
    ['POST', '/registration', { json: { user } }],
    ['POST', '/registration', { json: { user: { ...user, password_confirmation: marker } } }],
    ['POST', '/registration', { json: { user: { ...user, email: `${marker}' or 1=1 --` } } }],
    ['POST', '/registration', { json: { user: marker } }],
    ['POST', '/session/renew', { token: marker }],
    ['POST', '/session/renew', { token: access }],
    ['POST', '/session/renew', { token: renewal, headers: { 'idempotency-key': marker.repeat(60) } }],
    ['GET', '/session', { token: `Bearer ${marker}` }],
    ['GET', `/${marker}`, {}],
    ['DELETE', `/sessions/${marker}`, { token: access }],
    ['PATCH', '/registration', { token: access, json: { user: { current_password: marker, email: newEmail() } } }],
    ['POST', '/session/reauthenticate', { token: access, json: { user: { password: marker } } }],
  ]
  for (const [method, path, sent] of cases) {
    const { status, text, body } = await wire.request(method, path, sent)
    expect({ path, text, refused: status >= 400 }).toEqual({ path, text, refused: true })
    expect(typeof body.error.message).toBe('string')
    expect(text).not.toMatch(INSIDE)
    for (const secret of [marker, access, renewal, email]) expect(text).not.toContain(secret)
  }
})

test('I14: with the database locked an answer is 503 and shows nothing from inside', async () => {
  const person = await wire.signUp()
  const database = await openSqlite(join(wire.server.folder, 'pawl-data', 'pawl.db'))
  database.prepare('begin immediate').run()
  const locked = [await wire.signIn(person), await wire.request('DELETE', '/session', { token: person.access })]
  database.prepare('rollback').run()
  database.close()
  for (const { status, headers, text } of locked) {
    expect(status).toBe(503)
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    expect(text).not.toMatch(INSIDE)
  }
  expect((await wire.request('GET', '/session', { token: person.access })).status).toBe(200)
})

test('I14: what a store, a user table or a handler throws is reported, and shown to nobody', async () => {
  const cause = () => new Error('select secret from pawl_sessions: constraint in /var/lib/pawl.db')
  const fail = () => {
    throw cause()
  }
  const broken: Extension = {
    name: 'broken',
    setup: () => ({
      routes: [{ method: 'GET', path: '/broken', description: { summary: 'Breaks' }, handle: fail }],
    }),
  }
  const store = memoryStore()
  const sessions = { ...store.sessions, insert: fail, find: () => Promise.reject(cause()) }
  const { access } = await signUpWith(testAuth())
  const json = registrationOf(newEmail(), 'secret1234')
  const inStore = testAuth({ store: { ...store, sessions }, extensions: [broken] })
  const inUsers = testAuth({ users: { ...memoryUsers(), findByIdentifier: fail, insert: fail } })
  const answers = [
    await inStore.request('POST', '/registration', { json }),
    await inStore.request('GET', '/session', { token: access }),
    await inStore.request('POST', '/session/renew', { token: (await signUpWith(testAuth())).renewal }),
    await inUsers.request('POST', '/registration', { json }),
    await inUsers.request('POST', '/session', { json }),
    await inStore.request('GET', '/broken'),
  ]
  expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503, 500])
  for (const { body } of answers) expect(JSON.stringify(body)).not.toMatch(INSIDE)
  expect(inStore.errors).toHaveLength(4)
  expect(inUsers.errors).toHaveLength(2)
  for (const error of [...inStore.errors, ...inUsers.errors]) expect(error).toEqual(cause())
})

/** The lines of the log, once it has one that `isThere` waits for. */
async function logWith(isThere: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>[]> {
  for (;;) {
    const lines = wire.server.output().stdout.split('\n').slice(0, -1)
    const parsed = lines.map(line => JSON.parse(line))
    if (parsed.some(isThere)) return parsed
    await new Promise(setImmediate)
  }
}

test('I15: sign-ins, failures, refusals, revocations and reuse are logged with who, where, when and which request', async () => {
  const { email, password, access, renewal } = await wire.signUp()
  const profile = (await wire.request('GET', '/session', { token: access })).body.data
  const failed = await wire.signIn({ email: email.toUpperCase(), password: 'a wrong secret' })
  const second = tokensOf(await wire.signIn({ email, password }))
  await wire.request('DELETE', '/session', { token: second.access })
  await wire.request('GET', '/session', { token: second.access })
  const next = tokensOf(await wire.request('POST', '/session/renew', { token: renewal }))
  const last = tokensOf(await wire.request('POST', '/session/renew', { token: next.renewal }))
  await wire.request('POST', '/session/renew', { token: renewal })
  const final = await wire.request('GET', '/session', { token: last.access })
  expect(final.body.error.reason).toBe('session_reused')

  const log = await logWith(({ requestId, message }) => {
    return message === 'request' && requestId === final.headers.get('x-request-id')
  })
  const [userId, sessionId] = [profile.user.id, profile.session.id]
  const where = { address: '127.0.0.1', requestId: expect.stringMatching(/^[0-9a-f-]{36}$/), level: 'info' }
  const expected = [
    { message: 'account.created', userId },
    { message: 'session.created', userId, sessionId },
    { message: 'sign_in.failed', userId, identifier: email, requestId: failed.headers.get('x-request-id') },
    { message: 'session.ended', sessionId: expect.any(String) },
    { message: 'token.refused', detail: 'ended' },
    { message: 'session.renewed', userId, sessionId },
    { message: 'session.reused', userId, sessionId },
    { message: 'token.refused', detail: 'reused' },
    { message: 'request', method: 'POST', path: '/api/v1/session', status: 401 },
  ]
  for (const facts of expected) expect(log).toContainEqual(expect.objectContaining({ ...where, ...facts }))
  for (const { time } of log) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

test('I15: no password, no token and no Authorization is in the log', async () => {
  const person = await wire.signUp({ password: 'pass phrase one 1' })
  const { access, renewal } = person
  const secrets = ['pass phrase one 1', 'pass phrase two 2', 'pass phrase three 3', access, renewal]
  const used = [
    await wire.signIn(person),
    await wire.request('POST', '/session/renew', { token: renewal, headers: { 'idempotency-key': 'idempotency-one' } }),
  ]
  await wire.signIn({ email: person.email, password: 'pass phrase two 2' })
  await wire.request('GET', `/session?access_token=${access}&user[password]=pass+phrase`, { token: `Basic ${access}` })
  await wire.request('POST', '/session/renew', { token: access })
  const { access: current } = tokensOf(used[1] as (typeof used)[0])
  const change = { current_password: person.password, password: 'pass phrase three 3' }
  const user = { ...change, password_confirmation: change.password }
  expect((await wire.request('PATCH', '/registration', { token: current, json: { user } })).status).toBe(200)
  const end = await wire.request('DELETE', '/session', { token: current, headers: { 'user-agent': 'agent-of-a-test' } })
  await logWith(({ requestId, message }) => message === 'request' && requestId === end.headers.get('x-request-id'))

  for (const answer of used) secrets.push(...Object.values(tokensOf(answer)))
  const { stdout, stderr } = wire.server.output()
  expect(stdout).toContain(person.email.split('@')[1])
  const told = [...secrets, 'idempotency-one'].filter(secret => (stdout + stderr).includes(secret))
  expect(told).toEqual([])
  // Not even a token's body, which is the secret part, nor one that this test does not know of.
  expect(/pw[ar]1_[\w-]/.exec(stdout + stderr)?.[0]).toBeUndefined()
})

test('I15: a password typed into the field of the e-mail is not logged', async () => {
  const answer = await wire.signIn({ email: 'my-password-by-mistake', password: '' })
  expect(answer.status).toBe(401)
  const requestId = answer.headers.get('x-request-id')
  const log = await logWith(line => line.message === 'request' && line.requestId === requestId)
  expect(log).toContainEqual(expect.objectContaining({ message: 'sign_in.failed', requestId }))
  expect(wire.server.output().stdout.includes('my-password-by-mistake')).toBe(false)
})

test('I15: line breaks in what was sent make no second line and no field', async () => {
  const forged = '{"time":"2030-01-01T00:00:00.000Z","level":"info","message":"forged"}'
  const before = wire.server.output().stdout.length
  for (const text of [
    `a@example.com\n${forged}\n`,
    `a@example.com\r\n${forged}`,
    `a","message":"forged@example.com`,
    '\u2028x',
  ]) {
    await wire.signIn({ email: text, password: 'x' })
  }
  await wire.request('GET', `/session/%0A${encodeURIComponent(forged)}`)
  const last = await wire.request('GET', '/session', { headers: { 'user-agent': 'x","message":"forged' } })
  const log = await logWith(line => line.message === 'request' && line.requestId === last.headers.get('x-request-id'))
  expect(log.map(({ message }) => message)).not.toContain('forged')
  const lines = wire.server.output().stdout.slice(before).trimEnd().split('\n')
  // Each try is a failure, perhaps a refusal, and a request.
  expect(lines.length).toBeLessThanOrEqual(3 * 6)
})

test('I15: each refused token is told by its reason', async () => {
  const made = testAuth()
  const { access, renewal } = await signUpWith(made)
  await made.request('GET', '/session', { token: renewal })
  await made.request('GET', '/session')
  made.clock.advance(31 * 60_000)
  await made.request('GET', '/session', { token: access })
  const refused = made.events.filter(({ name }) => name === 'token.refused')
  expect(refused.map(({ detail }) => detail)).toEqual(['forged', 'expired'])
  for (const { at, address, requestId } of refused) {
    expect([typeof at, address, requestId.length]).toEqual(['number', '192.0.2.1', 36])
  }
})

test('I15: a renewal that succeeds is not logged as a refusal', async () => {
  const { renewal } = await wire.signUp()
  const renewed = await wire.request('POST', '/session/renew', { token: renewal })
  expect(renewed.status).toBe(200)
  const requestId = renewed.headers.get('x-request-id')
  const log = await logWith(line => line.message === 'request' && line.requestId === requestId)
  const mine = log.filter(line => line.requestId === requestId)
  expect(mine.map(({ message }) => message)).toEqual(['session.renewed', 'request'])
  expect(mine.map(({ refusal }) => refusal)).toEqual([undefined, undefined])
})
