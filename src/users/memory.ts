import { Problem } from '../base/problem.js'
import type { Account, BaseUser, UserRepository } from './user.js'

/** Keeps users in this process: for tests and first steps. They end with the process. */
export function memoryUsers(): UserRepository<BaseUser> {
  const byId = new Map<string, Account<BaseUser>>()
  const idByEmail = new Map<string, string>()

  return {
    findById: id => byId.get(id) ?? null,
    findByIdentifier: identifier => byId.get(idByEmail.get(identifier) ?? '') ?? null,
    insert({ id, email, passwordHash, createdAt }) {
      if (idByEmail.has(email)) throw new Problem('email_taken')
      const user = { id, email, createdAt, updatedAt: createdAt }
      const account = { user, passwordHash, credentialEpoch: 0 }
      byId.set(id, account)
      idByEmail.set(email, id)
      return account
    },
    update(id, { email, passwordHash, raiseEpoch, updatedAt }, expectedHash) {
      const before = byId.get(id)
      if (!before || before.passwordHash !== expectedHash) return null
      const owner = email === undefined ? undefined : idByEmail.get(email)
      if (owner !== undefined && owner !== id) throw new Problem('email_taken')
      const after = {
        user: { ...before.user, email: email ?? before.user.email, updatedAt },
        passwordHash: passwordHash ?? before.passwordHash,
        credentialEpoch: before.credentialEpoch + (raiseEpoch ? 1 : 0),
      }
      idByEmail.delete(before.user.email)
      idByEmail.set(after.user.email, id)
      byId.set(id, after)
      return after
    },
    delete(id, expectedHash) {
      const account = byId.get(id)
      if (!account || account.passwordHash !== expectedHash) return false
      idByEmail.delete(account.user.email)
      return byId.delete(id)
    },
  }
}
