import type { Migration } from '../base/migration.js'

/** The tables of the SQL stores. */
export const sqlStoreMigrations: readonly Migration[] = [
  {
    name: 'sessions_0001',
    async up(db) {
      await db.schema
        .createTable('pawl_sessions')
        .addColumn('id', 'text', column => column.primaryKey().notNull())
        .addColumn('user_id', 'text', column => column.notNull())
        .addColumn('secret_hash', 'text', column => column.notNull())
        .addColumn('generation', 'bigint', column => column.notNull())
        .addColumn('credential_epoch', 'bigint', column => column.notNull())
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('authenticated_at', 'bigint', column => column.notNull())
        .addColumn('renewed_at', 'bigint', column => column.notNull())
        .addColumn('access_expires_at', 'bigint', column => column.notNull())
        .addColumn('renewal_expires_at', 'bigint', column => column.notNull())
        .addColumn('expires_at', 'bigint', column => column.notNull())
        .addColumn('methods', 'text', column => column.notNull())
        .addColumn('created_user_agent', 'text')
        .addColumn('created_address', 'text')
        .addColumn('renewed_user_agent', 'text')
        .addColumn('renewed_address', 'text')
        .addColumn('retry_key_hash', 'text')
        .addColumn('data', 'text', column => column.notNull())
        .execute()
      await db.schema.createIndex('pawl_sessions_user_id').on('pawl_sessions').column('user_id').execute()
      await db.schema.createIndex('pawl_sessions_end').on('pawl_sessions').column('renewal_expires_at').execute()
      await db.schema
        .createTable('pawl_values')
        .addColumn('key', 'text', column => column.primaryKey().notNull())
        .addColumn('value', 'text', column => column.notNull())
        .addColumn('expires_at', 'bigint', column => column.notNull())
        .execute()
      await db.schema.createIndex('pawl_values_expires_at').on('pawl_values').column('expires_at').execute()
    },
  },
]
