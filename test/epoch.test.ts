import { expect, test } from 'vitest'
import { type Extension, memoryUsers, type UserRepository } from '../src/index.js'
import { cheapHasher, type TestAuth, testAuth, testExchange } from '../src/testing/index.js'

const user = { email: 'a@example.com', password: 'secret1234', password_confirmation: 'secret1234' }

async function registered(made: TestAuth) {
  const { body } = await made.request('POST', '/registration', { json: { user } })
  const { access_token, renewal_token } = body.data
  const session = (await made.request('GET', '/session', { token: access_token })).body.data
  return { access: access_token as string, renewal: renewal_token as string, userId: session.user.id as string }
}

/** Raises the epoch as another process would, and leaves every session where it is. */
async function raiseEpoch({ auth }: TestAuth, id: string): Promise<void> {
  const account = await auth.users.findById(id)
  await auth.users.update(id, { raiseEpoch: true, updatedAt: 0 }, account?.passwordHash ?? null)
}

test('a sign-in that was proven before "end all" and stored after it is refused, and leaves no session', async () => {
  const made = testAuth({ session: { loadUser: false } })
  const { access } = await registered(made)
  const ctx = await made.auth.open(testExchange('POST', '/'))
  const signedIn = await made.auth.accounts.authenticate(ctx, user)
  const token = ctx.tokens?.accessToken ?? ''

  const json = { include_current: true }
  expect((await made.request('DELETE', '/sessions', { token: access, json })).status).toBe(200)
  expect((await made.auth.send(ctx))?.status).toBe(401)
  expect((await made.request('GET', '/session', { token })).status).toBe(401)
  expect(await made.auth.store.sessions.listByUser(signedIn.id)).toEqual([])
})

test('a sign-in that was proven before the account was closed is refused, and leaves no session', async () => {
  const made = testAuth({ session: { loadUser: false } })
  const { access, userId } = await registered(made)
  const ctx = await made.auth.open(testExchange('POST', '/'))
  await made.auth.accounts.authenticate(ctx, user)
  const closing = { user: { current_password: user.password } }
  expect((await made.request('DELETE', '/registration', { token: access, json: closing })).status).toBe(200)
  expect((await made.auth.send(ctx))?.status).toBe(401)
  expect(await made.auth.store.sessions.listByUser(userId)).toEqual([])
})

test('a session below its user’s epoch opens nothing and renews nothing', async () => {
  const made = testAuth()
  const { access, renewal, userId } = await registered(made)
  await raiseEpoch(made, userId)
  expect((await made.request('POST', '/session/renew', { token: renewal })).status).toBe(401)
  expect((await made.request('GET', '/session', { token: access })).status).toBe(401)
})

test('a session below its user’s epoch renews nothing where checks read the session alone', async () => {
  const made = testAuth({ session: { loadUser: false } })
  const { renewal, userId } = await registered(made)
  await raiseEpoch(made, userId)
  expect((await made.request('POST', '/session/renew', { token: renewal })).status).toBe(401)
})

test('a session whose user row is gone opens nothing, renews nothing and is dropped', async () => {
  const made = testAuth()
  const { access, renewal, userId } = await registered(made)
  const account = await made.auth.users.findById(userId)
  await made.auth.users.delete(userId, account?.passwordHash ?? null)
  expect((await made.request('POST', '/session/renew', { token: renewal })).status).toBe(401)
  expect((await made.request('GET', '/session', { token: access })).status).toBe(401)
  expect(await made.auth.store.sessions.listByUser(userId)).toEqual([])
})

test('a hook that fails after a password change does not keep the others signed in', async () => {
  const failing: Extension = {
    name: 'failing',
    setup: () => ({
      hooks: {
        credentialsChanged() {
          throw new Error('the hook failed')
        },
      },
    }),
  }
  const made = testAuth({ session: { loadUser: false }, extensions: [failing] })
  const { access } = await registered(made)
  const other = (await made.request('POST', '/session', { json: { user } })).body.data
  const change = { current_password: user.password, password: 'secret5678', password_confirmation: 'secret5678' }
  const changed = await made.request('PATCH', '/registration', { token: access, json: { user: change } })
  expect(changed.status).toBe(500)
  expect((await made.request('GET', '/session', { token: other.access_token })).status).toBe(401)
  expect((await made.request('POST', '/session/renew', { token: other.renewal_token })).status).toBe(401)
})

test('a session below its user’s epoch can do nothing to the account where checks read the session alone', async () => {
  const made = testAuth({ session: { loadUser: false } })
  const { access, userId } = await registered(made)
  await raiseEpoch(made, userId)
  const proof = { json: { user: { current_password: user.password } }, token: access }
  expect((await made.request('DELETE', '/sessions', { token: access })).status).toBe(401)
  expect((await made.request('DELETE', '/registration', proof)).status).toBe(401)
  expect((await made.request('GET', '/session', { token: access })).status).toBe(200)
  expect(await made.auth.users.findById(userId)).not.toBeNull()
})

/** Users whose next look-up by id waits until it is let go, holding what it had found. */
function pausing(users: UserRepository) {
  let pause: Promise<void> | null = null
  const { joined: _, ...plain } = users
  const repository: UserRepository = {
    ...plain,
    async findById(id) {
      const waiting = pause
      pause = null
      await waiting
      return users.findById(id)
    },
  }
  return {
    repository,
    next(): () => void {
      let go = () => {}
      pause = new Promise(resolve => {
        go = resolve
      })
      return go
    },
  }
}

