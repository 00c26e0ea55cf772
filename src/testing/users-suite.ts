import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Clock } from '../base/clock.js'
import type { Identifier } from '../users/fields.js'
import type { Account, BaseUser, UserRepository } from '../users/user.js'
import { fifty, suite } from './suite.js'
import { suiteAccounts, type UsersSuiteOptions } from './users-accounts.js'
import { keepingTests } from './users-keeping.js'

/** The tenant the suite is in, where there are tenants. */
const TENANT = 'acme'

/** The same users as those of one tenant. */
function inTenant<User extends BaseUser>(users: UserRepository<User>): UserRepository<User> {
  return {
    ...users,
    findById: (id, tenant = TENANT) => users.findById(id, tenant),
    findByIdentifier: (identifier, tenant = TENANT) => users.findByIdentifier(identifier, tenant),
    insert: account => users.insert({ tenant: TENANT, ...account }),
    update: (id, change, expectedHash, tenant = TENANT) => users.update(id, change, expectedHash, tenant),
    delete: (id, expectedHash, tenant = TENANT) => users.delete(id, expectedHash, tenant),
  }
}

/** Spellings that are others', whatever a database makes of case, accents and wildcards. */
const LOOKALIKES: Readonly<Record<Identifier, readonly string[]>> = {
  email: ['café@example.com', 'CAFE@example.com', 'cafe@example.com ', 'cafe%', "' or 1=1 --"],
  username: ['CAFE', 'cafe ', 'caf_', 'cafe%', 'café', "' or 1=1 --"],
}

