import { migrate, migrationState } from '../migrations.js'
import { readConfigFile } from '../server/config-file.js'
import { findPlace } from '../server/data-dir.js'
import { openDatabase } from '../server/database.js'
import { processEnv, readEnv, settingError } from '../server/env.js'

/** `pawl migrate`: brings the database to this code's tables, and says what it did. */
export async function migrateCommand(): Promise<void> {
  const config = readEnv(processEnv(), await readConfigFile(process.cwd()))
  const { name, database } = await openDatabase(findPlace(config), config)
  try {
    const options = { extensions: config.extensions ?? [] }
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
