import { parseArgs } from 'node:util'
import { migrate, migrationState } from '../migrations.js'
import { readConfigFile } from '../server/config-file.js'
import { findPlace } from '../server/data-dir.js'
import { openDatabase } from '../server/database.js'
import { fileOf } from '../server/database-url.js'
import { processEnv, readEnv, type ServeConfig, settingError } from '../server/env.js'
import { serverExtensions } from '../server/extensions.js'
import { migrationSql, migrationStatements } from './migration-sql.js'

/** Prints the SQL of all tables, for a database that has none. Opens none. */
async function print(config: ServeConfig): Promise<void> {
  const { databaseUrl } = config
  const { extensions } = serverExtensions(config)
  const dialect = databaseUrl !== undefined && fileOf(databaseUrl) === null ? 'postgres' : 'sqlite'
  process.stdout.write(migrationSql(dialect, await migrationStatements(dialect, { extensions })))
}

/** `pawl migrate`: brings the database to this code's tables, and says what it did. */
export async function migrateCommand(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { print: { type: 'boolean' } } })
  const config = readEnv(processEnv(), await readConfigFile(process.cwd()))
  if (values.print) return print(config)
  const { name, database } = await openDatabase(findPlace(config), config)
  try {
    const { extensions } = serverExtensions(config)
    const options = { extensions }
    const { unknown } = await migrationState(database, options)
    if (unknown.length > 0) {
      throw settingError(`${name} was made by a newer Pawl (${unknown.join(', ')}): install that version`)
    }
    const ran = await migrate(database, options)
    console.log(ran.length > 0 ? `${name}: ${ran.join(', ')}` : `${name}: nothing to do`)
  } finally {
    await database.close()
  }
}