/** The contract of a `UserRepository` as tests; each gets a repository of its own from `makeUsers`. */
export function usersSuite<User extends BaseUser>(
  makeUsers: (tools: { readonly now: Clock }) => UserRepository<User> | Promise<UserRepository<User>>,
  options: UsersSuiteOptions = {},
): void {
  const { identifiers = ['email'], tenants = false, times = true } = options
  const make = async (tools: { readonly now: Clock }) => {
    const users = await makeUsers(tools)
    return tenants ? inTenant(users) : users
  }
  const it = suite('users', make, options)
  const accounts = suiteAccounts(identifiers)
  const { name, named, spelled, isTaken } = accounts
  keepingTests(it, accounts, options)

  it('finds a user by id and by name as it was inserted', async (users, clock) => {
    const inserted = await users.insert(accounts.make(clock.now(), 'somebody'))
    const { user } = inserted
    assert.equal(typeof user.id, 'string')
    assert.equal(name === 'email' ? user.email : user.username, spelled('somebody'))
    if (times) assert.deepEqual([user.createdAt, user.updatedAt], [clock.now(), clock.now()])
    assert.equal(inserted.passwordHash, '$hash$1')
    assert.equal(inserted.credentialEpoch, 0)
    assert.deepEqual(await users.findById(user.id), inserted)
    assert.deepEqual(await users.findByIdentifier(spelled('somebody')), inserted)
    assert.equal(await users.findById(randomUUID()), null)
    assert.equal(await users.findByIdentifier(spelled('nobody')), null)
  })

  it('gives each user an id of its own', async (users, clock) => {
    const ids = await fifty(async () => (await users.insert(accounts.make(clock.now()))).user.id)
    assert.equal(new Set(ids).size, 50)
  })

  it('keeps a user shown to a request free of secrets', async (users, clock) => {
    const { user } = await users.insert(accounts.make(clock.now()))
    assert.equal(JSON.stringify(user).includes('$hash$'), false)
  })

  it('matches names to the letter', async (users, clock) => {
    await users.insert(accounts.make(clock.now(), 'cafe'))
    for (const other of LOOKALIKES[name]) assert.equal(await users.findByIdentifier(other), null)
    await users.insert(accounts.make(clock.now(), 'café'))
  })

  it('of fifty users with one name takes one', async (users, clock) => {
    const results = await fifty(async () => {
      try {
        return await users.insert({ ...accounts.make(clock.now()), ...named('one') })
      } catch (error) {
        assert.ok(isTaken(error))
        return null
      }
    })
    const winners = results.filter(result => result !== null)
    assert.equal(winners.length, 1)
    assert.deepEqual(await users.findByIdentifier(spelled('one')), winners[0])
  })

  it('updates what is named while the hash is the expected one', async (users, clock) => {
    const { id } = (await users.insert(accounts.make(clock.now()))).user
    const updatedAt = clock.now() + 5
    const changed = await users.update(id, { passwordHash: '$hash$2', updatedAt }, '$hash$1')
    assert.equal(changed?.passwordHash, '$hash$2')
    if (times) assert.equal(changed?.user.updatedAt, updatedAt)
    assert.equal(await users.update(id, { passwordHash: '$hash$3', updatedAt }, '$hash$1'), null)
    assert.equal(await users.update(id, { passwordHash: '$hash$3', updatedAt }, null), null)
    assert.equal(await users.update(randomUUID(), { updatedAt }, '$hash$1'), null)
    assert.equal((await users.findById(id))?.passwordHash, '$hash$2')
  })

  it('updates a user without a password when none is expected', async (users, clock) => {
    const { user } = await users.insert({ ...accounts.make(clock.now()), passwordHash: null })
    const changed = await users.update(user.id, { passwordHash: '$hash$2', updatedAt: clock.now() }, null)
    assert.equal(changed?.passwordHash, '$hash$2')
  })

  it('of fifty changes that expect one hash applies one', async (users, clock) => {
    const { user } = await users.insert(accounts.make(clock.now()))
    const results = await fifty(index =>
      users.update(user.id, { passwordHash: `$new$${index}`, updatedAt: clock.now() }, '$hash$1'),
    )
    const winners = results.filter(result => result !== null) as Account<User>[]
    assert.equal(winners.length, 1)
    assert.equal((await users.findById(user.id))?.passwordHash, winners[0]?.passwordHash)
  })

  it('raises the credential epoch by one for each of fifty who ask, and for nobody else', async (users, clock) => {
    const { user } = await users.insert(accounts.make(clock.now()))
    const raised = await fifty(() => users.update(user.id, { raiseEpoch: true, updatedAt: clock.now() }, '$hash$1'))
    const epochs = raised.map(account => account?.credentialEpoch ?? 0).sort((a, b) => a - b)
    assert.deepEqual(
      epochs,
      Array.from({ length: 50 }, (_, index) => index + 1),
    )
    const same = await users.update(user.id, { passwordHash: '$hash$2', updatedAt: clock.now() }, '$hash$1')
    assert.equal(same?.credentialEpoch, 50)
    const touched = await users.update(user.id, { updatedAt: clock.now() + 1 }, '$hash$2')
    assert.equal(touched?.credentialEpoch, 50)
  })

  it('moves a name and frees the old one', async (users, clock) => {
    const { user } = await users.insert(accounts.make(clock.now(), 'old'))
    const moved = await users.update(user.id, { ...named('new'), updatedAt: clock.now() }, '$hash$1')
    assert.equal(name === 'email' ? moved?.user.email : moved?.user.username, spelled('new'))
    assert.equal(await users.findByIdentifier(spelled('old')), null)
    await users.insert({ ...accounts.make(clock.now()), ...named('old') })
  })

  it("refuses a name that is another's and changes nothing", async (users, clock) => {
    await users.insert(accounts.make(clock.now(), 'theirs'))
    const { user } = await users.insert(accounts.make(clock.now(), 'mine'))
    const change = { ...named('theirs'), passwordHash: '$hash$2', updatedAt: clock.now() }
    await assert.rejects(async () => users.update(user.id, change, '$hash$1'), isTaken)
    assert.deepEqual(await users.findByIdentifier(spelled('mine')), await users.findById(user.id))
    assert.equal((await users.findById(user.id))?.passwordHash, '$hash$1')
  })

  it('deletes once and frees the name', async (users, clock) => {
    const { user } = await users.insert(accounts.make(clock.now(), 'gone'))
    assert.equal(await users.delete(user.id, '$hash$0'), false)
    assert.equal(await users.delete(user.id, null), false)
    const results = await fifty(() => users.delete(user.id, '$hash$1'))
    assert.equal(results.filter(Boolean).length, 1)
    assert.equal(await users.findById(user.id), null)
    assert.equal(await users.findByIdentifier(spelled('gone')), null)
    await users.insert(accounts.make(clock.now(), 'gone'))
  })
}
