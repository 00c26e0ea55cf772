import { describe, expect, test } from 'vitest'
import { memoryUsers, Problem } from '../../src/index.js'
import { testAuth, testClock } from '../../src/testing/index.js'
import { fifty } from '../support/fifty.js'
import { STORES } from '../support/stores.js'
import { ann, diary, hooked, newPassword, password, withAnn } from './ann.js'

describe('a new user', () => {
  test('is made by the same rules and hooks, and nobody is signed in', async () => {
    const { moments, extension } = diary()
    const { auth, events, request } = testAuth({ extensions: [extension] })
    const user = await auth.system.createUser({ ...ann, email: ' ANN@Example.com ', role: 'editor' })
    expect(user).toMatchObject({ email: 'ann@example.com', role: 'editor' })
    expect(moments).toEqual(['savingUser', 'savedUser'])
    expect(events.map(({ name }) => name)).toEqual(['account.created'])
    expect(events[0]).toMatchObject({ userId: user.id, address: null, requestId: '' })
    expect(await auth.system.sessionsOf(user.id)).toEqual([])
    expect((await request('POST', '/session', { json: { user: ann } })).status).toBe(200)
  })

  test('is refused with messages by field, as at registration', async () => {
    const { auth } = testAuth()
    await auth.system.createUser(ann)
    const errorsOf = async (user: object) => {
      const refusal = await auth.system.createUser(user as never).catch(error => error)
      expect(refusal).toMatchObject({ code: 'invalid_user' })
      return refusal.errors
    }
    expect(await errorsOf({})).toEqual({ email: ["can't be blank"] })
    expect(await errorsOf({ email: 'x', password: 'short' })).toEqual({
      email: ['has invalid format'],
      password: ['should be at least 8 character(s)'],
    })
    expect(await errorsOf({ ...ann, password: '' })).toMatchObject({ password: ["can't be blank"] })
    expect(await errorsOf(ann)).toEqual({ email: ['has already been taken'] })
  })

  test('without a password signs in by no password at all', async () => {
    const { auth, request } = testAuth()
    const { id } = await auth.system.createUser({ email: ann.email })
    for (const word of ['', password, 'null', 'undefined']) {
      const user = { email: ann.email, password: word }
      expect((await request('POST', '/session', { json: { user } })).status).toBe(401)
    }
    await auth.system.setPassword(id, password)
    expect((await request('POST', '/session', { json: { user: ann } })).status).toBe(200)
  })

  test('is not made where a hook refuses', async () => {
    const refuse = () => {
      throw new Problem('closed', { status: 403 })
    }
    const { auth, events } = testAuth({ extensions: [hooked({ savingUser: refuse })] })
    await expect(auth.system.createUser(ann)).rejects.toMatchObject({ code: 'closed' })
    expect(await auth.system.findUserBy(ann.email)).toBeNull()
    expect(events).toEqual([])
  })

  test('of fifty of one address one is made', async () => {
    const { auth } = testAuth()
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => auth.system.createUser(ann)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})

test('users are found by id and by any spelling of their name', async () => {
  const { auth } = testAuth({ identifiers: ['email', 'username'] })
  const made = await auth.system.createUser({ ...ann, username: 'Ann' })
  expect(await auth.system.findUser(made.id)).toEqual(made)
  for (const name of ['ann', ' ANN', 'Ann@Example.com ']) expect(await auth.system.findUserBy(name)).toEqual(made)
  for (const name of ['', '@', 'nobody', 'no@example.com']) expect(await auth.system.findUserBy(name)).toBeNull()
  expect(await auth.system.findUser('nobody')).toBeNull()
})

test('every verb about a user there is not says not_found', async () => {
  const { system } = testAuth().auth
  const verbs = [
    system.updateUser('nobody', {}),
    system.setRole('nobody', 'admin'),
    system.setPassword('nobody', newPassword),
    system.suspend('nobody'),
    system.unsuspend('nobody'),
    system.deleteUser('nobody'),
    system.signIn('nobody', { methods: ['otp'] }),
    system.sessionsOf('nobody'),
    system.endSession('nobody', 'x'),
    system.endSessions('nobody'),
  ]
  for (const { reason } of (await Promise.allSettled(verbs)) as PromiseRejectedResult[]) {
    expect(reason).toMatchObject({ code: 'not_found', status: 404 })
  }
})

describe('setPassword', () => {
  test('ends every session, and the old password', async () => {
    const { moments, extension } = diary()
    const { system, id, signIn, token, statusOf, events } = await withAnn({ extensions: [extension] })
    const other = (await signIn()).data.access_token
    moments.length = 0
    await system.setPassword(id, newPassword)
    expect(moments).toEqual(['savingUser', 'savedUser', 'credentialsChanged'])
    expect(events.slice(-2)).toMatchObject([
      { name: 'sessions.ended', userId: id, detail: '2', requestId: '', address: null },
      { name: 'account.updated', userId: id, detail: 'password', requestId: '', address: null },
    ])
    expect([await statusOf(token), await statusOf(other)]).toEqual([401, 401])
    expect((await signIn()).error.reason).toBe('invalid_credentials')
    expect(await statusOf((await signIn(newPassword)).data.access_token)).toBe(200)
  })

  test('keeps the rules of passwords, and changes nothing where they are broken', async () => {
    const { system, id, token, statusOf } = await withAnn()
    const errorsOf = async (word: string) => (await system.setPassword(id, word).catch(error => error)).errors
    expect(await errorsOf('short')).toEqual({ password: ['should be at least 8 character(s)'] })
    expect(await errorsOf('')).toEqual({ password: ["can't be blank"] })
    expect(await errorsOf('password1')).toEqual({ password: ['is too common'] })
    expect(await errorsOf('Ann@Example.com')).toEqual({ password: ['is too common'] })
    expect(await errorsOf(7 as never)).toEqual({ password: ['is invalid'] })
    expect(await statusOf(token)).toBe(200)
  })

  test('of fifty at once each is done, and the last one counts', async () => {
    const { system, id, signIn } = await withAnn()
    const words = Array.from({ length: 50 }, (_, index) => `password-${index}-x`)
    await Promise.all(words.map(word => system.setPassword(id, word)))
    const answers = await Promise.all(words.map(async word => (await signIn(word)).data?.access_token))
    expect(answers.filter(token => token !== undefined)).toHaveLength(1)
    expect(await system.sessionsOf(id)).toHaveLength(1)
  })
})

test('a user is deleted with every session, and its name is free', async () => {
  const { moments, extension } = diary()
  const { system, id, token, statusOf, events } = await withAnn({ extensions: [extension] })
  moments.length = 0
  await system.deleteUser(id)
  expect(moments).toEqual(['deletedUser'])
  expect(events.at(-1)).toMatchObject({ name: 'account.deleted', userId: id, requestId: '' })
  expect(await statusOf(token)).toBe(401)
  expect(await system.findUser(id)).toBeNull()
  await system.createUser(ann)
})

test('of fifty who delete one user one does', async () => {
  const { system, id } = await withAnn()
  const results = await Promise.allSettled(Array.from({ length: 50 }, () => system.deleteUser(id)))
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  for (const result of results) if (result.status === 'rejected') expect(result.reason.code).toBe('not_found')
})

test('own fields are changed by their schema, and the rest is out of reach', async () => {
  const users = memoryUsers({ fields: ['name'] })
  const fields = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value: { name?: string }) =>
        value.name === 'bad' ? { issues: [{ message: 'is bad', path: ['name'] }] } : { value },
    },
  } as never
  const { auth, events } = testAuth({ users, fields })
  const { id } = await auth.system.createUser({ ...ann, name: 'Ann' })
  const saved = await auth.system.updateUser(id, { name: 'Bea', role: 'admin', email: 'x@example.com', id: 'y' })
  expect(saved).toMatchObject({ id, name: 'Bea', role: 'user', email: ann.email })
  expect(events.at(-1)).toMatchObject({ name: 'account.updated', detail: 'fields' })
  await expect(auth.system.updateUser(id, { name: 'bad' })).rejects.toMatchObject({
    code: 'invalid_change',
    errors: { name: ['is bad'] },
  })
  expect(await auth.system.updateUser(id, { role: 'admin' })).toMatchObject({ name: 'Bea', role: 'user' })
})

