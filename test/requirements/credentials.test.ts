import { expect, test } from 'vitest'
import { type TestAuth, testAuth } from '../../src/testing/index.js'
import { newEmail, type Person, registrationOf, signUpWith, tokensOf, useServer } from '../support/wire.js'

const wire = useServer()

async function check(headers: Record<string, string>, query = ''): Promise<number> {
  return (await wire.request('GET', `/session${query}`, { headers })).status
}

test('T14: a bare token and Bearer in any letter case are the two ways to be somebody', async () => {
  const { access } = await wire.signUp()
  for (const authorization of [
    access,
    `Bearer ${access}`,
    `bearer ${access}`,
    `BEARER ${access}`,
    `bEaReR ${access}`,
  ]) {
    expect(await check({ authorization })).toBe(200)
  }
})

test('T14: other schemes, and Bearer twice, are nobody', async () => {
  const { access, email, password } = await wire.signUp()
  const basic = Buffer.from(`${email}:${password}`).toString('base64')
  const schemes = [
    `Basic ${access}`,
    `Basic ${basic}`,
    `Token ${access}`,
    `Token token=${access}`,
    `Digest ${access}`,
    `Bearer Bearer ${access}`,
    `Bearer: ${access}`,
    `Bearer=${access}`,
    `Bearer${access}`,
    `Bearer ${access}, Bearer ${access}`,
    `${access} Bearer`,
  ]
  for (const authorization of schemes) expect(await check({ authorization })).toBe(401)
  expect(await check({ authorization: `Bearer ${access}` })).toBe(200)
})

test('T14: a token in the query, in a body or in another header is nobody', async () => {
  const { access, renewal } = await wire.signUp()
  for (const name of ['access_token', 'token', 'authorization', 'Authorization']) {
    expect(await check({}, `?${name}=${access}`)).toBe(401)
    const inBody = [{ form: `${name}=${renewal}` }, { json: { [name]: renewal, renewal_token: renewal } }]
    for (const body of inBody) expect((await wire.request('POST', '/session/renew', body)).status).toBe(401)
  }
  const headers = ['x-authorization', 'x-access-token', 'x-auth-token', 'proxy-authorization', 'cookie', 'x-api-key']
  for (const name of headers) {
    expect(await check({ [name]: access })).toBe(401)
    expect(await check({ [name]: `access_token=${access}` })).toBe(401)
    expect(await check({ [name]: `Bearer ${access}` })).toBe(401)
  }
  expect((await wire.request('POST', '/session/renew', { token: renewal })).status).toBe(200)
})

test('T14: an e-mail and a password in the query sign nobody in', async () => {
  const { email, password } = await wire.signUp()
  const query = `?user[email]=${encodeURIComponent(email)}&user[password]=${password}`
  expect((await wire.request('POST', `/session${query}`)).status).toBeGreaterThanOrEqual(400)
  expect((await wire.request('POST', `/session${query}`, { json: { user: {} } })).status).toBe(401)
})

test('T15: missing, empty, oddly spaced, over-long and mangled headers are refused, and none is a 500', async () => {
  const { access } = await wire.signUp()
  const get = (lines: string) =>
    wire.raw(`GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\n${lines}Connection: close\r\n\r\n`)
  expect((await get(`Authorization: ${access}\r\n`))[0]?.status).toBe(200)
  const headers = [
    '',
    'Authorization:\r\n',
    'Authorization: \t \r\n',
    'Authorization: Bearer\r\n',
    'Authorization: Bearer \r\n',
    `Authorization: Bearer  ${access}\r\n`,
    `Authorization: Bearer\t${access}\r\n`,
    `Authorization: Bearer ${access} x\r\n`,
    `Authorization: ${access} ${access}\r\n`,
    `Authorization: ${access},\r\n`,
    `Authorization: %${access}\r\n`,
    `Authorization: ${access.replace('_', '%5F')}\r\n`,
    `Authorization: ${access}%00\r\n`,
    `Authorization: ${access}\u0000\r\n`,
    `Authorization: ${access}\u00e9\r\n`,
    `Authorization: \ud83d\ude00\r\n`,
    `Authorization: ${'A'.repeat(8000)}\r\n`,
    `Authorization: pwa1_${'A'.repeat(12_000)}\r\n`,
    `Authorization: ${access}\r\nAuthorization: ${access}\r\n`,
    `Authorization: ${access}\r\nAuthorization:\r\n`,
    `authorization: ${access}\r\nAUTHORIZATION: unknown\r\n`,
    `Authorization: unknown\r\nAuthorization: ${access}\r\n`,
  ]
  for (const lines of headers) {
    const [answer] = await get(lines)
    expect({ lines, status: answer?.status }).toEqual({ lines, status: expect.toSatisfy(isRefusal) })
  }
  expect((await get(`Authorization: ${'A'.repeat(60_000)}\r\n`))[0]?.status).toBe(431)
  expect((await get(`Authorization: Bearer ${access}\r\n`))[0]?.status).toBe(200)
})

