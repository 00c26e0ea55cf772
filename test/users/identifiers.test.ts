import { describe, expect, test } from 'vitest'
import { isUsername, normalizeUsername } from '../../src/index.js'
import { testAuth } from '../../src/testing/index.js'
import { sqlUsers } from '../../src/users/sql.js'
import { ENGINES, makeTable, NAMELESS } from '../support/tables.js'

const password = 'secret1234'
const proof = { password, password_confirmation: password }
const alice = { email: 'alice@example.com', username: 'alice', ...proof }

const refused = (message: string, reason: string, errors?: object) => ({
  error: { status: expect.any(Number), message, ...(errors && { errors }), reason },
})
const badPassword = (names: string) => refused(`Invalid ${names} or password`, 'invalid_credentials')

/** An auth whose people are known by both names, with one person in it. */
async function withAlice(options: Parameters<typeof testAuth>[0] = {}) {
  const made = testAuth({ identifiers: ['email', 'username'], ...options })
  const { body } = await made.request('POST', '/registration', { json: { user: alice } })
  const signIn = (user: object) => made.request('POST', '/session', { json: { user } })
  return { ...made, signIn, token: body.data.access_token as string }
}

describe('usernames', () => {
  test.each(['abc', 'a_c', 'a.b-c', '007', 'a'.repeat(32), 'x1'.repeat(16)])('%s is one', name => {
    expect(isUsername(name)).toBe(true)
  })

  test.each([
    [
      '',
      'ab',
      'a'.repeat(33),
      '.abc',
      'abc.',
      '-abc',
      'abc_',
      'a b',
      'a@b',
      'Alice',
      'älice',
      'аlice',
      'a\nb',
      'abc\n',
    ],
  ])('of these none is', (...names) => {
    expect(names.filter(isUsername)).toEqual([])
  })

  test('one has one spelling', () => {
    expect(normalizeUsername('  ALICE\t')).toBe('alice')
    expect(normalizeUsername('a'.repeat(1025))).toBe('')
  })

  test('case, blanks and lookalikes do not make a second person', async () => {
    const { request } = await withAlice()
    for (const username of ['ALICE', ' alice ', 'Alice']) {
      const { status, body } = await request('POST', '/registration', {
        json: { user: { ...alice, email: 'other@example.com', username } },
      })
      expect(status).toBe(500)
      const errors = { username: ['has already been taken'] }
      expect(body).toEqual(refused("Couldn't create user", 'invalid_user', errors))
    }
  })
})

describe('by email and username', () => {
  test('people sign in under either, in any case, in either field', async () => {
    const { signIn } = await withAlice()
    for (const name of ['alice', 'ALICE', ' alice@example.com', 'Alice@Example.com']) {
      expect((await signIn({ email: name, password })).status).toBe(200)
      expect((await signIn({ username: name, password })).status).toBe(200)
    }
  })

  test('a form with both fields may leave one empty', async () => {
    const { request } = await withAlice()
    for (const names of ['user[email]=&user[username]=alice', 'user[email]=alice@example.com&user[username]=']) {
      expect((await request('POST', '/session', { form: `${names}&user[password]=${password}` })).status).toBe(200)
    }
  })

  test('a wrong password, an unknown name and nothing at all are refused alike', async () => {
    const { signIn, events } = await withAlice()
    const attempts = [
      { username: 'alice', password: 'wrong-one' },
      { email: 'alice@example.com', password: 'wrong-one' },
      { username: 'bobby', password },
      { email: 'bob@example.com', password },
      { username: 'no name', password },
      { username: '', password },
      { password },
      {},
      { username: 'alice' },
      { username: null, email: null, password: null },
    ]
    for (const attempt of attempts) {
      const { status, body } = await signIn(attempt)
      expect(status).toBe(401)
      expect(body).toEqual(badPassword('email or username'))
    }
    const told = events.filter(({ name }) => name === 'sign_in.failed').map(({ identifier }) => identifier)
    // A name that nobody has may be a password in the wrong field.
    expect(new Set(told)).toEqual(new Set(['alice', 'alice@example.com', 'bob@example.com', undefined]))
  })

  test('a name that is not text is a malformed request', async () => {
    const { signIn } = await withAlice()
    for (const username of [1, ['alice'], { a: 1 }, true])
      expect((await signIn({ username, password })).status).toBe(400)
  })

  test('registration wants both, and says what is wrong with each', async () => {
    const { request } = await withAlice()
    const tried = async (user: object) => (await request('POST', '/registration', { json: { user } })).body.error.errors
    expect(await tried(proof)).toEqual({ email: ["can't be blank"], username: ["can't be blank"] })
    expect(await tried({ ...proof, email: 'a', username: 'a@b' })).toEqual({
      email: ['has invalid format'],
      username: ['has invalid format'],
    })
    expect(await tried({ ...alice, email: 'b@example.com', username: 7 })).toEqual({ username: ['is invalid'] })
    expect(await tried({ ...alice, username: 'bob' })).toEqual({ email: ['has already been taken'] })
    expect(await tried({ ...alice, email: 'b@example.com' })).toEqual({ username: ['has already been taken'] })
  })

  test('the own name is no password', async () => {
    const { request } = await withAlice({ password: { allowCommon: false } })
    const user = {
      email: 'c@example.com',
      username: 'carolinna',
      password: 'Carolinna',
      password_confirmation: 'Carolinna',
    }
    const { body } = await request('POST', '/registration', { json: { user } })
    expect(body.error.errors).toEqual({ password: ['is too common'] })
  })

  test('a new username needs the password, ends the other sessions and keeps its own', async () => {
    const { request, signIn, token, clock } = await withAlice()
    const other = (await signIn({ username: 'alice', password })).body.data.access_token
    const patch = (user: object) => request('PATCH', '/registration', { token, json: { user } })

    expect((await patch({ username: 'carol' })).body.error.errors).toEqual({ current_password: ["can't be blank"] })
    const wrong = await patch({ username: 'carol', current_password: 'wrong-one' })
    expect(wrong.body.error.errors).toEqual({ current_password: ['is invalid'] })
    expect((await request('GET', '/session', { token: other })).status).toBe(200)

    clock.advance(1)
    const { status, body } = await patch({ username: ' CAROL ', current_password: password })
    expect(status).toBe(200)
    expect(body.data.user).toMatchObject({ username: 'carol', email: 'alice@example.com' })
    expect((await request('GET', '/session', { token: other })).status).toBe(401)
    expect((await request('GET', '/session', { token })).body.data.user.username).toBe('carol')
    expect((await signIn({ username: 'alice', password })).status).toBe(401)
    expect((await signIn({ username: 'carol', password })).status).toBe(200)
  })

  test('the same username in another case ends nothing', async () => {
    const { request, signIn, token } = await withAlice()
    const other = (await signIn({ username: 'alice', password })).body.data.access_token
    const user = { username: 'ALICE', current_password: password }
    expect((await request('PATCH', '/registration', { token, json: { user } })).status).toBe(200)
    expect((await request('GET', '/session', { token: other })).status).toBe(200)
  })

  test("a username that is another's is refused and changes nothing, of fifty at once one gets it", async () => {
    const { request, signIn, token } = await withAlice()
    await request('POST', '/registration', { json: { user: { ...alice, email: 'b@example.com', username: 'bob' } } })
    const patch = (at: string, username: string) =>
      request('PATCH', '/registration', { token: at, json: { user: { username, current_password: password } } })
    const { status, body } = await patch(token, 'bob')
    expect([status, body.error.errors]).toEqual([422, { username: ['has already been taken'] }])
    expect((await request('GET', '/session', { token })).status).toBe(200)
    expect((await signIn({ username: 'alice', password })).status).toBe(200)

    const many = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const user = { ...alice, email: `p${index}@example.com`, username: `person${index}` }
        return (await request('POST', '/registration', { json: { user } })).body.data.access_token as string
      }),
    )
    const moved = await Promise.all(many.map(at => patch(at, 'wanted')))
    expect(moved.filter(answer => answer.status === 200)).toHaveLength(1)
    expect(moved.filter(answer => answer.status === 422)).toHaveLength(49)
  })
})

