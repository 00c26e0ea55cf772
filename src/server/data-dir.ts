import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileOf } from './database-url.js'
import { type ServeConfig, settingError } from './env.js'

/** Where a server keeps its things. */
export interface Place {
  /** Path of the SQLite file, or `:memory:`; null where the database is a server. */
  readonly databaseFile: string | null
  /** Path of the file with the secret; null when the secret is a setting. */
  readonly secretFile: string | null
}

/** A new server secret: 32 random bytes as text. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

const folderOf = ({ dataDir = 'pawl-data' }: ServeConfig) => resolve(dataDir)

/** Path of the SQLite file, which may not be there, or `:memory:`; null where the database is a server. Makes nothing. */
export function databaseFileOf(config: ServeConfig): string | null {
  const { databaseUrl } = config
  return databaseUrl === undefined ? join(folderOf(config), 'pawl.db') : fileOf(databaseUrl)
}

/** Finds the database and makes the data folder, mode 0700, where one is needed. */
export function findPlace(config: ServeConfig): Place {
  const { databaseUrl, secret } = config
  const folder = folderOf(config)
  const databaseFile = databaseFileOf(config)
  if (databaseUrl === undefined || secret === undefined) {
    if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (!statSync(folder).isDirectory()) throw settingError(`PAWL_DATA_DIR ${folder} is not a folder`)
  }
  return { databaseFile, secretFile: secret === undefined ? join(folder, 'secret') : null }
}

/**
 * The secrets kept in a file, one a line, the first signs. Makes one, mode 0600, for a database that is new.
 * A database that is in use and has lost its secret is refused: a new one would sign everybody out.
 */
export function keptSecrets(file: string, isNewDatabase: boolean): readonly string[] {
  if (!existsSync(file)) {
    if (!isNewDatabase) {
      throw settingError(
        `${file} is gone, and its sessions with it: set PAWL_SECRET to the old secret,` +
          ` or sign everybody out with \`(umask 077; npx pawl keys > ${file})\``,
      )
    }
    try {
      writeFileSync(file, `${newSecret()}\n`, { mode: 0o600, flag: 'wx', flush: true })
    } catch (error) {
      // Two servers start at once: the other one made it.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
  return readFileSync(file, 'utf8')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
}
