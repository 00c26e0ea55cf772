import type { Kysely } from 'kysely'
import { ADDRESSES, type AddressRow } from '../../extensions/email-confirmation/addresses.js'
import { newId } from '../../tokens/random.js'

/** What the source says of a user's address. */
export interface ImportedAddress {
  readonly userId: string
  readonly email: string
  /** In ms since 1970; null where it was never confirmed. */
  readonly confirmedAt: number | null
  readonly importedAt: number
}

// biome-ignore lint/suspicious/noExplicitAny: the tables are the application's own
type Database = Kysely<any>

/** True where the extension `email_confirmation` has its table. */
export async function keepsAddresses(database: Database): Promise<boolean> {
  const tables = await database.introspection.getTables()
  return tables.some(({ name }) => name === ADDRESSES.name)
}

/** Keeps what is known of addresses, in the transaction that writes their users. Of those left out nothing is known. */
export async function keepAddresses(
  database: Database,
  tenant: string,
  addresses: readonly ImportedAddress[],
): Promise<void> {
  if (addresses.length === 0) return
  const rows = addresses.map(
    ({ userId, email, confirmedAt, importedAt }): AddressRow => ({
      id: newId(),
      place: tenant,
      user_id: userId,
      email,
      position: 1,
      epoch: null,
      created_at: importedAt,
      confirmed_at: confirmedAt,
    }),
  )
  await database.insertInto(ADDRESSES.name).values(rows).execute()
}
