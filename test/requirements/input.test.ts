import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { newEmail, registrationOf, useServer, type WireAnswer, type WireRequest } from '../support/wire.js'

const wire = useServer()

function post(path: '/session' | '/registration', request: WireRequest): Promise<WireAnswer> {
  return wire.request('POST', path, request)
}

function encoded(fields: Record<string, string>): string {
  return new URLSearchParams(fields).toString()
}

/** A refusal that was meant: not the 500 of something that broke. */
function expectRefused({ status, body }: WireAnswer, sent: unknown): void {
  const meant = [400, 401, 413, 415].includes(status) || (status === 500 && body.error.errors !== undefined)
  expect({ sent, status, meant }).toEqual({ sent, status, meant: true })
}

test('I1: where text is meant, arrays, objects, numbers, booleans and null are refused at both endpoints', async () => {
  const { email, password } = await wire.signUp()
  const right = { email, password, password_confirmation: password }
  expect((await post('/session', { json: { user: right } })).status).toBe(200)
  const users: unknown[] = [null, undefined, [], [right], 'text', 7, true, [['email', email]]]
  for (const name of ['email', 'password', 'password_confirmation'] as const) {
    const text = right[name]
    for (const value of [[text], [[text]], { text }, { 0: text }, { toString: text }, 12345678, 0, true, null, []]) {
      const user = { ...right, email: newEmail(), [name]: value }
      expectRefused(await post('/registration', { json: { user } }), { user })
      if (name !== 'password_confirmation') users.push({ ...right, [name]: value })
    }
  }
  for (const user of users) expectRefused(await post('/session', { json: { user } }), { user })
  for (const user of users.slice(0, 8)) expectRefused(await post('/registration', { json: { user } }), { user })
  for (const json of [null, [], [{ user: right }], 'text', 7]) expectRefused(await post('/session', { json }), json)
})

test('I1: a form cannot send an array or an object where text is meant', async () => {
  const { email, password } = await wire.signUp()
  expect((await post('/session', { form: encoded({ 'user[email]': email, 'user[password]': password }) })).status).toBe(
    200,
  )
  const forms: Record<string, string>[] = [
    { 'user[email]': email, 'user[password][]': password },
    { 'user[email][]': email, 'user[password]': password },
    { 'user[email]': email, 'user[password][0]': password },
    { 'user[email]': email, 'user[password][password]': password },
    { 'user[][email]': email, 'user[][password]': password },
    { 'user[0][email]': email, 'user[0][password]': password },
    { user: JSON.stringify({ email, password }) },
    { email, password },
    { 'user.email': email, 'user.password': password },
    { 'user[email': email, 'user[password': password },
  ]
  for (const fields of forms) expectRefused(await post('/session', { form: encoded(fields) }), fields)
})

test('I2: __proto__, constructor and prototype are names like others', async () => {
  const { email, password } = await wire.signUp()
  const right = JSON.stringify({ email, password })
  const bodies = [
    `{"__proto__":{"user":${right}}}`,
    `{"user":{"__proto__":${right}}}`,
    `{"constructor":{"prototype":{"user":${right}}}}`,
    `{"user":{"constructor":{"prototype":${right}}}}`,
    `{"user":{},"__proto__":{"email":"${email}","password":"${password}"}}`,
    `{"prototype":{"user":${right}}}`,
  ]
  for (const body of bodies) {
    expectRefused(await post('/session', { headers: { 'content-type': 'application/json' }, body }), body)
  }
  for (const path of [
    '__proto__[user]',
    'user[__proto__]',
    'constructor[prototype][user]',
    'user[constructor][prototype]',
  ]) {
    const fields = { [`${path}[email]`]: email, [`${path}[password]`]: password }
    expectRefused(await post('/session', { form: encoded(fields) }), fields)
  }
  // Nothing stayed behind.
  for (const json of [{}, { user: {} }, { user: null }]) expectRefused(await post('/session', { json }), json)
  expectRefused(await post('/session', { form: 'user[email]=' }), 'an empty form')
})

test('I3: registration takes the named fields alone, and shows no other', async () => {
  const extra = {
    id: '00000000-0000-4000-8000-000000000001',
    role: 'admin',
    is_admin: true,
    password_hash: 'x',
    passwordHash: 'x',
    credential_epoch: 99,
    email_confirmed_at: '2020-01-01T00:00:00Z',
    created_at: 0,
    inserted_at: 0,
  }
  const seen: Record<string, unknown>[] = []
  for (const email of [newEmail(), newEmail()]) {
    const { user } = registrationOf(email, 'secret1234')
    const answer = await post('/registration', { json: { ...extra, user: { ...user, ...extra } } })
    expect(Object.keys(answer.body.data)).toEqual(['access_token', 'renewal_token'])
    const profile = await wire.request('GET', '/session', { token: answer.body.data.access_token })
    expect(profile.text).not.toContain('admin')
    expect(profile.text).not.toContain('hash')
    expect((await wire.signIn({ email, password: 'secret1234' })).status).toBe(200)
    seen.push(profile.body.data.user)
  }
  for (const user of seen) {
    expect(Object.keys(user)).toEqual(['id', 'email', 'created_at', 'updated_at'])
    expect(user.id).not.toBe(extra.id)
    expect(Date.parse(String(user.created_at))).toBeGreaterThan(Date.UTC(2024, 0))
  }
  expect(seen[0]?.id).not.toBe(seen[1]?.id)
})

