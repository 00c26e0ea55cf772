import type { Clock } from '../../base/clock.js'
import { realmUser } from '../../stores/realm.js'
import { defineTable, type RowBeside, type Table, type TableDefinition } from '../../stores/table.js'
import { newId } from '../../tokens/random.js'
import type { Account, BaseUser } from '../../users/user.js'
import { tableOf } from '../beside.js'
import type { ExtensionTools } from '../extension.js'

/** An address of a user: the one they have, or one they asked to have. */
export type AddressRow = {
  readonly id: string
  /** Whose users these are: realm and tenant. */
  readonly place: string
  readonly user_id: string
  readonly email: string
  /** Later ones are higher. */
  readonly position: number
  /** Of an address that is asked for: the user's credential epoch at that time. It is of use at no other. */
  readonly epoch: number | null
  readonly created_at: number
  /** When somebody showed that they read what is mailed there. */
  readonly confirmed_at: number | null
}

export const ADDRESSES: TableDefinition<AddressRow> = defineTable<AddressRow>('email_confirmation_0001', {
  name: 'email_confirmation_addresses',
  columns: {
    id: 'text',
    place: 'text',
    user_id: 'text',
    email: 'text',
    position: 'integer',
    epoch: 'integer?',
    created_at: 'integer',
    confirmed_at: 'integer?',
  },
  key: ['id'],
  indexes: [{ columns: ['place', 'user_id'] }, { columns: ['created_at'] }],
})

/** Which addresses are whose, and which of them are confirmed. */
export interface Addresses {
  /** All of a user. Of null none, after the same work. */
  of(tenant: string, userId: string | null): Promise<readonly AddressRow[]>
  byId(tenant: string, id: string): Promise<AddressRow | null>
  isConfirmed(user: BaseUser, rows?: readonly AddressRow[]): Promise<boolean>
  confirm(user: BaseUser): Promise<void>
  /** A row of a user who may not be written yet. */
  make(tenant: string, email: string, more?: Partial<AddressRow>): AddressRow
  beside(row: AddressRow): RowBeside
  /** Deletes what was asked for before this position. */
  dropAskedBefore(tenant: string, userId: string, position: number): Promise<void>
  drop(rows: readonly AddressRow[]): Promise<void>
  dropAll(user: BaseUser): Promise<void>
}

/** The address a user asked for last, while it can still become theirs. */
export function pendingOf({ user, credentialEpoch }: Account, rows: readonly AddressRow[]): AddressRow | null {
  const asked = rows.filter(row => row.confirmed_at === null && row.epoch !== null)
  // Of two at once the same one is the last for everybody.
  const [last] = asked.sort((a, b) => b.position - a.position || (a.id < b.id ? 1 : -1))
  return last && last.epoch === credentialEpoch && last.email !== user.email ? last : null
}

/** The position of the newest; 0 where there is none. */
export function lastPosition(rows: readonly AddressRow[]): number {
  return Math.max(0, ...rows.map(row => row.position))
}

export function addressesOf(
  tools: Pick<ExtensionTools, 'database' | 'deadlineMs' | 'realm' | 'now'>,
  existing: 'confirmed' | 'unconfirmed',
): Addresses {
  const { now }: { readonly now: Clock } = tools
  const table: Table<AddressRow> = tableOf(tools, ADDRESSES)
  const placeOf = (tenant: string) => realmUser(tools.realm, tenant)
  let since: number | null = null

  /** When this extension first wrote of anybody; null where it never did. It never moves, so it is asked for once. */
  async function beginning(): Promise<number | null> {
    since ??= (await table.find({ order: 'created_at', limit: 1 }))[0]?.created_at ?? null
    return since
  }

  /** True for somebody of whom nothing is known because they were here first. */
  async function isFromBefore({ createdAt }: BaseUser, rows: readonly AddressRow[]): Promise<boolean> {
    if (existing !== 'confirmed' || rows.length > 0) return false
    const first = await beginning()
    return first === null || createdAt < first
  }

  // Nobody has an id like others: what it is compared with takes as long.
  const of: Addresses['of'] = async (tenant, userId) =>
    table.find({ where: { place: placeOf(tenant), user_id: userId ?? newId() } })

  const addresses: Addresses = {
    of,
    byId: async (tenant, id) => (await table.find({ where: { place: placeOf(tenant), id } }))[0] ?? null,
    beside: row => table.beside(row),
    make: (tenant, email, more = {}) => ({
      id: newId(),
      place: placeOf(tenant),
      user_id: '',
      email,
      position: 1,
      epoch: null,
      created_at: now(),
      confirmed_at: null,
      ...more,
    }),
    async isConfirmed(user, given) {
      const rows = given ?? (await of(user.tenant ?? '', user.id))
      if (rows.some(({ email, confirmed_at }) => email === user.email && confirmed_at !== null)) return true
      return isFromBefore(user, rows)
    },
    async confirm(user) {
      const { id, tenant = '', email } = user
      const rows = await of(tenant, id)
      if (rows.some(row => row.email === email && row.confirmed_at !== null)) return
      const where = { place: placeOf(tenant), user_id: id, email, confirmed_at: null }
      if ((await table.update({ where }, { confirmed_at: now() })).length > 0) return
      const position = lastPosition(rows) + 1
      await table.insert(addresses.make(tenant, email, { user_id: id, position, confirmed_at: now() }))
    },
    async dropAskedBefore(tenant, userId, position) {
      // Whatever has an epoch was asked for.
      await table.delete({
        where: { place: placeOf(tenant), user_id: userId, confirmed_at: null },
        from: { epoch: 0 },
        below: { position },
      })
    },
    async drop(rows) {
      for (const { id } of rows) await table.delete({ where: { id } })
    },
    async dropAll({ id, tenant = '' }) {
      await table.delete({ where: { place: placeOf(tenant), user_id: id } })
    },
  }
  return addresses
}
