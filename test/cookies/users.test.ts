import { describe, expect, test } from 'vitest'
import { ASKING, BOTH, cookieAuth, MINUTE, PASSWORD, visitor } from './visitor.js'

const KINDS = Object.keys(BOTH) as (keyof typeof BOTH)[]
const NOBODY = { error: { code: 401, message: 'Not authenticated', reason: 'not_authenticated' } }

describe.each(KINDS)('by %s', kind => {
  const make = (options = {}) => cookieAuth({ sessions: BOTH[kind](), ...options })
  const come = (made: ReturnType<typeof make>) => visitor(made, { headers: ASKING })

  test.each(['suspended', 'deleted', 'password changed', 'all ended', 'closed'])(
    'the next request sees: %s',
    async fate => {
      const made = make()
      const [mine, there] = [come(made), come(made)]
      await mine.register(true)
      const { user } = (await mine.send('GET', '/session')).body.data
      const json = { user: { email: user.email, password: PASSWORD } }
      await there.send('POST', '/session', { json })
      const { system } = made.auth
      if (fate === 'suspended') await system.suspend(user.id)
      if (fate === 'deleted') await system.deleteUser(user.id)
      if (fate === 'password changed') {
        const change = { current_password: PASSWORD, password: 'another1234', password_confirmation: 'another1234' }
        expect((await there.send('PATCH', '/registration', { json: { user: change } })).status).toBe(200)
        expect(await there.isSignedIn()).toBe(true)
      }
      if (fate === 'all ended') {
        const { status } = await there.send('DELETE', '/sessions', { json: { include_current: true } })
        expect(status).toBe(200)
        expect(await there.isSignedIn()).toBe(false)
      }
      if (fate === 'closed') {
        const closing = { user: { current_password: PASSWORD } }
        expect((await there.send('DELETE', '/registration', { json: closing })).status).toBe(200)
        expect(await there.isSignedIn()).toBe(false)
      }
      made.clock.advance(fate === 'suspended' ? 0 : 20 * MINUTE)
      const answered = await mine.send('GET', '/session')
      expect({ status: answered.status, body: answered.body, cookies: answered.cookies }).toEqual({
        status: 401,
        body: NOBODY,
        cookies: [],
      })
    },
  )

  test('with loadUser: false the cookie is checked, exchanged and renewed all the same', async () => {
    const made = make({ session: { loadUser: false } })
    const mine = come(made)
    await mine.register(true)
    expect(await mine.isSignedIn()).toBe(true)
    made.clock.advance(15 * MINUTE)
    const before = mine.cookie
    expect(await mine.isSignedIn()).toBe(true)
    expect(mine.cookie).not.toBe(before)
    expect((await mine.send('POST', '/session/renew')).status).toBe(200)
    expect(await mine.isSignedIn()).toBe(true)
  })

  test('with loadUser: false a session its user left behind is found out when it is due', async () => {
    const made = make({ session: { loadUser: false } })
    const mine = come(made)
    await mine.register(true)
    const { id } = (await mine.send('GET', '/session')).body.data.user
    const { users } = made.auth
    const { passwordHash = null } = (await users.findById(id)) ?? {}
    expect(await users.update(id, { raiseEpoch: true, updatedAt: 0 }, passwordHash)).not.toBeNull()
    made.clock.advance(15 * MINUTE)
    expect((await mine.send('GET', '/session')).cookies).toEqual([])
    expect(await mine.isSignedIn()).toBe(false)
  })
})
