import { expect, test } from 'vitest'
import { type TestAuth, testAuth } from '../../src/testing/index.js'
import { type Person, registrationOf, signUpWith, tokensOf, useServer } from '../support/wire.js'

const wire = useServer()

async function signIn({ request }: TestAuth, { email, password }: { email: string; password: string }) {
  const answer = await request('POST', '/session', { json: { user: { email, password } } })
  expect(answer.status).toBe(200)
  return tokensOf(answer)
}

async function statusOf({ request }: TestAuth, token: string): Promise<number> {
  return (await request('GET', '/session', { token })).status
}

/** Somebody signed in twice. */
async function twice(made: TestAuth) {
  const person = await signUpWith(made)
  const other = await signIn(made, person)
  expect(await statusOf(made, person.access)).toBe(200)
  expect(await statusOf(made, other.access)).toBe(200)
  return { person, other }
}

const newPassword = { password: 'another secret', password_confirmation: 'another secret' }

function change({ request }: TestAuth, token: string, user: object) {
  return request('PATCH', '/registration', { token, json: { user } })
}

test('P15: a change of password needs the current one', async () => {
  const made = testAuth()
  const { person, other } = await twice(made)
  const wrong = [
    {},
    { current_password: '' },
    { current_password: 'wrong secret' },
    { current_password: ['secret1234'] },
  ]
  for (const attempt of wrong) {
    const refused = await change(made, person.access, { ...newPassword, ...attempt })
    expect(refused.status).toBe(422)
    expect(Object.keys(refused.body.error.errors)).toEqual(['current_password'])
  }
  expect(await statusOf(made, other.access)).toBe(200)
  await signIn(made, person)
  expect((await change(made, person.access, { ...newPassword, current_password: person.password })).status).toBe(200)
  await signIn(made, { email: person.email, password: 'another secret' })
})

test('P15: a change of password ends all other sessions and keeps its own', async () => {
  const made = testAuth()
  const { person, other } = await twice(made)
  const changed = await change(made, person.access, { ...newPassword, current_password: person.password })
  expect(changed.status).toBe(200)
  expect(await statusOf(made, person.access)).toBe(200)
  expect(await statusOf(made, other.access)).toBe(401)
  expect((await made.request('POST', '/session/renew', { token: other.renewal })).status).toBe(401)
  expect((await made.request('POST', '/session/renew', { token: person.renewal })).status).toBe(200)
})

test('P15: a change of password is told to the application, so that it can tell the owner', async () => {
  const told: string[] = []
  const teller = {
    name: 'teller',
    setup: () => ({
      hooks: { credentialsChanged: ({ user }: { user: { email: string } }) => void told.push(user.email) },
    }),
  }
  const made = testAuth({ extensions: [teller] })
  const person = await signUpWith(made)
  await change(made, person.access, { ...newPassword, current_password: 'wrong secret' })
  expect(told).toEqual([])
  await change(made, person.access, { ...newPassword, current_password: person.password })
  expect(told).toEqual([person.email])
  expect(made.events).toContainEqual(expect.objectContaining({ name: 'account.updated', detail: 'password' }))
})

test('T12: the next request of every session sees that its user was deleted', async () => {
  const made = testAuth()
  const { person, other } = await twice(made)
  const { data } = (await made.request('GET', '/session', { token: person.access })).body
  const account = await made.auth.users.findById(data.user.id)
  await made.auth.users.delete(data.user.id, account?.passwordHash ?? null)
  for (const { access, renewal } of [person, other]) {
    expect(await statusOf(made, access)).toBe(401)
    expect((await made.request('POST', '/session/renew', { token: renewal })).status).toBe(401)
  }
})

test('T12: the next request of every session sees that its credentials changed in the store', async () => {
  const made = testAuth()
  const { person, other } = await twice(made)
  const account = await made.auth.users.findByIdentifier(person.email)
  if (!account) throw new Error('nobody there')
  await made.auth.users.update(account.user.id, { raiseEpoch: true, updatedAt: 1 }, account.passwordHash)
  for (const { access, renewal } of [person, other]) {
    expect(await statusOf(made, access)).toBe(401)
    expect((await made.request('POST', '/session/renew', { token: renewal })).status).toBe(401)
  }
})

test('T12: no copy of a user is kept: a changed address shows in the next request', async () => {
  const made = testAuth()
  const person = await signUpWith(made)
  const account = await made.auth.users.findByIdentifier(person.email)
  if (!account) throw new Error('nobody there')
  await made.auth.users.update(account.user.id, { email: 'moved@example.com', updatedAt: 1 }, account.passwordHash)
  const { body } = await made.request('GET', '/session', { token: person.access })
  expect(body.data.user.email).toBe('moved@example.com')
})

