import type { Migration as KyselyMigration } from 'kysely'

/** One step of a schema, forwards only. */
export interface Migration {
  /** Unique and ordered: `users_0001`, `sessions_0001`, `invitation_0002`. */
  readonly name: string
  readonly up: KyselyMigration['up']
}
