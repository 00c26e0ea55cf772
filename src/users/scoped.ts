import { type Awaitable, chain } from '../base/awaitable.js'
import { bounded } from '../stores/bounded.js'
import type { RowBeside } from '../stores/table.js'
import type { Account, BaseUser, RowsBeside, UserRepository } from './user.js'

/** The account, if its user is of the tenant. Users of no tenant are asked for with an empty one. */
export function among<User extends BaseUser>(tenant: string, account: Account<User> | null): Account<User> | null {
  return account === null || tenant === '' || account.user.tenant === tenant ? account : null
}

/** The same users with a deadline on every call. */
export function boundedUsers<User extends BaseUser>(users: UserRepository<User>, ms: number): UserRepository<User> {
  const { writesRows = false } = users

  async function andWrite<Done>(rows: readonly RowBeside[], done: Done): Promise<Done> {
    for (const row of rows) await bounded(() => row.write(), ms)
    return done
  }

  /** Saves, and writes after it the rows that the repository has not written. */
  function withRows<Values extends { readonly rows?: RowsBeside }, Saved extends Account<User> | null>(
    { rows, ...values }: Values,
    save: (values: Values) => Awaitable<Saved>,
  ): Awaitable<Saved> {
    const given = { ...values, ...(writesRows && rows && { rows }) } as unknown as Values
    const saved = bounded(() => save(given), ms)
    if (writesRows || !rows) return saved
    return chain(saved, account => (account ? andWrite(rows(account), account) : account))
  }

  return {
    findById: (id, tenant) => bounded(() => users.findById(id, tenant), ms),
    findByIdentifier: (identifier, tenant) => bounded(() => users.findByIdentifier(identifier, tenant), ms),
    insert: account => withRows(account, given => users.insert(given)),
    update: (id, change, expectedHash, tenant) =>
      withRows(change, given => users.update(id, given, expectedHash, tenant)),
    delete(id, expectedHash, tenant, rows = []) {
      const deleted = bounded(() => users.delete(id, expectedHash, tenant, rows), ms)
      return writesRows || rows.length === 0 ? deleted : chain(deleted, done => (done ? andWrite(rows, true) : false))
    },
    ...(writesRows && { writesRows }),
    ...(users.tables && { tables: users.tables }),
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
    delete: (id, expectedHash, tenant, rows) => users.delete(id, expectedHash, check(tenant), rows),
  }
}
