import { randomUUID } from 'node:crypto'
import { inject } from 'vitest'
import type { Clock, SqlDatabase, Store } from '../../src/index.js'
import { postgresStore } from '../../src/stores/postgres.js'
import { type PostgresPool, postgresDatabase } from '../../src/stores/postgres-database.js'
import { sqliteStore } from '../../src/stores/sqlite.js'
import type { SqlUsersOptions } from '../../src/users/sql.js'
import { newDatabase } from './database.js'
import { newPool } from './stores.js'

/** A SQL database with all of Pawl's tables, and the store of its sessions. */
export interface OwnDatabase {
  readonly database: SqlDatabase
  storeWith(tools: { readonly now: Clock }): Store
}

export interface Engine {
  readonly name: 'sqlite' | 'postgres'
  /** On PostgreSQL one for the whole file. */
  open(): Promise<OwnDatabase>
}

const PATIENT_MS = 20_000
let pool: Promise<PostgresPool> | null = null

const SQLITE: Engine = {
  name: 'sqlite',
  async open() {
    const database = await newDatabase()
    return { database, storeWith: tools => sqliteStore(database, tools) }
  },
}

const POSTGRES: Engine = {
  name: 'postgres',
  async open() {
    pool ??= newPool()
    const opened = await pool
    const database = postgresDatabase(opened, { deadlineMs: PATIENT_MS })
    return { database, storeWith: tools => postgresStore(opened, tools) }
  },
}

export const ENGINES: readonly Engine[] = inject('pawlPostgres') === null ? [SQLITE] : [SQLITE, POSTGRES]

/** A table of an app's own, and how it is told to `sqlUsers`. */
export interface OwnTable {
  readonly name: string
  /** Its columns and whatever else it needs, as the engine writes them. */
  create(table: string, engine: Engine['name']): readonly string[]
  readonly options: Omit<SqlUsersOptions, 'table'>
}

/** Makes the table under a name of its own. */
export async function makeTable(
  { database }: OwnDatabase,
  { name: engine }: Engine,
  { create, options }: OwnTable,
): Promise<SqlUsersOptions> {
  const table = `people_${randomUUID().slice(0, 8)}`
  for (const statement of create(table, engine)) await database.prepare(statement).run()
  return { ...options, table }
}

/** Everything under other names, with UUIDs and timestamps. */
export const RENAMED: OwnTable = {
  name: 'other names, uuid keys and timestamps',
  create: (table, engine) => [
    `create table "${table}" (
      "personId" ${engine === 'sqlite' ? 'text' : 'uuid'} primary key,
      "e-mail" text, login text, "passHash" text, epoch bigint not null default 0,
      kind text not null default 'member', org text not null,
      blocked ${engine === 'sqlite' ? 'text' : 'timestamptz'},
      made ${engine === 'sqlite' ? 'text' : 'timestamptz'} not null,
      changed ${engine === 'sqlite' ? 'text' : 'timestamptz'} not null,
      "displayName" text, age ${engine === 'sqlite' ? 'real' : 'numeric'},
      news ${engine === 'sqlite' ? 'integer' : 'boolean'}, settings ${engine === 'sqlite' ? 'text' : 'jsonb'})`,
    // Names that say the wrong thing: what is taken is said by the columns.
    `create unique index "${table}_login_uq" on "${table}" (org, "e-mail")`,
    `create unique index "${table}_e-mail" on "${table}" (org, login)`,
  ],
  options: {
    columns: {
      id: 'personId',
      email: 'e-mail',
      username: 'login',
      passwordHash: 'passHash',
      credentialEpoch: 'epoch',
      role: 'kind',
      tenant: 'org',
      suspendedAt: 'blocked',
      createdAt: 'made',
      updatedAt: 'changed',
    },
    fields: { name: { column: 'displayName', kind: 'text' }, age: 'number', news: 'boolean', settings: 'json' },
    ids: 'uuid',
    times: 'timestamp',
  },
}

/** What a table must have and nothing more. Its keys are small, and the database's alone. */
export const SMALL: OwnTable = {
  name: 'integer keys and no more columns than needed',
  create: (table, engine) => [
    `create table "${table}" (
      id ${engine === 'sqlite' ? 'integer primary key' : 'integer generated always as identity primary key'},
      email text unique, password_hash text, credential_epoch integer not null default 0)`,
  ],
  options: { ids: 'integer' },
}

/** People without an address, known by a name. */
export const NAMELESS: OwnTable = {
  name: 'integer keys and usernames alone',
  create: (table, engine) => [
    `create table "${table}" (
      id ${engine === 'sqlite' ? 'integer primary key' : 'bigserial primary key'},
      handle text not null unique, password_hash text, credential_epoch integer not null default 0,
      role text, suspended_at bigint, created_at bigint not null, updated_at bigint not null)`,
  ],
  options: {
    columns: {
      email: null,
      username: 'handle',
      role: 'role',
      suspendedAt: 'suspended_at',
      createdAt: 'created_at',
      updatedAt: 'updated_at',
    },
    ids: 'integer',
  },
}
