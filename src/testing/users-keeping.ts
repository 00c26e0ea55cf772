import assert from 'node:assert/strict'
import { Problem } from '../base/problem.js'
import type { BaseUser, UserRepository } from '../users/user.js'
import { fifty, type suite } from './suite.js'
import type { SuiteAccounts, UsersSuiteOptions } from './users-accounts.js'

type It = ReturnType<typeof suite<UserRepository<BaseUser>>>

/** Tests of what a repository keeps only where it is asked to: usernames, own fields, tenants, roles, suspension. */
export function keepingTests<User extends BaseUser>(
  test: ReturnType<typeof suite<UserRepository<User>>>,
  accounts: SuiteAccounts,
  { identifiers = ['email'], fields, tenants, roles, suspension }: UsersSuiteOptions,
): void {
  // A user of the app's own is a user.
  const it = test as unknown as It
  if (identifiers.length > 1) usernameTests(it, accounts)
  if (fields) fieldTests(it, accounts, fields)
  if (tenants) tenantTests(it, accounts)
  if (roles) roleTests(it, accounts)
  if (suspension) suspensionTests(it, accounts)
}

/** Where people have an address as well, which the other tests name them by. */
function usernameTests(it: It, accounts: SuiteAccounts): void {
  it('finds a user by its username, to the letter', async (users, clock) => {
    const inserted = await users.insert(accounts.make(clock.now(), 'alice'))
    assert.equal(inserted.user.username, 'alice')
    assert.deepEqual(await users.findByIdentifier('alice'), inserted)
    for (const other of ['ALICE', 'alic_', 'alic%', 'bob', '']) assert.equal(await users.findByIdentifier(other), null)
  })

  it('of fifty users with one username takes one', async (users, clock) => {
    const results = await fifty(async () => {
      try {
        return await users.insert({ ...accounts.make(clock.now()), username: 'alice' })
      } catch (error) {
        assert.ok(Problem.is(error, 'username_taken'))
        return null
      }
    })
    assert.equal(results.filter(result => result !== null).length, 1)
  })

  it('moves a username, frees the old one, and refuses one that is taken', async (users, clock) => {
    const { user } = await users.insert(accounts.make(clock.now(), 'alice'))
    await users.insert(accounts.make(clock.now(), 'bob'))
    const moved = await users.update(user.id, { username: 'carol', updatedAt: clock.now() }, '$hash$1')
    assert.equal(moved?.user.username, 'carol')
    assert.equal(await users.findByIdentifier('alice'), null)
    const taken = async () => users.update(user.id, { username: 'bob', updatedAt: clock.now() }, '$hash$1')
    await assert.rejects(taken, error => Problem.is(error, 'username_taken'))
    assert.deepEqual(await users.findByIdentifier('carol'), await users.findById(user.id))
  })
}

function fieldTests(it: It, accounts: SuiteAccounts, fields: NonNullable<UsersSuiteOptions['fields']>): void {
  const { given, changed } = fields
  const pick = (user: object | undefined, names: readonly string[]) =>
    Object.fromEntries(names.map(name => [name, (user as Record<string, unknown> | undefined)?.[name]]))

  it('names its own fields', async users => {
    assert.deepEqual([...(users.fields ?? [])].sort(), Object.keys(given).sort())
  })

  it('gives own fields back as they were given, and changes those that are named', async (users, clock) => {
    const names = Object.keys(given)
    const { user } = await users.insert({ ...accounts.make(clock.now()), fields: given })
    assert.deepEqual(pick(user, names), given)
    for (const name of names) {
      const change = { fields: { [name]: changed[name] }, updatedAt: clock.now() }
      const saved = await users.update(user.id, change, '$hash$1')
      assert.deepEqual(pick(saved?.user, [name]), { [name]: changed[name] })
      assert.deepEqual(await users.findById(user.id), saved)
    }
    assert.deepEqual(pick((await users.findById(user.id))?.user, names), changed)
  })

  it('inserts a user without own fields', async (users, clock) => {
    const { user } = await users.insert(accounts.make(clock.now()))
    assert.deepEqual((await users.findById(user.id))?.user, user)
  })
}

function tenantTests(it: It, accounts: SuiteAccounts): void {
  it('keeps a user in its tenant, whoever else has its name', async (users, clock) => {
    const ours = await users.insert({ ...accounts.make(clock.now(), 'alice'), tenant: 'acme' })
    const theirs = await users.insert({ ...accounts.make(clock.now(), 'alice'), tenant: 'other' })
    assert.equal(ours.user.tenant, 'acme')
    assert.equal(theirs.user.tenant, 'other')
    assert.deepEqual(await users.findByIdentifier(accounts.spelled('alice'), 'acme'), ours)
    assert.deepEqual(await users.findByIdentifier(accounts.spelled('alice'), 'other'), theirs)
    assert.equal(await users.findByIdentifier(accounts.spelled('alice'), 'third'), null)
    const again = async () =>
      users.insert({ ...accounts.make(clock.now()), ...accounts.named('alice'), tenant: 'other' })
    await assert.rejects(again, accounts.isTaken)
  })

  it('neither finds nor changes nor deletes a user from another tenant', async (users, clock) => {
    const { user } = await users.insert({ ...accounts.make(clock.now()), tenant: 'acme' })
    assert.equal(await users.findById(user.id, 'other'), null)
    const change = { passwordHash: '$hash$2', updatedAt: clock.now() }
    assert.equal(await users.update(user.id, change, '$hash$1', 'other'), null)
    assert.equal(await users.delete(user.id, '$hash$1', 'other'), false)
    assert.equal((await users.findById(user.id, 'acme'))?.passwordHash, '$hash$1')
    assert.equal(await users.delete(user.id, '$hash$1', 'acme'), true)
  })
}

function roleTests(it: It, accounts: SuiteAccounts): void {
  it('keeps a role, and changes it', async (users, clock) => {
    const { user } = await users.insert({ ...accounts.make(clock.now()), role: 'editor' })
    assert.equal(user.role, 'editor')
    const saved = await users.update(user.id, { role: 'admin', updatedAt: clock.now() }, '$hash$1')
    assert.equal(saved?.user.role, 'admin')
    assert.equal((await users.findById(user.id))?.user.role, 'admin')
  })
}

function suspensionTests(it: It, accounts: SuiteAccounts): void {
  it('keeps since when a user is suspended, until it is no more', async (users, clock) => {
    const { user } = await users.insert(accounts.make(clock.now()))
    assert.equal(user.suspendedAt ?? null, null)
    const suspended = await users.update(user.id, { suspendedAt: clock.now(), updatedAt: clock.now() }, '$hash$1')
    assert.equal(typeof suspended?.user.suspendedAt, 'number')
    assert.deepEqual(await users.findById(user.id), suspended)
    const back = await users.update(user.id, { suspendedAt: null, updatedAt: clock.now() }, '$hash$1')
    assert.equal(back?.user.suspendedAt ?? null, null)
    assert.equal((await users.findById(user.id))?.user.suspendedAt ?? null, null)
  })
}
