import type { Migration } from '../base/migration.js'

/** The table of `sqlUsers`. */
export const sqlUsersMigrations: readonly Migration[] = [
  {
    name: 'users_0001',
    async up(db) {
      await db.schema
        .createTable('users')
        .addColumn('id', 'text', column => column.primaryKey().notNull())
        // Null where people are known by a username alone.
        .addColumn('email', 'text')
        .addColumn('password_hash', 'text')
        .addColumn('credential_epoch', 'bigint', column => column.notNull().defaultTo(0))
        .addColumn('created_at', 'bigint', column => column.notNull())
        .addColumn('updated_at', 'bigint', column => column.notNull())
        .execute()
      await db.schema.createIndex('users_email_index').unique().on('users').column('email').execute()
    },
  },
  {
    name: 'users_0002',
    async up(db) {
      const users = db.schema.alterTable('users')
      await users.addColumn('username', 'text').execute()
      await users.addColumn('role', 'text', column => column.notNull().defaultTo('user')).execute()
      await users.addColumn('tenant', 'text', column => column.notNull().defaultTo('')).execute()
      await users.addColumn('suspended_at', 'bigint').execute()
      await db.schema.dropIndex('users_email_index').execute()
      await db.schema.createIndex('users_email_index').unique().on('users').columns(['tenant', 'email']).execute()
      await db.schema.createIndex('users_username_index').unique().on('users').columns(['tenant', 'username']).execute()
    },
  },
]