async function sessionsOf(person: Pick<Person, 'access'>): Promise<{ id: string; current: boolean }[]> {
  const { status, body } = await wire.request('GET', '/sessions', { token: person.access })
  expect(status).toBe(200)
  return body.data.sessions
}

async function wireStatus(token: string): Promise<number> {
  return (await wire.request('GET', '/session', { token })).status
}

test('T13: only sessions of the caller are listed, and only they can be ended', async () => {
  const [mine, theirs] = [await wire.signUp(), await wire.signUp()]
  const second = tokensOf(await wire.signIn(mine))
  const listed = await sessionsOf(mine)
  expect(listed.map(({ current }) => current).sort()).toEqual([false, true])
  const [foreign] = await sessionsOf(theirs)
  expect(listed.map(({ id }) => id)).not.toContain(foreign?.id)

  const absent = await wire.request('DELETE', '/sessions/00000000-0000-8000-8000-000000000000', { token: mine.access })
  const refused = await wire.request('DELETE', `/sessions/${foreign?.id}`, { token: mine.access })
  // A session of somebody else and one that never was are told apart by nothing.
  expect({ status: refused.status, text: refused.text }).toEqual({ status: 404, text: absent.text })
  expect(await wireStatus(theirs.access)).toBe(200)

  const other = listed.find(({ current }) => !current)
  expect((await wire.request('DELETE', `/sessions/${other?.id}`, { token: mine.access })).status).toBe(200)
  expect(await wireStatus(second.access)).toBe(401)
  expect(await wireStatus(mine.access)).toBe(200)
})

test('T13: all other sessions end at once, and the own one with them when that is asked for', async () => {
  const [mine, theirs] = [await wire.signUp(), await wire.signUp()]
  const others = [tokensOf(await wire.signIn(mine)), tokensOf(await wire.signIn(mine))]
  expect(await sessionsOf(mine)).toHaveLength(3)
  expect((await wire.request('DELETE', '/sessions', { token: mine.access })).status).toBe(200)
  for (const { access, renewal } of others) {
    expect(await wireStatus(access)).toBe(401)
    expect((await wire.request('POST', '/session/renew', { token: renewal })).status).toBe(401)
  }
  expect(await sessionsOf(mine)).toHaveLength(1)
  const all = { token: mine.access, json: { include_current: true } }
  expect((await wire.request('DELETE', '/sessions', all)).status).toBe(200)
  expect(await wireStatus(mine.access)).toBe(401)
  expect(await wireStatus(theirs.access)).toBe(200)
})

test('T20: a change of address or password, and closing the account, need the password again', async () => {
  const made = testAuth()
  const person = await signUpWith(made)
  const refused = [
    await change(made, person.access, { email: 'thief@example.com' }),
    await change(made, person.access, { email: 'thief@example.com', current_password: 'wrong secret' }),
    await change(made, person.access, newPassword),
    await made.request('DELETE', '/registration', { token: person.access }),
    await made.request('DELETE', '/registration', {
      token: person.access,
      json: { user: { current_password: 'wrong secret' } },
    }),
  ]
  expect(refused.map(({ status }) => status)).toEqual([422, 422, 422, 401, 401])
  await signIn(made, person)

  const proven = { current_password: person.password }
  expect((await change(made, person.access, { email: 'mine@example.com', ...proven })).status).toBe(200)
  const { access } = await signIn(made, { email: 'mine@example.com', password: person.password })
  expect((await made.request('DELETE', '/registration', { token: access, json: { user: proven } })).status).toBe(200)
  expect(await statusOf(made, access)).toBe(401)
  const registered = await made.request('POST', '/registration', {
    json: registrationOf('mine@example.com', 'secret1234'),
  })
  expect(registered.status).toBe(200)
})

test('T20: proving the password again moves the time of authentication, and nothing else does', async () => {
  const made = testAuth()
  const person = await signUpWith(made)
  const authenticatedAt = async (token: string) =>
    Date.parse((await made.request('GET', '/session', { token })).body.data.session.authenticated_at)
  const atFirst = await authenticatedAt(person.access)
  made.clock.advance(60_000)
  const wrong = { token: person.access, json: { user: { password: 'wrong secret' } } }
  expect((await made.request('POST', '/session/reauthenticate', wrong)).status).toBe(401)
  const { access } = tokensOf(await made.request('POST', '/session/renew', { token: person.renewal }))
  expect(await authenticatedAt(access)).toBe(atFirst)
  const right = { token: access, json: { user: { password: person.password } } }
  expect((await made.request('POST', '/session/reauthenticate', right)).status).toBe(200)
  expect(await authenticatedAt(access)).toBe(atFirst + 60_000)
})
