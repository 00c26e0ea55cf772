import type { Account } from '../../users/user.js'
import type { Prepared } from './prepare.js'

/** What became of a user. `taken`: somebody else has the address or the name; `id_taken`: somebody else has the id. */
export type Outcome =
  | { readonly result: 'imported' | 'already_there'; readonly id: string }
  | { readonly result: 'refused'; readonly reason: 'taken' | 'id_taken' | 'database_refused' }

export interface NewPassword {
  readonly id: string
  readonly hash: string
}

/** Where users go. */
export interface Target {
  /** True where a user gets the id that is prepared for it. */
  readonly keepsIds: boolean
  /** Writes a batch, or with `isDry` only looks: one outcome for each, in order. Users that are there stay as they are. */
  write(batch: readonly Prepared[], isDry: boolean): Promise<readonly Outcome[]>
  /** Gives passwords to users that have none: true for each that got it. */
  setPasswords(passwords: readonly NewPassword[]): Promise<readonly boolean[]>
  find(ids: readonly string[]): Promise<readonly Account[]>
}

/** What a user that is there means for one that is to be written. */
export function outcomeOf(
  found: Account,
  { id, email, username, createdAt, isDated }: Prepared,
  keepsIds: boolean,
): Outcome {
  const { user } = found
  const isSame = (email === null || user.email === email) && (username === null || user.username === username)
  if (keepsIds) {
    if (user.id !== id) return { result: 'refused', reason: 'taken' }
    return isSame ? { result: 'already_there', id } : { result: 'refused', reason: 'id_taken' }
  }
  // An id of the database's own says nothing. When they were made does, where both know it.
  const isAsOld = !isDated || user.createdAt === 0 || user.createdAt === createdAt
  return isSame && isAsOld ? { result: 'already_there', id: user.id } : { result: 'refused', reason: 'taken' }
}

/** The user that is there for one that is to be written, of those that were found. */
export function finder(accounts: readonly Account[]): (prepared: Prepared, keepsIds: boolean) => Account | undefined {
  const byId = new Map(accounts.map(account => [account.user.id, account]))
  const byEmail = new Map(accounts.map(account => [account.user.email, account]))
  const byName = new Map(accounts.map(account => [account.user.username ?? '', account]))
  return ({ id, email, username }, keepsIds) =>
    (keepsIds ? byId.get(id) : undefined) ??
    (email === null ? undefined : byEmail.get(email)) ??
    (username === null ? undefined : byName.get(username))
}
