import { expect, test } from 'vitest'
import { testAuth } from '../../src/testing/index.js'
import { normalizePassword } from '../../src/users/password.js'
import {
  median,
  millisecondsOf,
  newEmail,
  rankSumDeviation,
  registrationOf,
  useServer,
  type WireAnswer,
} from '../support/wire.js'

const { request, signUp, signIn } = useServer()

function register(password: string, email = newEmail()): Promise<WireAnswer> {
  return request('POST', '/registration', { json: registrationOf(email, password) })
}

const tooShort = { password: ['should be at least 8 character(s)'] }

test('P1: seven characters are refused and eight are taken', async () => {
  const refused = await register('kzrq-mv')
  expect(refused.status).toBe(500)
  expect(refused.body.error.errors).toEqual(tooShort)
  expect((await register('kzrq-mvt')).status).toBe(200)
})

test('P1: length counts what a person sees, not UTF-16 units, bytes or code points', async () => {
  const family = '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}'
  for (const short of ['\u{1f510}'.repeat(4), '\u{1f510}'.repeat(7), 'e\u0301'.repeat(7), family.repeat(7)]) {
    expect((await register(short)).body.error.errors).toEqual(tooShort)
  }
  for (const long of ['\u{1f510}'.repeat(8), 'e\u0301'.repeat(8), family.repeat(8)]) {
    expect((await register(long)).status).toBe(200)
  }
})

test('P1: a minimum of fifteen refuses fourteen and takes fifteen', async () => {
  const strict = testAuth({ password: { minLength: 15 } })
  const create = (password: string) =>
    strict.request('POST', '/registration', { json: registrationOf(newEmail(), password) })
  expect((await create('x'.repeat(14))).body.error.errors.password).toEqual(['should be at least 15 character(s)'])
  expect((await create('x'.repeat(15))).status).toBe(200)
  expect(() => testAuth({ password: { minLength: 7 } })).toThrow('password.minLength')
})

test('P2: 64 characters are taken, and so are 4096', async () => {
  for (const length of [64, 4096]) {
    const person = await signUp({ password: 'p'.repeat(length) })
    expect((await signIn(person)).status).toBe(200)
  }
})

test('P2: 4097 and 30,000 characters are refused at both endpoints, the latter in under two seconds', async () => {
  const person = await signUp()
  for (const length of [4097, 30_000]) {
    const password = 'p'.repeat(length)
    const spent = await millisecondsOf(async () => {
      const refused = await register(password)
      expect(refused.status).toBe(500)
      expect(refused.body.error.errors.password).toEqual(['should be at most 4096 character(s)'])
      expect((await signIn({ email: person.email, password })).status).toBe(401)
    })
    expect(spent).toBeLessThan(2000)
  }
})

test('P2: a run of combining marks takes no longer to read than other text of its length', () => {
  const read = (text: string) => millisecondsOf(async () => normalizePassword(text))
  const attack = `a${'\u0301'.repeat(15_000)}${'\u0323'.repeat(15_000)}`
  // Putting marks into order is quadratic: a third of a second here, where reading is a millisecond.
  return expect(read(attack)).resolves.toBeLessThan(50)
})

test('P3: a password of 73 to 1025 characters is verified whole', async () => {
  for (const length of [73, 128, 256, 512, 1024, 1025]) {
    const password = `${'long '.repeat(length).slice(0, length - 1)}!`
    const { email } = await signUp({ password })
    expect((await signIn({ email, password })).status).toBe(200)
    for (const wrong of [`${password.slice(0, -1)}?`, password.slice(0, -1), password.slice(0, 72), `${password}!`]) {
      expect((await signIn({ email, password: wrong })).status).toBe(401)
    }
  }
})

test('P3: a password is neither trimmed nor folded', async () => {
  const password = '  Spaced Secret  '
  const { email } = await signUp({ password })
  expect((await signIn({ email, password })).status).toBe(200)
  for (const wrong of [password.trim(), password.trimEnd(), password.trimStart(), password.toLowerCase()]) {
    expect((await signIn({ email, password: wrong })).status).toBe(401)
  }
})

test('P4: composed and decomposed spellings of a password sign in alike', async () => {
  for (const password of ['pässwörter', '각각각각각각각각', 'ộộộộộộộộ']) {
    const composed = password.normalize('NFC')
    const decomposed = password.normalize('NFD')
    expect(decomposed).not.toBe(composed)
    const first = await signUp({ password: composed })
    expect((await signIn({ email: first.email, password: decomposed })).status).toBe(200)
    const second = await signUp({ password: decomposed })
    expect((await signIn({ email: second.email, password: composed })).status).toBe(200)
  }
})

test('P4: nothing beyond NFC is folded: compatibility characters stay apart', async () => {
  const { email } = await signUp({ password: 'ﬁﬁﬁﬁﬁﬁﬁﬁ' })
  expect((await signIn({ email, password: 'fifififififififi' })).status).toBe(401)
})

