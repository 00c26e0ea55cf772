import { describe, expect, test } from 'vitest'
import { type Account, bearerSessions, memoryUsers, type UserRepository } from '../../src/index.js'
import { testAuth, testClock, testExchange } from '../../src/testing/index.js'
import { STORES } from '../support/stores.js'

const password = 'secret1234'
const ann = { email: 'ann@example.com', password, password_confirmation: password }
const PATIENT_MS = 20_000
const GUARDED = [
  ['GET', '/session'],
  ['GET', '/sessions'],
  ['POST', '/session/reauthenticate'],
  ['DELETE', '/sessions'],
] as const

const CASES = STORES.flatMap(store => [true, false].map(loadUser => ({ name: store.name, store, loadUser })))

describe.each(CASES)('on $name with loadUser $loadUser', ({ store, loadUser }) => {
  async function make() {
    const clock = testClock()
    const made = testAuth({
      ...(await store.make(clock)),
      now: clock.now,
      deadlineMs: PATIENT_MS,
      session: { loadUser },
    })
    const { request, auth } = made
    const signIn = (word = password) => request('POST', '/session', { json: { user: { ...ann, password: word } } })
    await auth.system.createUser({ email: ann.email, password })
    const id = (await auth.system.findUserBy(ann.email))?.id ?? ''
    return { ...made, clock, signIn, id }
  }
  const json = { user: { password, current_password: password } }

  test('the next request of every session is refused, and every renewal', async () => {
    const { request, auth, signIn, id } = await make()
    const pairs = [await signIn(), await signIn(), await signIn()].map(({ body }) => body.data)
    for (const { access_token: token } of pairs) expect((await request('GET', '/session', { token })).status).toBe(200)
    await auth.system.suspend(id)
    for (const { access_token: token, renewal_token } of pairs) {
      for (const [method, path] of GUARDED) expect((await request(method, path, { token, json })).status).toBe(401)
      const renewed = await request('POST', '/session/renew', { token: renewal_token })
      expect([renewed.status, renewed.body.error.reason]).toEqual([401, 'invalid_token'])
    }
    expect(await auth.system.sessionsOf(id)).toEqual([])
  })

  test('of fifty sign-ins that race it none survives', async () => {
    const { request, auth, signIn, id } = await make()
    const [answers] = await Promise.all([
      Promise.all(Array.from({ length: 50 }, () => signIn())),
      (async () => {
        // In the middle of them.
        for (let turn = 0; turn < 5; turn++) await Promise.resolve()
        await auth.system.suspend(id)
      })(),
    ])
    const tokens = answers.flatMap(({ body }) => body.data?.access_token ?? [])
    for (const token of tokens) expect((await request('GET', '/session', { token })).status).toBe(401)
    expect(await auth.system.sessionsOf(id)).toEqual([])
    await auth.system.unsuspend(id)
    expect(await auth.system.sessionsOf(id)).toEqual([])
    for (const token of tokens) expect((await request('GET', '/session', { token })).status).toBe(401)
  })

  test('a sign-in whose answer is about to leave does not survive it', async () => {
    const { auth, id } = await make()
    const ctx = await auth.open(testExchange('POST', '/mine'))
    await auth.accounts.authenticate(ctx, { email: ann.email, password })
    await auth.system.suspend(id)
    expect((await auth.send(ctx))?.status).toBe(401)
    await auth.system.unsuspend(id)
    expect(await auth.system.sessionsOf(id)).toEqual([])
  })

  test('whoever is let in again signs in anew: no old session comes back', async () => {
    const { request, auth, signIn, id, clock } = await make()
    const { access_token: token, renewal_token } = (await signIn()).body.data
    await auth.system.suspend(id)
    clock.advance(1000)
    expect((await auth.system.unsuspend(id)).suspendedAt).toBeNull()
    expect((await request('GET', '/session', { token })).status).toBe(401)
    expect((await request('POST', '/session/renew', { token: renewal_token })).status).toBe(401)
    const again = await signIn()
    expect(again.status).toBe(200)
    expect((await request('GET', '/session', { token: again.body.data.access_token })).status).toBe(200)
  })
})

test('somebody who was suspended in the table itself is refused by the next check that reads the user', async () => {
  const { request, auth } = testAuth()
  const { body } = await request('POST', '/registration', { json: { user: ann } })
  const user = await auth.system.findUserBy(ann.email)
  const account = await auth.users.findById(user?.id ?? '')
  await auth.users.update(user?.id ?? '', { suspendedAt: 1, updatedAt: 1 }, account?.passwordHash ?? null)
  expect(await auth.system.sessionsOf(user?.id ?? '')).toEqual([])
  expect((await request('POST', '/session/renew', { token: body.data.renewal_token })).status).toBe(401)
  expect((await request('GET', '/session', { token: body.data.access_token })).status).toBe(401)
})

