import { expect, test } from 'vitest'
import { isEmail, normalizeEmail } from '../../src/index.js'
import { millisecondsOf, newEmail, registrationOf, useServer, type WireAnswer } from '../support/wire.js'

const wire = useServer()

function register(email: string): Promise<WireAnswer> {
  return wire.request('POST', '/registration', { json: registrationOf(email, 'secret1234') })
}

/** Texts that make a careless expression try every way to split them. */
function attacks(length: number): string[] {
  const run = (text: string, most = length) => text.repeat(Math.ceil(most / text.length)).slice(0, most)
  const half = (text: string) => run(text, length / 2)
  return [
    run('a'),
    run('a.'),
    `${run('a')}@`,
    `${half('a.')}@${half('a.')}!`,
    `a@${run('a-')}!`,
    `a@${run('a.')}`,
    `a@${run('-')}`,
    run('@'),
    run('a@'),
    `"${half('\\"')}"@example.com`,
    `${half(' ')}a@example.com${half(' ')}!`,
    `${run('!#$%&')}@example.com,`,
    `a@b.${run('c')}\n`,
    run('<a@b.c>'),
  ]
}

test('I6: attack strings of 60 and of 40,000 characters are refused in under two seconds', async () => {
  for (const length of [60, 40_000]) {
    for (const email of attacks(length)) {
      const spent = await millisecondsOf(async () => {
        expect((await wire.signIn({ email, password: 'secret1234' })).status).toBe(401)
        const refused = await register(email)
        if (length > 60) expect(refused.body.error.errors).toEqual({ email: ['has invalid format'] })
      })
      expect(spent).toBeLessThan(2000)
    }
  }
})

test('I6: reading an e-mail takes time in proportion to its length', async () => {
  const marks = `${'\u0301'.repeat(15_000)}${'\u0323'.repeat(15_000)}`
  const texts = [...attacks(60_000), `a${marks}@example.com`, `${marks}@example.com`, `a@${marks}.com`]
  for (const text of texts) {
    const spent = await millisecondsOf(async () => isEmail(normalizeEmail(text)))
    // Putting the marks into order is quadratic: a third of a second, where reading is a few milliseconds.
    expect({ text: text.slice(0, 20), spent }).toEqual({ text: text.slice(0, 20), spent: expect.toSatisfy(isShort) })
  }
})

function isShort(spent: unknown): boolean {
  return Number(spent) < 100
}

test('I7: letter case, spaces around and composition make no second account', async () => {
  const variants = [
    ['ümlaut.é@example.com', 'Ümlaut.É@Example.COM', ' ümlaut.é@example.com ', '\tümlaut.é@example.com\n'],
    ['αθηνά@example.com', 'ΑΘΗΝΆ@EXAMPLE.COM', 'Αθηνά@Example.com'],
    ['plain@bücher.example', 'PLAIN@BÜCHER.EXAMPLE', 'plain@BüCHER.example'],
  ]
  for (const [first, ...others] of variants as [string, ...string[]][]) {
    expect((await register(first)).status).toBe(200)
    for (const email of [first, first.normalize('NFD'), ...others, ...others.map(other => other.normalize('NFD'))]) {
      expect((await register(email)).body.error?.errors).toEqual({ email: ['has already been taken'] })
      const signedIn = await wire.signIn({ email, password: 'secret1234' })
      expect(signedIn.status).toBe(200)
      const token = signedIn.body.data.access_token
      const { body } = await wire.request('GET', '/session', { token })
      expect(body.data.user.email).toBe(first.normalize('NFC'))
    }
  }
})

test('I7: addresses that differ in more than that are two accounts', async () => {
  for (const email of ['dot.ted@example.com', 'dotted@example.com', 'dotted+tag@example.com', 'dotted@example.org']) {
    expect((await register(email)).status).toBe(200)
  }
})