test('a request under way during a password change does not end the session that changed it', async () => {
  const { repository, next } = pausing(memoryUsers())
  const made = testAuth({ users: repository })
  const { access, renewal } = await registered(made)
  const go = next()
  // It has read its session, below the epoch to come, and waits for its user.
  const underWay = made.request('GET', '/session', { token: access })
  const change = { current_password: user.password, password: 'secret5678', password_confirmation: 'secret5678' }
  expect((await made.request('PATCH', '/registration', { token: access, json: { user: change } })).status).toBe(200)
  go()
  expect((await underWay).status).toBe(200)
  expect((await made.request('POST', '/session/renew', { token: renewal })).status).toBe(200)
})

test('"end all" ends all although a hash is replaced meanwhile', async () => {
  const users = memoryUsers()
  let replacing = false
  const replaced: UserRepository = {
    ...users,
    async update(id, change, expectedHash) {
      if (replacing && change.raiseEpoch) {
        replacing = false
        await users.update(id, { passwordHash: 'another hash of the same password', updatedAt: 0 }, expectedHash)
      }
      return users.update(id, change, expectedHash)
    },
  }
  const made = testAuth({ users: replaced })
  const { access, userId } = await registered(made)
  replacing = true
  expect((await made.request('DELETE', '/sessions', { token: access })).status).toBe(200)
  expect((await users.findById(userId))?.credentialEpoch).toBe(1)
  expect((await made.request('GET', '/session', { token: access })).status).toBe(200)
})

test('a change that is refused leaves the session where its user is', async () => {
  const made = testAuth()
  const { access, userId } = await registered(made)
  const taken = { ...user, email: 'taken@example.com' }
  await made.request('POST', '/registration', { json: { user: taken } })
  const change = { current_password: user.password, email: taken.email }
  const refused = await made.request('PATCH', '/registration', { token: access, json: { user: change } })
  expect(refused.body.error.errors).toEqual({ email: ['has already been taken'] })
  expect((await made.auth.store.sessions.listByUser(userId)).map(each => each.credentialEpoch)).toEqual([0])
})

/** A hasher whose next hash waits until it is let go. */
function pausingHasher() {
  const hasher = cheapHasher()
  let pause: Promise<void> | null = null
  return {
    hasher: {
      ...hasher,
      async hash(password: string) {
        const waiting = pause
        pause = null
        await waiting
        return hasher.hash(password)
      },
    },
    next(): () => void {
      let go = () => {}
      pause = new Promise(resolve => {
        go = resolve
      })
      return go
    },
  }
}

const newPassword = { current_password: user.password, password: 'secret5678', password_confirmation: 'secret5678' }

test('a sign-in with the old password does not survive the change, whatever else raised the epoch meanwhile', async () => {
  const { hasher, next } = pausingHasher()
  const made = testAuth({ hasher, session: { loadUser: false } })
  const { access } = await registered(made)
  const go = next()
  const changing = made.request('PATCH', '/registration', { token: access, json: { user: newPassword } })
  await new Promise(resolve => setImmediate(resolve))
  expect((await made.request('DELETE', '/sessions', { token: access })).status).toBe(200)
  const ctx = await made.auth.open(testExchange('POST', '/'))
  await made.auth.accounts.authenticate(ctx, user)
  const token = ctx.tokens?.accessToken ?? ''
  go()
  expect((await changing).status).toBe(200)
  expect((await made.auth.send(ctx))?.status).toBe(401)
  expect((await made.request('GET', '/session', { token })).status).toBe(401)
  expect((await made.request('GET', '/session', { token: access })).status).toBe(200)
})

test('an account is not closed by a password that is changed while it is compared', async () => {
  const users = memoryUsers()
  let changing = true
  const changed: UserRepository = {
    ...users,
    async delete(id, expectedHash) {
      if (changing) await users.update(id, { passwordHash: 'of a new password', updatedAt: 0 }, expectedHash)
      changing = false
      return users.delete(id, expectedHash)
    },
  }
  const made = testAuth({ users: changed })
  const { access, userId } = await registered(made)
  const closing = { user: { current_password: user.password } }
  expect((await made.request('DELETE', '/registration', { token: access, json: closing })).status).toBe(401)
  expect(await users.findById(userId)).not.toBeNull()
})

test('a sign-in that replaces an old hash does not survive an "end all" in between', async () => {
  const { hasher, next } = pausingHasher()
  let outdated = false
  const aging = {
    ...hasher,
    verify: async (password: string, hash: string | null) => ({ ...(await hasher.verify(password, hash)), outdated }),
  }
  const made = testAuth({ hasher: aging, session: { loadUser: false } })
  const { access } = await registered(made)
  outdated = true
  const go = next()
  const signingIn = made.request('POST', '/session', { json: { user } })
  await new Promise(resolve => setImmediate(resolve))
  expect((await made.request('DELETE', '/sessions', { token: access })).status).toBe(200)
  go()
  expect((await signingIn).status).toBe(401)
})

test('a session that ended while its request was still being sent does nothing', async () => {
  const made = testAuth()
  const { access } = await registered(made)
  const other = (await made.request('POST', '/session', { json: { user } })).body.data.access_token as string
  let finish = () => {}
  const body = new Promise<Uint8Array>(resolve => {
    finish = () => resolve(new TextEncoder().encode('{"include_current":true}'))
  })
  const slow = { ...testExchange('DELETE', '/api/v1/sessions', { token: other, json: {} }), readBody: () => body }
  const underWay = made.auth.respond(slow)
  await new Promise(resolve => setImmediate(resolve))
  expect((await made.request('DELETE', '/sessions', { token: access })).status).toBe(200)
  finish()
  expect((await underWay).status).toBe(401)
  expect((await made.request('GET', '/session', { token: access })).status).toBe(200)
})
