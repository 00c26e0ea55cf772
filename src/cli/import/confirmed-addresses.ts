import type { Kysely } from 'kysely'

/** An address that the source says is its user's. */
export interface ConfirmedAddress {
  readonly userId: string
  readonly email: string
  /** In ms since 1970. */
  readonly confirmedAt: number
}

const TABLE = 'email_confirmation_addresses'
const COLUMNS = ['user_id', 'email', 'confirmed_at']

// biome-ignore lint/suspicious/noExplicitAny: the tables are the application's own
type Database = Kysely<any>

/** True where the extension `email_confirmation` has its table, with the columns that are written here. */
export async function keepsConfirmedAddresses(database: Database): Promise<boolean> {
  const tables = await database.introspection.getTables()
  const names = tables.find(({ name }) => name === TABLE)?.columns.map(({ name }) => name) ?? []
  return COLUMNS.every(name => names.includes(name))
}

/** Keeps addresses as confirmed, in the transaction that writes their users. */
export async function keepConfirmedAddresses(
  database: Database,
  addresses: readonly ConfirmedAddress[],
): Promise<void> {
  if (addresses.length === 0) return
  const rows = addresses.map(each => ({ user_id: each.userId, email: each.email, confirmed_at: each.confirmedAt }))
  await database
    .insertInto(TABLE)
    .values(rows)
    .onConflict(conflict => conflict.doNothing())
    .execute()
}