test('I7: of 20 concurrent registrations of one address one succeeds, whatever its spelling', async () => {
  const email = newEmail()
  const spellings = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? email : ` ${email.toUpperCase()}`))
  const answers = await Promise.all(spellings.map(register))
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  const refused = answers.filter(({ status }) => status !== 200).map(({ body }) => body.error.errors)
  expect(refused).toEqual(Array(19).fill({ email: ['has already been taken'] }))
})

test('I7: line breaks, commas, two @, angle brackets and control characters are refused', async () => {
  const refused = [
    'a@example.com\r\nBcc: b@example.com',
    'a\n@example.com',
    'a@exam\rple.com',
    'a@example.com,b@example.com',
    'a@example.com;b@example.com',
    'a@b@example.com',
    '@a@example.com',
    '<a@example.com>',
    'A <a@example.com>',
    'a@example.com (comment)',
    '"a b"@example.com',
    'a b@example.com',
    'a@exa mple.com',
    'a\u0000@example.com',
    'a\u0007@example.com',
    'a\u007f@example.com',
    'a\u0085@example.com',
    'a\u200b@example.com',
    'a\u202e@example.com',
    'a\u2028@example.com',
    'a@example.com\u0000',
    'a@[127.0.0.1]',
    'a@127.0.0.1',
    'a@example..com',
    'a@.example.com',
    'a@-example.com',
    '.a@example.com',
    'a..b@example.com',
    'a@',
    '@example.com',
    'a',
  ]
  for (const email of refused) {
    const { status, body } = await register(email)
    expect({ email, status, errors: body.error?.errors }).toEqual({
      email,
      status: 500,
      errors: { email: ['has invalid format'] },
    })
  }
})

test('I8: JSON and forms are read whatever the letter case and with a charset of UTF-8', async () => {
  const { email, password } = await wire.signUp()
  const bodies = {
    json: JSON.stringify({ user: { email, password } }),
    form: new URLSearchParams({ 'user[email]': email, 'user[password]': password }).toString(),
    multipart: ['email', 'password']
      .map(
        name => `--b\r\nContent-Disposition: form-data; name="user[${name}]"\r\n\r\n${{ email, password }[name]}\r\n`,
      )
      .concat('--b--\r\n')
      .join(''),
  }
  const types: [string, string][] = [
    ['application/json', bodies.json],
    ['Application/JSON', bodies.json],
    ['application/json; charset=utf-8', bodies.json],
    ['application/json;charset="UTF-8"', bodies.json],
    ['application/json ; charset=UTF-8', bodies.json],
    ['application/x-www-form-urlencoded', bodies.form],
    ['APPLICATION/X-WWW-FORM-URLENCODED; Charset=utf-8', bodies.form],
    ['multipart/form-data; boundary=b', bodies.multipart],
    ['Multipart/Form-Data; boundary="b"', bodies.multipart],
  ]
  for (const [type, body] of types) {
    const { status } = await wire.request('POST', '/session', { headers: { 'content-type': type }, body })
    expect({ type, status }).toEqual({ type, status: 200 })
  }
})

test('I8: every other type is 415, a type that is none as well, and JSON under text/plain', async () => {
  const { email, password } = await wire.signUp()
  const body = JSON.stringify({ user: { email, password } })
  const types = [
    'application/json garbage',
    'application/json\tgarbage',
    'application/json, text/plain',
    'application/jsonp',
    'application/json5',
    'application /json',
    'application/ json',
    'application/json;charset',
    'application/json; charset=utf-16',
    'application/json; charset=iso-8859-1',
    'text/plain',
    'text/json',
    'text/plain; application/json',
    'application/javascript',
    'application/xml',
    'application/octet-stream',
    'json',
    '*/*',
    '/',
    '',
  ]
  for (const type of types) {
    for (const path of ['/session', '/registration']) {
      const answer = await wire.request('POST', path, { headers: { 'content-type': type }, body })
      expect({ type, status: answer.status }).toEqual({ type, status: 415 })
      expect(answer.body.error.status).toBe(415)
    }
  }
  expect((await wire.request('POST', '/session', { body })).status).toBe(415)
})