test('I4: broken percent-encoding, broken UTF-8 and broken JSON are 400', async () => {
  const { email } = await wire.signUp()
  for (const broken of ['%', '%4', '%zz', '%ff', '%c3%28', '%ed%a0%80', '%c0%af']) {
    expect((await post('/session', { form: `user[email]=${email}&user[password]=${broken}` })).status).toBe(400)
    expect((await post('/session', { form: `user[${broken}]=x` })).status).toBe(400)
  }
  const type = { 'content-type': 'application/json' }
  for (const body of [
    '{',
    '{"user":',
    "{'user':1}",
    '{"user":{},}',
    'undefined',
    '{"a":1}{"a":1}',
    '{"a":"\u0000"}',
    ' ',
  ]) {
    expect((await post('/session', { headers: type, body })).status).toBe(400)
  }
  const utf16 = new Uint8Array(Buffer.from('{"user":{"email":"é"}}', 'utf16le'))
  expect((await post('/session', { headers: type, body: utf16 })).status).toBe(400)
  expect((await post('/session', { headers: type, body: new Uint8Array([0x7b, 0xff, 0x7d]) })).status).toBe(400)
  const multipart = { 'content-type': 'multipart/form-data; boundary=x' }
  expect((await post('/session', { headers: multipart, body: '--y\r\nnothing' })).status).toBe(400)
})

test('I4: a form is decoded once', async () => {
  const password = 'per%41cent + 100%25'
  const person = await wire.signUp({ password })
  const form = (text: string) => post('/session', { form: `user[email]=${person.email}&user[password]=${text}` })
  expect((await form('per%2541cent+%2B+100%2525')).status).toBe(200)
  expect((await form('perAcent+%2B+100%25')).status).toBe(401)
  expect((await form('per%2541cent+%2B+100%25')).status).toBe(401)
})

test('I4: of duplicate names the last counts, each time', async () => {
  const { email, password } = await wire.signUp()
  const headers = { 'content-type': 'application/json' }
  for (let round = 0; round < 3; round++) {
    for (const [first, last, status] of [
      ['wrong', password, 200],
      [password, 'wrong', 401],
    ] as const) {
      const body = `{"user":{"email":"${email}","password":"${first}","password":"${last}"}}`
      expect((await post('/session', { headers, body })).status).toBe(status)
      const form = `user[email]=${email}&user[password]=${first}&user[password]=${last}`
      expect((await post('/session', { form })).status).toBe(status)
    }
  }
})

test('I5: a body of 64 KB is read and one byte more is refused, declared or counted', async () => {
  const body = (length: number) => `{"user":{}}${' '.repeat(length - 11)}`
  const headers = { 'content-type': 'application/json' }
  expect((await post('/session', { headers, body: body(65_536) })).status).toBe(401)
  expect((await post('/session', { headers, body: body(65_537) })).status).toBe(413)
  const head = 'POST /api/v1/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n'
  const chunked = (length: number) =>
    `${head}Transfer-Encoding: chunked\r\n\r\n${length.toString(16)}\r\n${body(length)}\r\n0\r\n\r\n`
  expect((await wire.raw(chunked(65_536)))[0]?.status).toBe(401)
  expect((await wire.raw(chunked(65_537)))[0]?.status).toBe(413)
})

test('I5: ten megabytes are refused, and not unpacked out of a little gzip', async () => {
  const large = `{"user":{"email":"${'x'.repeat(10 * 1024 * 1024)}"}}`
  for (const path of ['/session', '/registration'] as const) {
    const refused = await post(path, { headers: { 'content-type': 'application/json' }, body: large })
    expect(refused.status).toBe(413)
    expect(refused.body.error.status).toBe(413)
    const packed = new Uint8Array(gzipSync(large))
    for (const encoding of ['gzip', 'deflate', 'br', 'gzip, identity']) {
      const headers = { 'content-type': 'application/json', 'content-encoding': encoding }
      expect((await post(path, { headers, body: packed })).status).toBe(415)
    }
  }
  const head = 'POST /api/v1/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n'
  // Told at once: nobody waits for a body that is declared and never comes.
  expect((await wire.raw(`${head}Content-Length: 0\r\n\r\n`))[0]?.status).toBe(400)
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
  expect((await wire.raw(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(160)}0\r\n\r\n`))[0]?.status).toBe(
    413,
  )
})

test('I5: fields and levels are counted', async () => {
  const fields = (count: number) => Array.from({ length: count }, (_, index) => `f${index}=1`).join('&')
  expect((await post('/session', { form: fields(900) })).status).toBe(400)
  const many = await post('/session', { form: fields(5000) })
  expect(many.status).toBe(400)
  expect(many.body.error.message).toContain('fields')
  const headers = { 'content-type': 'application/json' }
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    const deep = await post('/session', { headers, body: `${open.repeat(10_000)}1${close.repeat(10_000)}` })
    expect(deep.status).toBe(400)
    expect(deep.body.error.message).toContain('deep')
    expect((await post('/session', { headers, body: open.repeat(12_000) })).status).toBe(400)
  }
  expect((await post('/session', { form: `user${'[a]'.repeat(20_000)}=1` })).status).toBe(400)
})

test('I5: e-mails and headers have a greatest length', async () => {
  const email = (length: number) => {
    const label = `${'d'.repeat(60)}.`
    return `${'l'.repeat(length - 1 - 3 * 61 - 3)}@${label.repeat(3)}com`
  }
  expect(email(251)).toHaveLength(251)
  expect((await post('/registration', { json: registrationOf(email(251), 'secret1234') })).status).toBe(200)
  for (const length of [252, 255, 1000]) {
    const refused = await post('/registration', { json: registrationOf(email(length), 'secret1234') })
    expect(refused.body.error.errors).toEqual({ email: ['has invalid format'] })
  }
  const [answer] = await wire.raw(`GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`)
  expect(answer?.status).toBe(431)
  expect(JSON.parse(answer?.text ?? '').error.status).toBe(431)
})
