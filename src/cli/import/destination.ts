import { existsSync } from 'node:fs'
import type { SqlDatabase } from '../../base/sql-database.js'
import { PURPOSE } from '../../extensions/imported-sessions/token-key.js'
import { migrationState } from '../../migrations.js'
import { findPlace, keptSecrets, type Place } from '../../server/data-dir.js'
import { openDatabase } from '../../server/database.js'
import { type ServeConfig, settingError } from '../../server/env.js'
import { openRedis, redisPlace } from '../../server/redis.js'
import type { KeyValueStore } from '../../stores/key-value-store.js'
import { realmStore } from '../../stores/realm.js'
import { isSqlDatabase } from '../../stores/table.js'
import { checkSecrets } from '../../tokens/secrets.js'
import { deriveKey } from '../../tokens/token.js'
import type { FieldKind } from '../../users/sql.js'
import { sqlUsers } from '../../users/sql.js'
import type { UserRepository } from '../../users/user.js'
import { repositoryTarget } from './repository-target.js'
import { sqlTarget } from './sql-target.js'
import type { Target } from './target.js'

/** Where an import goes, as the configuration says. */
export interface Destination {
  /** For people: without a password. */
  readonly name: string
  readonly target: Target
  readonly fields: readonly string[]
  readonly kinds: Readonly<Record<string, FieldKind>>
  /** Where live sessions are kept, and the key of their hashes. Opened when it is asked for. */
  sessions(): Promise<{ readonly values: KeyValueStore; readonly key: Uint8Array }>
  close(): Promise<void>
}

async function checkMigrated(database: SqlDatabase, name: string, config: ServeConfig): Promise<void> {
  const { pending, unknown } = await migrationState(database, { extensions: config.extensions ?? [] })
  if (unknown.length > 0) throw settingError(`${name} was made by a newer Pawl (${unknown.join(', ')})`)
  if (pending.length > 0) throw settingError(`${name} lacks tables: run \`npx pawl migrate\` first`)
}

/** The users of a repository, many at once where they are in a SQL database. */
async function targetOf(users: UserRepository, tenant: string): Promise<Target> {
  const { joined } = users
  if (!joined?.rows || !isSqlDatabase(joined.database)) return repositoryTarget(users, tenant)
  return sqlTarget(joined.database, { ...joined, rows: joined.rows }, tenant)
}

function secretOf(config: ServeConfig, { secretFile }: Place): string {
  if (config.secret !== undefined) return checkSecrets(config.secret)[0]
  if (secretFile === null || !existsSync(secretFile)) {
    throw settingError('--sessions needs the secret of the server: start it once, or set PAWL_SECRET')
  }
  return checkSecrets(keptSecrets(secretFile, false))[0]
}

/** Opens what is configured. Throws, naming the setting, for what cannot be used, and where tables are missing. */
export async function openDestination(config: ServeConfig, tenant: string): Promise<Destination> {
  if ((config.tenant !== undefined) !== (tenant !== '')) {
    throw new TypeError(
      tenant === ''
        ? 'there are tenants: say whose users these are, --tenant=NAME'
        : '--tenant: the configuration has no `tenant`',
    )
  }
  const place = findPlace(config)
  const open = await openDatabase(place, config)
  const closers: (() => unknown)[] = [() => open.database.close()]
  async function close(): Promise<void> {
    for (const each of closers.splice(0).reverse()) await each()
  }
  try {
    await checkMigrated(open.database, open.name, config)
    const users = (config.users ?? sqlUsers(open.database)) as UserRepository
    return {
      name: open.name,
      target: await targetOf(users, tenant),
      fields: users.fields ?? [],
      kinds: users.joined?.rows?.kinds ?? {},
      async sessions() {
        const whereRedis = redisPlace(config)
        const redis = whereRedis ? await openRedis(whereRedis, config) : null
        if (redis) closers.push(() => redis.close())
        const store = config.store ?? redis?.store ?? open.store()
        const key = deriveKey(secretOf(config, place), PURPOSE)
        return { values: realmStore(store, config.realm ?? '').values, key }
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
