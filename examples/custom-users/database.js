// Drizzle on the SQLite that Pawl opens, so that no other driver is needed.
// @ts-check
import { drizzle } from 'drizzle-orm/sqlite-proxy'
import { migrate } from 'pawl/migrations'
import { openSqlite } from 'pawl/sqlite'

/** Opens a file, or a database in memory, with the app's table and Pawl's for sessions. @param {string} [file] */
export async function openDatabase(file = ':memory:') {
  const database = await openSqlite(file)
  await migrate(database, { users: false })
  database
    .prepare(
      `create table if not exists people (
        id integer primary key autoincrement,
        mail text not null constraint people_mail unique,
        name text not null default '',
        secret text,
        epoch integer not null default 0,
        role text not null default 'reader',
        banned_at integer,
        joined_at integer not null,
        changed_at integer not null
      )`,
    )
    .run()
  const db = drizzle(async (sql, params, method) => {
    const rows = database.prepare(sql).all(...params)
    const values = rows.map(row => Object.values(row))
    return { rows: method === 'get' ? /** @type {unknown[]} */ (values[0]) : values }
  })
  return { database, db }
}
