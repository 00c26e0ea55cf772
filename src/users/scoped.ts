import { chain } from '../base/awaitable.js'
import { bounded } from '../stores/bounded.js'
import type { Account, BaseUser, UserRepository } from './user.js'

/** The account, if its user is of the tenant. Users of no tenant are asked for with an empty one. */
export function among<User extends BaseUser>(tenant: string, account: Account<User> | null): Account<User> | null {
  return account === null || tenant === '' || account.user.tenant === tenant ? account : null
}

/** The same users with a deadline on every call. */
export function boundedUsers<User extends BaseUser>(users: UserRepository<User>, ms: number): UserRepository<User> {
  return {
    findById: (id, tenant) => bounded(() => users.findById(id, tenant), ms),
    findByIdentifier: (identifier, tenant) => bounded(() => users.findByIdentifier(identifier, tenant), ms),
    insert: account => bounded(() => users.insert(account), ms),
    update: (id, change, expectedHash, tenant) => bounded(() => users.update(id, change, expectedHash, tenant), ms),
    delete: (id, expectedHash, tenant) => bounded(() => users.delete(id, expectedHash, tenant), ms),
    ...(users.joined && { joined: users.joined }),
    ...(users.fields && { fields: users.fields }),
  }
}

/**
 * The same users, each seen in its own tenant alone, whatever the repository makes of a tenant.
 * Throws `TypeError` for a call that names none, and for users that do not keep it.
 */
export function tenantUsers<User extends BaseUser>(users: UserRepository<User>): UserRepository<User> {
  function check(tenant: string | undefined): string {
    if (tenant) return tenant
    throw new TypeError('there are tenants, and this call named none')
  }

  const seen = (tenant: string, found: ReturnType<typeof users.findById>) =>
    chain(found, account => among(tenant, account))

  return {
    ...users,
    findById: (id, tenant) => seen(check(tenant), users.findById(id, tenant)),
    findByIdentifier: (identifier, tenant) => seen(check(tenant), users.findByIdentifier(identifier, tenant)),
    insert(account) {
      const tenant = check(account.tenant)
      return chain(users.insert(account), inserted => {
        if (among(tenant, inserted)) return inserted
        throw new TypeError('these `users` keep no `tenant`: give the user object one, from a column of its own')
      })
    },
    update: (id, change, expectedHash, tenant) => users.update(id, change, expectedHash, check(tenant)),
    delete: (id, expectedHash, tenant) => users.delete(id, expectedHash, check(tenant)),
  }
}
