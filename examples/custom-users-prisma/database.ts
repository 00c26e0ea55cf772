// One pool for Prisma and for Pawl's sessions.
import { PrismaPg } from '@prisma/adapter-pg'
import { migrate } from 'pawl/migrations'
import { type PostgresPool, postgresDatabase } from 'pawl/postgres'
import pg from 'pg'
import { PrismaClient } from './generated/client.js'

export async function openDatabase(connectionString: string | undefined) {
  const pool = new pg.Pool({ connectionString })
  // Pawl's own tables, for sessions. In an app of yours `prisma migrate` makes the other; here it is one statement.
  await migrate(postgresDatabase(pool as unknown as PostgresPool), { users: false })
  await pool.query(`create table if not exists "Person" (
    id uuid primary key,
    email text not null unique,
    "passwordHash" text,
    epoch integer not null default 0,
    name text not null default '',
    role text not null default 'reader',
    "suspendedAt" timestamptz(3),
    "createdAt" timestamptz(3) not null,
    "updatedAt" timestamptz(3) not null
  )`)
  return { pool, prisma: new PrismaClient({ adapter: new PrismaPg(pool) }) }
}