describe.each(STORES.filter(({ name }) => /^(?:memory|sqlite|postgres|redis cluster)$/.test(name)))(
  'fifty of everything at once, on $name',
  store => {
    test('lose nothing', async () => {
      const clock = testClock()
      const made = await store.make(clock)
      const { system, id, signIn, token, statusOf, events } = await withAnn({
        ...made,
        now: clock.now,
        deadlineMs: 20_000,
      })
      await fifty((index): Promise<unknown> => {
        if (index % 5 === 0) return system.setRole(id, `role-${index}`)
        if (index % 5 === 1) return system.suspend(id)
        if (index % 5 === 2) return system.setPassword(id, `password-${index}-x`)
        if (index % 5 === 3) return system.unsuspend(id)
        return system.endSessions(id)
      })
      const account = await made.users.findById(id)
      expect(account?.user.role).toMatch(/^role-\d+$/)
      // Ten each of suspend, setPassword and endSessions.
      expect(account?.credentialEpoch).toBe(30)
      expect(events.filter(({ name }) => name === 'account.updated')).toHaveLength(40)
      expect(await statusOf(token)).toBe(401)
      expect(await system.sessionsOf(id)).toEqual([])
      await system.unsuspend(id)
      await system.setPassword(id, newPassword)
      expect(await statusOf((await signIn(newPassword)).data.access_token)).toBe(200)
    })
  },
)
