import { Problem } from '../base/problem.js'
import type { Account, BaseUser, UserRepository } from './user.js'

export interface MemoryUsersOptions {
  /** Names of the app's own fields. Default: none. */
  fields?: readonly string[]
}

/** Keeps users in this process: for tests and first steps. They end with the process. */
export function memoryUsers<User extends BaseUser = BaseUser>({
  fields = [],
}: MemoryUsersOptions = {}): UserRepository<User> {
  const byId = new Map<string, Account<User>>()
  /** By tenant and address or name; the one with an `@` is the address. */
  const idByName = new Map<string, string>()
  const keyOf = (tenant: string | undefined, name: string) => `${tenant ?? ''}\n${name}`

  function namesOf({ tenant, email, username }: BaseUser): readonly string[] {
    return [email, username ?? ''].filter(name => name !== '').map(name => keyOf(tenant, name))
  }

  function find(id: string, tenant = ''): Account<User> | null {
    const account = byId.get(id)
    return account && (account.user.tenant ?? '') === tenant ? account : null
  }

  /** Throws where a name is another's. */
  function refuseTaken(user: BaseUser): void {
    for (const key of namesOf(user)) {
      if ((idByName.get(key) ?? user.id) === user.id) continue
      throw new Problem(key.endsWith(`\n${user.email}`) ? 'email_taken' : 'username_taken')
    }
  }

  function keep(account: Account<User>, before: Account<User> | null): Account<User> {
    for (const key of before ? namesOf(before.user) : []) idByName.delete(key)
    for (const key of namesOf(account.user)) idByName.set(key, account.user.id)
    byId.set(account.user.id, account)
    return account
  }

  return {
    fields,
    tables: 'memory',
    findById: find,
    findByIdentifier: (identifier, tenant) => find(idByName.get(keyOf(tenant, identifier)) ?? '', tenant),
    insert({ id, email, username, passwordHash, role, tenant, createdAt, fields: own }) {
      const user = {
        ...own,
        id,
        email: email ?? '',
        ...(username !== undefined && { username }),
        role: role ?? 'user',
        ...(tenant && { tenant }),
        suspendedAt: null,
        createdAt,
        updatedAt: createdAt,
      } as BaseUser as User
      refuseTaken(user)
      return keep({ user, passwordHash, credentialEpoch: 0 }, null)
    },
    update(id, { passwordHash, raiseEpoch, fields: own, ...named }, expectedHash, tenant) {
      const before = find(id, tenant)
      if (!before || before.passwordHash !== expectedHash) return null
      const user = { ...before.user, ...own, ...named }
      refuseTaken(user)
      const credentialEpoch = before.credentialEpoch + (raiseEpoch ? 1 : 0)
      return keep({ user, passwordHash: passwordHash ?? before.passwordHash, credentialEpoch }, before)
    },
    delete(id, expectedHash, tenant) {
      const account = find(id, tenant)
      if (!account || account.passwordHash !== expectedHash) return false
      for (const key of namesOf(account.user)) idByName.delete(key)
      return byId.delete(id)
    },
  }
}
