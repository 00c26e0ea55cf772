import { Problem } from '../../base/problem.js'
import type { Account, UserRepository } from '../../users/user.js'
import type { Prepared } from './prepare.js'
import { type Outcome, outcomeOf, type Target } from './target.js'

/** Users of a repository of the app's own, one by one. */
export function repositoryTarget(users: UserRepository, tenant: string): Target {
  async function existing({ id, email, username }: Prepared): Promise<Account | null> {
    for (const identifier of [email, username]) {
      const found = identifier === null ? null : await users.findByIdentifier(identifier, tenant)
      if (found) return found
    }
    return users.findById(id, tenant)
  }

  async function insert(prepared: Prepared): Promise<Outcome> {
    const { id, email, username, passwordHash, createdAt, role, fields } = prepared
    const account = { id, email, passwordHash, createdAt, fields, ...(tenant !== '' && { tenant }) }
    try {
      const { user } = await users.insert({
        ...account,
        ...(username !== null && { username }),
        ...(role !== null && { role }),
      })
      return { result: 'imported', id: user.id }
    } catch (error) {
      if (Problem.is(error, 'email_taken') || Problem.is(error, 'username_taken')) {
        return { result: 'refused', reason: 'taken' }
      }
      throw error
    }
  }

  /** A repository takes no suspended users: whoever was stopped between the two steps is brought here again. */
  async function suspend({ suspendedAt }: Prepared, id: string): Promise<void> {
    const account = suspendedAt === null ? null : await users.findById(id, tenant)
    if (!account || suspendedAt === null || (account.user.suspendedAt ?? null) !== null) return
    if (account.user.updatedAt !== account.user.createdAt) return
    await users.update(id, { suspendedAt, updatedAt: suspendedAt }, account.passwordHash, tenant)
  }

  async function writeOne(prepared: Prepared, isDry: boolean): Promise<Outcome> {
    const found = await existing(prepared)
    // It may make ids of its own.
    if (found) {
      const isOurs = found.user.id === prepared.id
      const outcome = outcomeOf(found, prepared, isOurs)
      if (outcome.result === 'already_there' && !isDry) await suspend(prepared, outcome.id)
      return outcome
    }
    if (isDry) return { result: 'imported', id: prepared.id }
    const outcome = await insert(prepared)
    if (outcome.result === 'imported') await suspend(prepared, outcome.id)
    return outcome
  }

  return {
    keepsIds: false,
    async write(batch, isDry) {
      const outcomes: Outcome[] = []
      for (const each of batch) outcomes.push(await writeOne(each, isDry))
      return outcomes
    },
    async setPasswords(passwords) {
      const set: boolean[] = []
      for (const { id, hash } of passwords) {
        const account = await users.findById(id, tenant)
        const isBare = account !== null && account.passwordHash === null
        const change = { passwordHash: hash, updatedAt: account?.user.updatedAt ?? 0 }
        set.push(isBare && (await users.update(id, change, null, tenant)) !== null)
      }
      return set
    },
    async find(ids) {
      const found: Account[] = []
      for (const id of ids) {
        const account = await users.findById(id, tenant)
        if (account) found.push(account)
      }
      return found
    },
  }
}
