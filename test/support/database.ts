import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import type { SqliteDatabase } from '../../src/index.js'
import { migrate } from '../../src/migrations.js'
import { openSqlite } from '../../src/server/sqlite.js'
import { newFolder } from './server.js'

const open: (() => void)[] = []
afterAll(() => {
  for (const close of open.splice(0)) close()
})

/** A database file of its own with all tables, closed and removed after the tests of the file. */
export async function newDatabase(): Promise<SqliteDatabase> {
  const folder = newFolder()
  const database = await openSqlite(join(folder, 'pawl.db'))
  open.push(() => {
    database.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await migrate(database)
  return database
}