describe('by username alone', () => {
  const named = { username: 'dora', ...proof }

  test('an address is neither asked for nor taken', async () => {
    const { request } = testAuth({ identifiers: ['username'] })
    const user = { ...named, email: 'dora@example.com' }
    const { status, body } = await request('POST', '/registration', { json: { user } })
    expect(status).toBe(200)
    const profile = await request('GET', '/session', { token: body.data.access_token })
    expect(profile.body.data.user).toMatchObject({ username: 'dora', email: null })
    const byAddress = await request('POST', '/session', { json: { user: { email: 'dora@example.com', password } } })
    expect([byAddress.status, byAddress.body]).toEqual([401, badPassword('username')])
    expect((await request('POST', '/session', { json: { user: named } })).status).toBe(200)
  })

  test('nobody without an address is in the way of another', async () => {
    const { request } = testAuth({ identifiers: ['username'] })
    for (const username of ['dora', 'emil', 'fritz']) {
      expect((await request('POST', '/registration', { json: { user: { ...named, username } } })).status).toBe(200)
    }
    const again = await request('POST', '/registration', { json: { user: named } })
    expect(again.body.error.errors).toEqual({ username: ['has already been taken'] })
  })

  test.each(ENGINES)('on a table without addresses, on $name', async engine => {
    const opened = await engine.open()
    const users = sqlUsers(opened.database, await makeTable(opened, engine, NAMELESS))
    const { request } = testAuth({ identifiers: ['username'], users })
    const { body } = await request('POST', '/registration', { json: { user: named } })
    const profile = await request('GET', '/session', { token: body.data.access_token })
    expect(profile.body.data.user).toMatchObject({ id: '1', username: 'dora', email: null })
    expect((await request('POST', '/registration', { json: { user: named } })).status).toBe(500)
    expect((await request('POST', '/session', { json: { user: named } })).status).toBe(200)
  })

  test('a lost answer is given again under its Idempotency-Key', async () => {
    const { request } = testAuth({ identifiers: ['username'] })
    const register = () =>
      request('POST', '/registration', { json: { user: named }, headers: { 'idempotency-key': 'once' } })
    expect((await register()).status).toBe(200)
    expect((await register()).status).toBe(200)
  })
})

test('by email alone a username means nothing', async () => {
  const { request } = testAuth()
  const { body } = await request('POST', '/registration', { json: { user: alice } })
  const profile = await request('GET', '/session', { token: body.data.access_token })
  expect(profile.body.data.user).not.toHaveProperty('username')
  const { status, body: refusal } = await request('POST', '/session', {
    json: { user: { username: 'alice', password } },
  })
  expect([status, refusal]).toEqual([401, badPassword('email')])
})

test.each([[[]], [['phone']], [['email', 'email']], ['email'], [null]])('identifiers %j are refused', identifiers => {
  const options = { identifiers } as unknown as Parameters<typeof testAuth>[0]
  if (identifiers === null) return expect(() => testAuth(options)).not.toThrow()
  expect(() => testAuth(options)).toThrow(new TypeError("`identifiers` must be ['email'], ['username'] or both"))
})
