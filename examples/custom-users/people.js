// People in a table of the app's own, through Drizzle: the five functions, and nothing else.
// @ts-check
import { and, eq, isNull, sql } from 'drizzle-orm'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import { Problem } from 'pawl'

/** @typedef {import('pawl').BaseUser & { name: string }} Person */
/** @typedef {import('pawl').Account<Person>} Account */

export const people = sqliteTable('people', {
  id: integer().primaryKey({ autoIncrement: true }),
  mail: text().notNull().unique('people_mail'),
  name: text().notNull().default(''),
  secret: text(),
  epoch: integer().notNull().default(0),
  role: text().notNull().default('reader'),
  bannedAt: integer('banned_at', { mode: 'timestamp_ms' }),
  joinedAt: integer('joined_at', { mode: 'timestamp_ms' }).notNull(),
  changedAt: integer('changed_at', { mode: 'timestamp_ms' }).notNull(),
})

/** @param {typeof people.$inferSelect} row @returns {Account} */
function accountOf(row) {
  return {
    user: {
      id: String(row.id),
      email: row.mail,
      name: row.name,
      role: row.role,
      suspendedAt: row.bannedAt?.getTime() ?? null,
      createdAt: row.joinedAt.getTime(),
      updatedAt: row.changedAt.getTime(),
    },
    passwordHash: row.secret,
    credentialEpoch: row.epoch,
  }
}

/** The unique index has the last word on who has an address. @param {unknown} error @returns {never} */
function rethrow(error) {
  const { cause } = /** @type {Error} */ (error)
  if (/UNIQUE constraint failed: people\.mail/.test(String(cause))) throw new Problem('email_taken', { cause: error })
  throw error
}

/** Ids are the database's integers: other text is nobody's. @param {string} id */
const numberOf = id => (/^[1-9]\d{0,14}$/.test(id) ? Number(id) : -1)

/**
 * @param {import('drizzle-orm/sqlite-proxy').SqliteRemoteDatabase} db
 * @returns {import('pawl').UserRepository<Person>}
 */
export function drizzleUsers(db) {
  /** Of two changes that expect one hash, one applies. @param {string} id @param {string | null} hash */
  const expected = (id, hash) =>
    and(eq(people.id, numberOf(id)), hash === null ? isNull(people.secret) : eq(people.secret, hash))

  return {
    fields: ['name'],
    async findById(id) {
      const [row] = await db
        .select()
        .from(people)
        .where(eq(people.id, numberOf(id)))
      return row ? accountOf(row) : null
    },
    async findByIdentifier(mail) {
      const [row] = await db.select().from(people).where(eq(people.mail, mail))
      return row ? accountOf(row) : null
    },
    async insert({ email, passwordHash, role, createdAt, fields = {} }) {
      const time = new Date(createdAt)
      const row = { mail: email ?? '', secret: passwordHash, joinedAt: time, changedAt: time, ...fields }
      const rows = await db
        .insert(people)
        .values(role === undefined ? row : { ...row, role })
        .returning()
        .catch(rethrow)
      return accountOf(/** @type {typeof people.$inferSelect} */ (rows[0]))
    },
    async update(id, { email, passwordHash, role, suspendedAt, fields, raiseEpoch, updatedAt }, expectedHash) {
      const [row] = await db
        .update(people)
        .set({
          changedAt: new Date(updatedAt),
          ...fields,
          ...(email !== undefined && { mail: email }),
          ...(passwordHash !== undefined && { secret: passwordHash }),
          ...(role !== undefined && { role }),
          ...(suspendedAt !== undefined && { bannedAt: suspendedAt === null ? null : new Date(suspendedAt) }),
          ...(raiseEpoch && { epoch: sql`${people.epoch} + 1` }),
        })
        .where(expected(id, expectedHash))
        .returning()
        .catch(rethrow)
      return row ? accountOf(row) : null
    },
    async delete(id, expectedHash) {
      return (await db.delete(people).where(expected(id, expectedHash)).returning()).length > 0
    },
  }
}
