import { setTimeout as wait } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { SqlDatabase } from '../../base/sql-database.js'
import type { Rows } from '../../users/sql-columns.js'
import type { Account, BaseUser, JoinedUsers } from '../../users/user.js'
import { keepAddresses, keepsAddresses } from './confirmed-addresses.js'
import type { Prepared } from './prepare.js'
import { finder, type Outcome, outcomeOf, type Target } from './target.js'

// biome-ignore lint/suspicious/noExplicitAny: the tables are the application's own
type Transaction = Kysely<any>

/** Fewer than SQLite and PostgreSQL take in one statement. */
const MOST_VALUES = 30_000

/** True for an error that is about what was to be written, and not about the database. */
function isAboutData(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  return /^2[23]/.test(code) || /constraint failed|datatype mismatch/i.test(message)
}

/** Users in a table of a SQL database, a batch in one transaction. */
export async function sqlTarget(
  database: SqlDatabase,
  joined: JoinedUsers & { readonly rows: Rows<BaseUser> },
  tenant: string,
): Promise<Target> {
  const { table, rows, keyType = 'text' } = joined
  const { columns, names, decode, encode } = rows
  const keepsIds = keyType !== 'integer'
  const hasAddresses = await keepsAddresses(database.patient)

  async function findBy(
    db: Transaction,
    column: string | null,
    values: readonly string[],
  ): Promise<readonly Account[]> {
    if (column === null || values.length === 0) return []
    const query = db
      .selectFrom(table)
      .select([...names])
      .where(column, 'in', values)
    const found = await (columns.tenant === null ? query : query.where(columns.tenant, '=', tenant)).execute()
    return found.map(row => decode(row as Record<string, unknown>))
  }

  async function existing(db: Transaction, batch: readonly Prepared[]): Promise<readonly Account[]> {
    const given = (name: 'id' | 'email' | 'username') => batch.map(each => each[name]).filter(value => value !== null)
    return [
      ...(await findBy(db, columns.email, given('email'))),
      ...(await findBy(db, columns.username, given('username'))),
      ...(keepsIds ? await findBy(db, columns.id, given('id')) : []),
    ]
  }

  function rowOf({ id, email, username, passwordHash, createdAt, suspendedAt, role, fields }: Prepared) {
    const values = { email, username, passwordHash, suspendedAt, tenant, credentialEpoch: 0, createdAt }
    return encode({ ...(keepsIds && { id }), ...values, ...(role !== null && { role }), updatedAt: createdAt }, fields)
  }

  /** Rows of one statement have the same columns: some have a role, and others the table's own. */
  function statements(batch: readonly Prepared[]): readonly (readonly Record<string, unknown>[])[] {
    const size = Math.floor(MOST_VALUES / names.length)
    return [batch.filter(({ role }) => role === null), batch.filter(({ role }) => role !== null)].flatMap(group => {
      const parts = Math.ceil(group.length / size)
      return Array.from({ length: parts }, (_, part) => group.slice(part * size, (part + 1) * size).map(rowOf))
    })
  }

  async function insert(db: Transaction, batch: readonly Prepared[]): Promise<readonly Account[]> {
    const inserted: Account[] = []
    for (const values of statements(batch)) {
      const query = db
        .insertInto(table)
        .values(values)
        .onConflict(conflict => conflict.doNothing())
      inserted.push(...(await query.returning([...names]).execute()).map(row => decode(row as Record<string, unknown>)))
    }
    return inserted
  }

  async function writeIn(db: Transaction, batch: readonly Prepared[], isDry: boolean): Promise<readonly Outcome[]> {
    const find = finder(await existing(db, batch))
    const isNew = batch.filter(each => !find(each, keepsIds))
    const inserted = finder(isDry || isNew.length === 0 ? [] : await insert(db, isNew))
    const outcomes = batch.map((each): Outcome => {
      const found = find(each, keepsIds)
      if (found) return outcomeOf(found, each, keepsIds)
      if (isDry) return { result: 'imported', id: each.id }
      const made = inserted(each, keepsIds)
      // Written by somebody else since it was looked for.
      if (!made) return { result: 'refused', reason: 'taken' }
      const outcome = outcomeOf(made, each, keepsIds)
      return outcome.result === 'already_there' ? { result: 'imported', id: made.user.id } : outcome
    })
    if (hasAddresses && !isDry) {
      const told = batch.flatMap(({ email, confirmedAt, importedAt, tellsConfirmed }, index) => {
        const outcome = outcomes[index] as Outcome
        if (outcome.result !== 'imported' || email === null || !tellsConfirmed) return []
        return [{ userId: outcome.id, email, confirmedAt, importedAt }]
      })
      await keepAddresses(db, tenant, told)
    }
    return outcomes
  }

  /** Tries again where a server writes at the same time. */
  async function inTransaction<T>(run: (db: Transaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await database.patient.transaction().execute(run)
      } catch (error) {
        const { code = '', message = '' } = error as { code?: string; message?: string }
        if (attempt === 50 || !(/^40(?:001|P01)$/.test(code) || /database is locked/.test(message))) throw error
        await wait(100)
      }
    }
  }

  async function write(batch: readonly Prepared[], isDry: boolean): Promise<readonly Outcome[]> {
    try {
      return await inTransaction(db => writeIn(db, batch, isDry))
    } catch (error) {
      if (!isAboutData(error)) throw error
      // One of them: what the database says of it may quote the row, so it is not told.
      if (batch.length === 1) return [{ result: 'refused', reason: 'database_refused' }]
      const outcomes: Outcome[] = []
      for (const each of batch) outcomes.push(...(await write([each], isDry)))
      return outcomes
    }
  }

  return {
    keepsIds,
    write,
    setPasswords: passwords =>
      inTransaction(async db => {
        const set: boolean[] = []
        for (const { id, hash } of passwords) {
          const query = db
            .updateTable(table)
            .set({ [columns.passwordHash]: hash })
            .where(columns.id, '=', id)
            .where(columns.passwordHash, 'is', null)
          const ofTenant = columns.tenant === null ? query : query.where(columns.tenant, '=', tenant)
          set.push((await ofTenant.executeTakeFirst()).numUpdatedRows === 1n)
        }
        return set
      }),
    find: ids => findBy(database.patient, columns.id, ids),
  }
}