function isRefusal(status: unknown): boolean {
  return status === 400 || status === 401
}

test('T15: a header that is refused at a guarded route is refused at renewal as well', async () => {
  const { renewal } = await wire.signUp()
  const renew = (lines: string) =>
    wire.raw(`POST /api/v1/session/renew HTTP/1.1\r\nHost: localhost\r\n${lines}Connection: close\r\n\r\n`)
  for (const value of ['', 'Bearer', `Bearer  ${renewal}`, `${renewal},`, `Basic ${renewal}`, `%${renewal}`]) {
    expect((await renew(`Authorization: ${value}\r\n`))[0]?.status).toBe(401)
  }
  expect((await renew(`Authorization: ${renewal}\r\nAuthorization: ${renewal}\r\n`))[0]?.status).toBe(401)
  expect((await renew(`Authorization: ${renewal}\r\n`))[0]?.status).toBe(200)
})

/** Tokens that are bad for every reason there is, with the reason the log gives. */
async function badTokens(made: TestAuth): Promise<Record<string, Person>> {
  const { request, clock, auth } = made
  const expired = await signUpWith(made)
  clock.advance(31 * 24 * 3_600_000)
  const [ended, replaced, gone, good] = [
    await signUpWith(made),
    await signUpWith(made),
    await signUpWith(made),
    await signUpWith(made),
  ]
  await request('DELETE', '/session', { token: ended.access })
  await request('POST', '/session/renew', { token: replaced.renewal })
  const account = await auth.users.findByIdentifier(gone.email)
  await auth.users.delete(account?.user.id ?? '', account?.passwordHash ?? null)
  const forge = (token: string) => token.slice(0, -1) + (token.endsWith('x') ? 'y' : 'x')
  const forged = { ...good, access: forge(good.access), renewal: forge(good.renewal) }
  const malformed = { ...good, access: '?', renewal: '?' }
  const swapped = { ...good, access: good.renewal, renewal: good.access }
  return { expired, ended, replaced, user_gone: gone, forged, malformed, swapped }
}

test('T16: the answer does not say why a token is bad, and the log does', async () => {
  const made = testAuth()
  const tokens = await badTokens(made)
  const answers = { access: new Set<string>(), renewal: new Set<string>() }
  const reasons: Record<string, unknown> = {}
  for (const [reason, { access, renewal }] of Object.entries(tokens)) {
    const checked = await made.request('GET', '/session', { token: access })
    reasons[reason] = made.events.at(-1)?.detail
    answers.access.add(JSON.stringify(checked))
    answers.renewal.add(JSON.stringify(await made.request('POST', '/session/renew', { token: renewal })))
  }
  expect([...answers.access].map(text => JSON.parse(text).status)).toEqual([401])
  expect([...answers.renewal].map(text => JSON.parse(text).status)).toEqual([401])
  expect(JSON.parse([...answers.access][0] ?? '').body.error).toMatchObject({ code: 401, message: 'Not authenticated' })
  expect(JSON.parse([...answers.renewal][0] ?? '').body.error).toMatchObject({ status: 401, message: 'Invalid token' })
  expect(reasons).toEqual({
    expired: expect.stringMatching(/^(expired|ended)$/),
    ended: 'ended',
    replaced: 'replaced',
    user_gone: 'user_gone',
    forged: 'forged',
    malformed: expect.stringMatching(/^(malformed|forged)$/),
    swapped: 'forged',
  })
})

test('T16: over the wire a revoked, a forged and an absent token get one body', async () => {
  const ended = await wire.signUp()
  const { access, renewal } = await wire.signUp()
  await wire.request('DELETE', '/session', { token: ended.access })
  const bodies = new Set<string>()
  for (const token of [ended.access, `${access.slice(0, -2)}xx`, renewal, 'unknown']) {
    const refused = await wire.request('GET', '/session', { token })
    expect(refused.headers.get('www-authenticate')).toBe('Bearer')
    bodies.add(refused.text)
  }
  bodies.add((await wire.request('GET', '/session')).text)
  expect(bodies.size).toBe(1)
})

test('T17: every answer with a token may be stored by nobody', async () => {
  const email = newEmail()
  const registered = await wire.request('POST', '/registration', { json: registrationOf(email, 'secret1234') })
  const signedIn = await wire.signIn({ email, password: 'secret1234' })
  const renewed = await wire.request('POST', '/session/renew', { token: tokensOf(registered).renewal })
  for (const answer of [registered, signedIn, renewed]) {
    expect(tokensOf(answer).access).toMatch(/^pwa1_/)
    expect(answer.headers.get('cache-control')).toBe('no-store')
  }
})
