import { describe, expect, test } from 'vitest'
import { bearerSessions, cookieSessions, type Hooks, Problem } from '../../src/index.js'
import { testAuth, testExchange } from '../../src/testing/index.js'
import { ann, diary, hooked, newPassword, password, withAnn } from './ann.js'

describe('where a hook throws', () => {
  const refuse = () => {
    throw new Problem('refused', { status: 403 })
  }

  test.each([true, false])(
    'in savingUser nothing happens, in savedUser no session is left (loadUser %s)',
    async loadUser => {
      for (const moment of ['savingUser', 'savedUser'] as const) {
        let isOn = false
        const hooks: Hooks = { [moment]: () => (isOn ? refuse() : undefined) }
        const { system, id, signIn, statusOf } = await withAnn({ extensions: [hooked(hooks)], session: { loadUser } })
        const verbs = [() => system.setPassword(id, newPassword), () => system.suspend(id)]
        for (const verb of verbs) {
          isOn = false
          const word = verb === verbs[1] && moment === 'savedUser' ? newPassword : password
          const token = (await signIn(word)).data.access_token
          isOn = true
          await expect(verb()).rejects.toMatchObject({ code: 'refused' })
          expect(await statusOf(token)).toBe(moment === 'savingUser' ? 200 : 401)
        }
      }
    },
  )

  test('in savingUser, ending all sessions is done all the same: it saves nothing of the user', async () => {
    let isOn = false
    const { system, id, token, statusOf } = await withAnn({
      extensions: [hooked({ savingUser: () => (isOn ? refuse() : undefined) })],
    })
    isOn = true
    await system.endSessions(id)
    expect(await statusOf(token)).toBe(401)
  })

  test('in signingIn or signedIn nobody is signed in', async () => {
    for (const moment of ['signingIn', 'signedIn'] as const) {
      const { auth } = testAuth({ extensions: [hooked({ [moment]: refuse })] })
      const { id } = await auth.system.createUser(ann)
      await expect(auth.system.signIn(id, { methods: ['otp'] })).rejects.toMatchObject({ code: 'refused' })
      expect(await auth.system.sessionsOf(id)).toEqual([])
    }
  })
})

describe('signIn', () => {
  test('gives the tokens of a session that is stored, told and listed', async () => {
    const { moments, extension } = diary()
    const { system, id, statusOf, request, events } = await withAnn({ extensions: [extension] })
    moments.length = 0
    const tokens = await system.signIn(id, { methods: ['otp', 'pwd'], data: { from: 'a job' } })
    expect(moments).toEqual(['signingIn', 'signedIn'])
    expect(events.at(-1)).toMatchObject({ name: 'session.created', detail: 'otp pwd', requestId: '', address: null })
    expect(await statusOf(tokens.accessToken)).toBe(200)
    expect((await request('POST', '/session/renew', { token: tokens.renewalToken })).status).toBe(200)
    const { session } = (await request('GET', '/session', { token: tokens.accessToken })).body.data ?? {}
    expect(session).toBeUndefined()
    expect((await system.sessionsOf(id)).at(-1)).toMatchObject({ methods: ['otp', 'pwd'], data: { from: 'a job' } })
  })

  test('has no tokens to give where they travel in a cookie, and makes no session', async () => {
    const { auth } = testAuth({ sessions: cookieSessions() })
    const { id } = await auth.system.createUser(ann)
    await expect(auth.system.signIn(id, { methods: ['otp'] })).rejects.toThrow(/travel in a cookie/)
    expect(await auth.system.sessionsOf(id)).toEqual([])
  })
})

describe('sessions', () => {
  test('one is ended, and none of somebody else', async () => {
    const { system, id, token, statusOf, events } = await withAnn()
    const { id: other } = await system.createUser({ ...ann, email: 'bob@example.com' })
    const [session] = await system.sessionsOf(id)
    const sessionId = session?.id ?? ''
    expect(await system.endSession(other, sessionId)).toBe(false)
    expect(await system.endSession(id, 'no id')).toBe(false)
    expect(await statusOf(token)).toBe(200)
    expect(await system.endSession(id, sessionId)).toBe(true)
    expect(await statusOf(token)).toBe(401)
    expect(events.filter(({ name }) => name === 'session.ended')).toMatchObject([
      { userId: id, sessionId, requestId: '' },
    ])
    expect(await system.endSession(id, sessionId)).toBe(false)
  })

  test('all are ended without a word of a changed account', async () => {
    const { moments, extension } = diary()
    const { system, id, token, statusOf, events, clock } = await withAnn({ extensions: [extension] })
    const before = await system.findUser(id)
    clock.advance(5)
    moments.length = 0
    const told = events.length
    await system.endSessions(id)
    expect(moments).toEqual([])
    expect(events.slice(told).map(({ name }) => name)).toEqual(['sessions.ended'])
    expect(await statusOf(token)).toBe(401)
    expect(await system.findUser(id)).toEqual(before)
  })

  test('a sign-in under way does not survive it, nor a user who is deleted', async () => {
    for (const verb of ['endSessions', 'deleteUser', 'suspend'] as const) {
      const { auth, system, id } = await withAnn()
      const ctx = await auth.open(testExchange('POST', '/mine'))
      await auth.accounts.authenticate(ctx, ann)
      await system[verb](id)
      expect((await auth.send(ctx))?.status).toBe(401)
    }
  })

  test('cannot be ended where their carrier cannot: a TypeError, and nothing done', async () => {
    const { auth } = testAuth({
      sessions: parts => {
        const { own: _, ...rest } = bearerSessions(parts)
        return rest
      },
    })
    const { id } = await auth.system.createUser(ann)
    for (const verb of [auth.system.sessionsOf(id), auth.system.endSessions(id), auth.system.endSession(id, 'x')]) {
      await expect(verb).rejects.toThrow(/cannot list or end others/)
    }
  })
})
