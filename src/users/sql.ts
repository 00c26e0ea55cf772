import { chain } from '../base/awaitable.js'
import type { Migration } from '../base/migration.js'
import { Problem } from '../base/problem.js'
import type { SqlDatabase } from '../base/sql-database.js'
import type { Account, BaseUser, UserRepository } from './user.js'

/** Whole numbers come as text where the driver fears to round them. */
interface UserRow {
  readonly id: string
  readonly email: string
  readonly password_hash: string | null
  readonly credential_epoch: number | string
  readonly created_at: number | string
  readonly updated_at: number | string
}

const COLUMNS = ['id', 'email', 'password_hash', 'credential_epoch', 'created_at', 'updated_at'] as const

/** The table of `sqlUsers`. */
export const sqlUsersMigrations: readonly Migration[] = [
  {
    name: 'users_0001',
    async up(db) {
      await db.schema
        .createTable('users')
        .addColumn('id', 'text', column => column.primaryKey().notNull())
        .addColumn('email', 'text', column => column.notNull())
        .addColumn('password_hash', 'text')
        .addColumn('credential_epoch', 'bigint', column => column.notNull().defaultTo(0))
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('updated_at', 'bigint', column => column.notNull())
        .execute()
      await db.schema.createIndex('users_email_index').unique().on('users').column('email').execute()
    },
  },
]

function decode(row: UserRow): Account<BaseUser> {
  return {
    user: { id: row.id, email: row.email, createdAt: Number(row.created_at), updatedAt: Number(row.updated_at) },
    passwordHash: row.password_hash,
    credentialEpoch: Number(row.credential_epoch),
  }
}

function taken(error: unknown): unknown {
  const isUnique =
    error instanceof Error && /unique/i.test(error.message) && /users\.email|users_email_index/.test(error.message)
  return isUnique ? new Problem('email_taken', { cause: error }) : error
}

/** Keeps users in the table `users` of a SQL database. Make it with `migrate` first. */
export function sqlUsers(database: SqlDatabase): UserRepository<BaseUser> {
  const { kysely } = database
  const byId = database.prepare(`select ${COLUMNS.join(', ')} from users where id = ?`)

  return {
    findById: id => chain(byId.get(id), row => (row ? decode(row as unknown as UserRow) : null)),
    async findByIdentifier(identifier) {
      const row = await kysely.selectFrom('users').select(COLUMNS).where('email', '=', identifier).executeTakeFirst()
      return row ? decode(row as UserRow) : null
    },
    async insert({ id, email, passwordHash, createdAt }) {
      const row = {
        id,
        email,
        password_hash: passwordHash,
        credential_epoch: 0,
        created_at: createdAt,
        updated_at: createdAt,
      }
      try {
        await kysely.insertInto('users').values(row).execute()
      } catch (error) {
        throw taken(error)
      }
      return decode(row)
    },
    async update(id, { email, passwordHash, raiseEpoch, updatedAt }, expectedHash) {
      try {
        const row = await kysely
          .updateTable('users')
          .set(({ eb }) => ({
            updated_at: updatedAt,
            ...(email !== undefined && { email }),
            ...(passwordHash !== undefined && { password_hash: passwordHash }),
            ...(raiseEpoch && { credential_epoch: eb('credential_epoch', '+', 1) }),
          }))
          .where('id', '=', id)
          .where('password_hash', expectedHash === null ? 'is' : '=', expectedHash)
          .returning(COLUMNS)
          .executeTakeFirst()
        return row ? decode(row as UserRow) : null
      } catch (error) {
        throw taken(error)
      }
    },
    async delete(id, expectedHash) {
      const result = await kysely
        .deleteFrom('users')
        .where('id', '=', id)
        .where('password_hash', expectedHash === null ? 'is' : '=', expectedHash)
        .executeTakeFirst()
      return result.numDeletedRows > 0n
    },
    joined: { database, table: 'users', key: 'id', columns: COLUMNS, decode: row => decode(row as unknown as UserRow) },
  }
}
