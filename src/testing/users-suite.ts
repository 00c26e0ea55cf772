import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Clock } from '../base/clock.js'
import { Problem } from '../base/problem.js'
import type { Account, BaseUser, NewAccount, UserRepository } from '../users/user.js'
import { fifty, type SuiteOptions, suite } from './suite.js'

function newAccount(now: number, changed: Partial<NewAccount> = {}): NewAccount & { readonly email: string } {
  const id = randomUUID()
  return { id, passwordHash: '$hash$1', createdAt: now, ...changed, email: changed.email ?? `${id}@example.com` }
}

function isTaken(error: unknown): boolean {
  return Problem.is(error, 'email_taken')
}

/** The contract of a `UserRepository` as tests; each gets a repository of its own from `makeUsers`. */
export function usersSuite<User extends BaseUser>(
  makeUsers: (tools: { readonly now: Clock }) => UserRepository<User> | Promise<UserRepository<User>>,
  options: SuiteOptions = {},
): void {
  const it = suite('users', makeUsers, options)

  it('finds a user by id and by address as it was inserted', async (users, clock) => {
    const account = newAccount(clock.now())
    const inserted = await users.insert(account)
    assert.equal(inserted.user.id, account.id)
    assert.equal(inserted.user.email, account.email)
    assert.equal(inserted.user.createdAt, account.createdAt)
    assert.equal(inserted.user.updatedAt, account.createdAt)
    assert.equal(inserted.passwordHash, '$hash$1')
    assert.equal(inserted.credentialEpoch, 0)
    assert.deepEqual(await users.findById(account.id), inserted)
    assert.deepEqual(await users.findByIdentifier(account.email), inserted)
    assert.equal(await users.findById(randomUUID()), null)
    assert.equal(await users.findByIdentifier('nobody@example.com'), null)
  })

  it('keeps a user shown to a request free of secrets', async (users, clock) => {
    const { user } = await users.insert(newAccount(clock.now()))
    assert.equal(JSON.stringify(user).includes('$hash$'), false)
  })

  it('matches addresses to the letter', async (users, clock) => {
    await users.insert(newAccount(clock.now(), { email: 'cafe@example.com' }))
    for (const email of ['café@example.com', 'CAFE@example.com', 'cafe@example.com ', 'cafe%', "' or 1=1 --"]) {
      assert.equal(await users.findByIdentifier(email), null)
    }
    await users.insert(newAccount(clock.now(), { email: 'café@example.com' }))
  })

  it('of fifty users with one address takes one', async (users, clock) => {
    const results = await fifty(async () => {
      try {
        return await users.insert(newAccount(clock.now(), { email: 'one@example.com' }))
      } catch (error) {
        assert.ok(isTaken(error))
        return null
      }
    })
    const winners = results.filter(result => result !== null)
    assert.equal(winners.length, 1)
    assert.deepEqual(await users.findByIdentifier('one@example.com'), winners[0])
  })

  it('updates what is named while the hash is the expected one', async (users, clock) => {
    const { id } = newAccount(clock.now())
    await users.insert(newAccount(clock.now(), { id }))
    const updatedAt = clock.now() + 5
    const changed = await users.update(id, { passwordHash: '$hash$2', updatedAt }, '$hash$1')
    assert.equal(changed?.passwordHash, '$hash$2')
    assert.equal(changed?.user.updatedAt, updatedAt)
    assert.equal(await users.update(id, { passwordHash: '$hash$3', updatedAt }, '$hash$1'), null)
    assert.equal(await users.update(id, { passwordHash: '$hash$3', updatedAt }, null), null)
    assert.equal(await users.update(randomUUID(), { updatedAt }, '$hash$1'), null)
    assert.equal((await users.findById(id))?.passwordHash, '$hash$2')
  })

  it('updates a user without a password when none is expected', async (users, clock) => {
    const { user } = await users.insert(newAccount(clock.now(), { passwordHash: null }))
    const changed = await users.update(user.id, { passwordHash: '$hash$2', updatedAt: clock.now() }, null)
    assert.equal(changed?.passwordHash, '$hash$2')
  })

  it('of fifty changes that expect one hash applies one', async (users, clock) => {
    const { user } = await users.insert(newAccount(clock.now()))
    const results = await fifty(index =>
      users.update(user.id, { passwordHash: `$new$${index}`, updatedAt: clock.now() }, '$hash$1'),
    )
    const winners = results.filter(result => result !== null) as Account<User>[]
    assert.equal(winners.length, 1)
    assert.equal((await users.findById(user.id))?.passwordHash, winners[0]?.passwordHash)
  })

  it('raises the credential epoch by one for each of fifty who ask, and for nobody else', async (users, clock) => {
    const { user } = await users.insert(newAccount(clock.now()))
    const raised = await fifty(() => users.update(user.id, { raiseEpoch: true, updatedAt: clock.now() }, '$hash$1'))
    const epochs = raised.map(account => account?.credentialEpoch ?? 0).sort((a, b) => a - b)
    assert.deepEqual(
      epochs,
      Array.from({ length: 50 }, (_, index) => index + 1),
    )
    const same = await users.update(user.id, { passwordHash: '$hash$2', updatedAt: clock.now() }, '$hash$1')
    assert.equal(same?.credentialEpoch, 50)
  })

  it('moves an address and frees the old one', async (users, clock) => {
    const { user } = await users.insert(newAccount(clock.now(), { email: 'old@example.com' }))
    const moved = await users.update(user.id, { email: 'new@example.com', updatedAt: clock.now() }, '$hash$1')
    assert.equal(moved?.user.email, 'new@example.com')
    assert.equal(await users.findByIdentifier('old@example.com'), null)
    await users.insert(newAccount(clock.now(), { email: 'old@example.com' }))
  })

  it("refuses an address that is another's and changes nothing", async (users, clock) => {
    await users.insert(newAccount(clock.now(), { email: 'theirs@example.com' }))
    const { user } = await users.insert(newAccount(clock.now(), { email: 'mine@example.com' }))
    const change = { email: 'theirs@example.com', passwordHash: '$hash$2', updatedAt: clock.now() }
    await assert.rejects(async () => users.update(user.id, change, '$hash$1'), isTaken)
    const found = await users.findById(user.id)
    assert.equal(found?.user.email, 'mine@example.com')
    assert.equal(found?.passwordHash, '$hash$1')
  })

  it('deletes once and frees the address', async (users, clock) => {
    const { user } = await users.insert(newAccount(clock.now(), { email: 'gone@example.com' }))
    assert.equal(await users.delete(user.id, '$hash$0'), false)
    assert.equal(await users.delete(user.id, null), false)
    const results = await fifty(() => users.delete(user.id, '$hash$1'))
    assert.equal(results.filter(Boolean).length, 1)
    assert.equal(await users.findById(user.id), null)
    assert.equal(await users.findByIdentifier('gone@example.com'), null)
    await users.insert(newAccount(clock.now(), { email: 'gone@example.com' }))
  })
}
