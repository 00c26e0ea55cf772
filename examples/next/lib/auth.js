// @ts-check
import { createAuth } from 'pawl'
import { migrate } from 'pawl/migrations'
import { openSqlite } from 'pawl/sqlite'
import { sqliteStore } from 'pawl/stores/sqlite'
import { sqlUsers } from 'pawl/users/sql'

async function open() {
  const database = await openSqlite(process.env.DATABASE ?? ':memory:')
  await migrate(database)
  return createAuth({
    secret: process.env.AUTH_SECRET,
    users: sqlUsers(database),
    store: sqliteStore(database),
  })
}

/** @type {{ auth?: ReturnType<typeof open> }} */
const kept = globalThis

// Next evaluates modules more than once: one auth for the process.
kept.auth ??= open()

export const auth = await kept.auth