test('P4: bytes that are no UTF-8 are refused in every format', async () => {
  const { email } = await signUp()
  const bytes = (text: string, byte: number) => {
    const [before, after] = text.split('#') as [string, string]
    return new Uint8Array(Buffer.concat([Buffer.from(before), Buffer.from([byte]), Buffer.from(after)]))
  }
  const json = `{"user":{"email":"${email}","password":"secret#1234","password_confirmation":"secret1234"}}`
  const form = `user[email]=${email}&user[password]=secret#1234`
  for (const path of ['/session', '/registration']) {
    for (const byte of [0xff, 0xfe, 0xc0]) {
      const asJson = { headers: { 'content-type': 'application/json' }, body: bytes(json, byte) }
      const asForm = { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: bytes(form, byte) }
      expect((await request('POST', path, asJson)).status).toBe(400)
      expect((await request('POST', path, asForm)).status).toBe(400)
      const escaped = form.replace('#', `%${byte.toString(16)}`)
      expect((await request('POST', path, { form: escaped })).status).toBe(400)
    }
  }
})

test('P4: half of a surrogate pair is no password', async () => {
  const { email } = await signUp({ password: 'secret\ufffd1234' })
  for (const half of ['\ud800', '\udc00']) {
    const password = `secret${half}1234`
    expect((await register(password)).body.error.errors.password).toEqual(['is invalid'])
    expect((await signIn({ email, password })).status).toBe(401)
  }
})

test('P5: NUL is refused in passwords and in e-mails', async () => {
  for (const password of ['secret1234\0', '\0secret1234', 'secret\x001234']) {
    expect((await register(password)).body.error.errors.password).toEqual(['is invalid'])
  }
  for (const email of ['nul\0@example.com', 'nul@example.com\0', '\0nul@example.com']) {
    expect((await register('secret1234', email)).body.error.errors.email).toEqual(['has invalid format'])
    expect((await signIn({ email, password: 'secret1234' })).status).toBe(401)
  }
})

test('P5: a password does not sign in with NULs after it', async () => {
  const { email } = await signUp()
  expect((await signIn({ email, password: 'secret1234' })).status).toBe(200)
  for (const password of ['secret1234\0', 'secret1234\0\0', 'secret1234\0tail']) {
    expect((await signIn({ email, password })).status).toBe(401)
  }
})

test('P6: any composition is taken: a phrase, emoji, digits alone, one letter repeated', async () => {
  const passwords = [
    'correct horse battery staple',
    'tea 🍵 and 🍪 at four',
    '83749165',
    'zzzzzzzz',
    '        x',
    'дом у реки',
  ]
  for (const password of passwords) {
    const person = await signUp({ password })
    expect((await signIn(person)).status).toBe(200)
  }
})

test('P7: the commonest passwords, and the own address, are refused with the reason', async () => {
  for (const password of ['password', 'PassWord', '12345678', 'qwertyuiop', 'iloveyou']) {
    const { status, body } = await register(password)
    expect(status, password).toBe(500)
    expect(body.error.errors).toEqual({ password: ['is too common'] })
  }
  const made = testAuth()
  const email = 'somebody@example.com'
  const json = { user: { email, password: 'Somebody@Example.com', password_confirmation: 'Somebody@Example.com' } }
  const refused = await made.request('POST', '/registration', { json })
  expect(refused.body.error.errors).toEqual({ password: ['is too common'] })
  const lenient = testAuth({ password: { allowCommon: true } })
  expect((await lenient.request('POST', '/registration', { json })).status).toBe(200)
})

test("P7: the guide's own example password is not among the refused ones", async () => {
  expect((await register('secret1234')).status).toBe(200)
})

/** Everything of an answer that could tell, without what differs from each answer to the next. */
function visible({ status, headers, text }: WireAnswer) {
  const names = [...headers].map(([name, value]) => (/^(date|x-request-id)$/.test(name) ? name : `${name}: ${value}`))
  return { status, text, names }
}

test('P11: unknown user and wrong password get one answer, with the password missing, empty or too long as well', async () => {
  const { email, password } = await signUp()
  const expected = visible(await signIn({ email, password: 'wrong secret' }))
  expect(expected.status).toBe(401)
  expect(JSON.parse(expected.text).error).toMatchObject({ status: 401, message: 'Invalid email or password' })
  expect((await signIn({ email, password })).status).toBe(200)

  const tries = [{}, { password: null }, { password: '' }, { password: 'p'.repeat(5000) }, { password: 'nul\0 secret' }]
  for (const person of [email, newEmail(), 'no address at all', '', `${'x'.repeat(300)}@example.com`]) {
    for (const tried of [{ password: 'wrong secret' }, ...tries]) {
      const answer = await request('POST', '/session', { json: { user: { email: person, ...tried } } })
      expect(visible(answer)).toEqual(expected)
    }
  }
})

test('P11: unknown user and wrong password take the same time', async () => {
  const { email } = await signUp()
  const tried = (who: string, password = 'wrong secret') => millisecondsOf(() => signIn({ email: who, password }))
  const times: Record<'known' | 'unknown' | 'malformed', number[]> = { known: [], unknown: [], malformed: [] }
  for (let round = 0; round < 5; round++) await tried(email)
  for (let round = 0; round < 80; round++) {
    // Taking turns at going first: neither is measured on a warmer machine.
    const order = round % 2 === 0 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const)
    for (const kind of order) times[kind].push(await tried(kind === 'known' ? email : newEmail()))
    times.malformed.push(await millisecondsOf(() => request('POST', '/session', { form: '%' })))
  }
  // The measure does see a hash that was not computed.
  expect(rankSumDeviation(times.malformed, times.known)).toBeGreaterThan(6)
  expect(rankSumDeviation(times.known, times.unknown)).toBeLessThan(4)
  const [known, unknown] = [median(times.known), median(times.unknown)]
  expect(Math.abs(known - unknown)).toBeLessThan(Math.max(known, unknown) * 0.25)
})