describe('sign-in of somebody who is suspended', () => {
  async function suspended() {
    const made = testAuth({ identifiers: ['email', 'username'] })
    const { id } = await made.auth.system.createUser({ ...ann, username: 'ann' })
    await made.auth.system.suspend(id)
    const signIn = (user: object) => made.request('POST', '/session', { json: { user } })
    return { ...made, id, signIn }
  }

  test('says so to the right password alone', async () => {
    const { signIn, auth, id } = await suspended()
    for (const name of [{ email: ann.email }, { username: 'ann' }]) {
      const right = await signIn({ ...name, password })
      expect([right.status, right.body.error]).toEqual([
        403,
        { status: 403, message: 'Account is suspended', reason: 'suspended' },
      ])
      const wrong = await signIn({ ...name, password: 'wrong-one' })
      const unknown = await signIn({ email: 'nobody@example.com', password })
      expect(wrong).toEqual(unknown)
      expect(wrong.status).toBe(401)
    }
    expect(await auth.system.sessionsOf(id)).toEqual([])
  })

  test('is refused however identity is proven', async () => {
    const { auth, id } = await suspended()
    const user = await auth.system.findUser(id)
    const ctx = await auth.open(testExchange('POST', '/mine'))
    await expect(auth.accounts.signIn(ctx, user as never, { methods: ['otp'] })).rejects.toMatchObject({
      code: 'suspended',
    })
    await expect(auth.system.signIn(id, { methods: ['otp'] })).rejects.toMatchObject({ code: 'suspended' })
    expect(ctx.tokens).toBeNull()
    expect(ctx.hasWrites).toBe(false)
  })

  test('is refused by a retried registration too', async () => {
    const { request, auth } = testAuth()
    const register = () =>
      request('POST', '/registration', { json: { user: ann }, headers: { 'idempotency-key': 'once' } })
    await register()
    await auth.system.suspend((await auth.system.findUserBy(ann.email))?.id ?? '')
    expect((await register()).status).toBe(403)
  })

  test('is told to nobody who could list it: the view shows no suspension', async () => {
    const { request } = testAuth()
    const { body } = await request('POST', '/registration', { json: { user: ann } })
    const profile = await request('GET', '/session', { token: body.data.access_token })
    expect(Object.keys(profile.body.data.user).sort()).toEqual(['created_at', 'email', 'id', 'updated_at'])
  })
})

/** Users as an app may keep them: nothing but what the five functions always had. */
function plainUsers(): UserRepository {
  const kept = memoryUsers()
  const plain = (account: Account | null) => {
    if (!account) return null
    const { id, email, createdAt, updatedAt } = account.user
    return { ...account, user: { id, email, createdAt, updatedAt } }
  }
  return {
    findById: async id => plain(await kept.findById(id)),
    findByIdentifier: async identifier => plain(await kept.findByIdentifier(identifier)),
    insert: async account => plain(await kept.insert(account)) as Account,
    update: async (...args) => plain(await kept.update(...args)),
    delete: (...args) => kept.delete(...args),
  }
}

test('users that keep no suspension or role are a TypeError that says so', async () => {
  const { auth } = testAuth({ users: plainUsers() })
  const { id } = await auth.system.createUser({ email: ann.email, password })
  const keepNo = (name: string) => new RegExp(`^these \`users\` keep no \`${name}\``)
  await expect(auth.system.suspend(id)).rejects.toThrow(TypeError)
  await expect(auth.system.suspend(id)).rejects.toThrow(keepNo('suspendedAt'))
  await expect(auth.system.setRole(id, 'admin')).rejects.toThrow(keepNo('role'))
  const made = auth.system.createUser({ email: 'b@example.com', password, role: 'admin' })
  await expect(made).rejects.toThrow(keepNo('role'))
})

test('a column that keeps whole seconds is kept well enough', async () => {
  const kept = memoryUsers()
  const users: UserRepository = {
    ...kept,
    update: (id, change, hash) =>
      kept.update(
        id,
        typeof change.suspendedAt === 'number'
          ? { ...change, suspendedAt: Math.floor(change.suspendedAt / 1000) * 1000 }
          : change,
        hash,
      ),
  }
  const { auth, clock } = testAuth({ users })
  clock.advance(123)
  const { id } = await auth.system.createUser({ email: ann.email, password })
  expect((await auth.system.suspend(id)).suspendedAt).toBe(clock.now() - 123)
})

test('where sessions cannot be ended from outside, checks that load the user refuse all the same', async () => {
  const { request, auth } = testAuth({
    sessions: parts => {
      const { own: _, ...rest } = bearerSessions(parts)
      return rest
    },
  })
  const { body } = await request('POST', '/registration', { json: { user: ann } })
  const token = body.data.access_token
  await auth.system.suspend((await auth.system.findUserBy(ann.email))?.id ?? '')
  expect((await request('GET', '/session', { token })).status).toBe(401)
})
