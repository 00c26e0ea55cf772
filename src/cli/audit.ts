import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Clock } from '../base/clock.js'
import { milliseconds } from '../base/duration.js'
import type { SqlDatabase } from '../base/sql-database.js'
import {
  AUDIT_EVENTS,
  type AuditEvent,
  type AuditQuery,
  type AuditRow,
  findEvents,
} from '../extensions/audit/events.js'
import { migrationState } from '../migrations.js'
import { readConfigFile } from '../server/config-file.js'
import { databaseFileOf } from '../server/data-dir.js'
import { type OpenDatabase, openDatabase } from '../server/database.js'
import { processEnv, readEnv, type ServeConfig, settingError } from '../server/env.js'
import { sqlTable } from '../stores/sql-table.js'
import { IDENTIFIERS } from '../users/fields.js'
import { sqlUsers } from '../users/sql.js'
import { auditTable, jsonLine } from './audit-text.js'

const FLAGS = {
  user: { type: 'string' },
  actor: { type: 'string' },
  session: { type: 'string' },
  name: { type: 'string' },
  tenant: { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
  failed: { type: 'boolean' },
  limit: { type: 'string' },
  json: { type: 'boolean' },
} as const

type Flags = Partial<Record<Exclude<keyof typeof FLAGS, 'failed' | 'json'>, string>> & {
  readonly failed?: boolean
  readonly json?: boolean
}

const DAY = /^\d{4}-\d{2}-\d{2}$/
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?$/
const PAGE = 1000

/** A time: so long ago, or as ISO 8601 says it, in UTC where it says no zone. */
function timeOf(flag: string, text: string, now: Clock = Date.now): number {
  const ago = milliseconds(text)
  if (ago !== null) return now() - ago
  const hasZone = DAY.test(text) || /(?:Z|[+-]\d{2}:\d{2})$/.test(text)
  const time = DAY.test(text) || TIME.test(text) ? new Date(hasZone ? text : `${text}Z`).getTime() : Number.NaN
  if (!Number.isNaN(time)) return time
  throw new TypeError(`--${flag} must be a length of time like 24h or 7d, or a time like 2030-01-31T12:00Z`)
}

function limitOf(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text)
  throw new TypeError('--limit must be a whole number from 1 to 9999999')
}

/** What the flags ask for, but for whose it is. */
function queryOf({ actor, session, name, tenant, since, until, failed, ...rest }: Flags): AuditQuery {
  for (const [flag, value] of Object.entries({ actor, session, name, tenant, user: rest.user })) {
    if (value === '') throw new TypeError(`--${flag} is empty`)
  }
  return {
    tenant: tenant ?? null,
    ...(actor !== undefined && { actorId: actor }),
    ...(session !== undefined && { sessionId: session }),
    ...(name !== undefined && { name }),
    ...(since !== undefined && { since: timeOf('since', since) }),
    ...(until !== undefined && { until: timeOf('until', until) }),
    ...(failed && { outcome: 'failure' }),
  }
}

/** The id of whom an address or name belongs to. Other text is an id: that of a user who is gone is asked for too. */
async function userIdOf(text: string, config: ServeConfig, database: SqlDatabase, tenant = ''): Promise<string> {
  const isAddress = text.includes('@')
  const { normalize } = IDENTIFIERS[isAddress ? 'email' : 'username']
  const users = config.users ?? sqlUsers(database)
  const account = await users.findByIdentifier(normalize(text), tenant)
  if (account) return account.user.id
  if (!isAddress) return text
  throw settingError(
    `nobody has ${JSON.stringify(text)}: with tenants, say --tenant; for a user who is gone, give the id`,
  )
}

/** Reads only what is there: a file that is not is not made. */
async function openThere(config: ServeConfig): Promise<OpenDatabase> {
  const databaseFile = databaseFileOf(config)
  if (databaseFile !== null && !existsSync(databaseFile)) {
    throw settingError(`there is no database at ${databaseFile}: set DATABASE_URL or PAWL_DATA_DIR`)
  }
  return openDatabase({ databaseFile, secretFile: null }, config)
}

async function checkLog({ name, database }: OpenDatabase): Promise<void> {
  const { migration } = AUDIT_EVENTS
  const state = await migrationState(database, { extensions: [{ migrations: [migration] }] }).catch((cause: Error) => {
    throw Object.assign(settingError(`${name} cannot be read: ${cause.message}`), { cause })
  })
  if (!state.pending.includes(migration.name)) return
  throw settingError(
    `${name} has no audit log: add auditLog() of pawl/extensions/audit to \`extensions\` in pawl.config.js,` +
      ' then run `npx pawl migrate`',
  )
}

/** Up to `limit` events, page by page. */
async function* pages({ database }: OpenDatabase, query: AuditQuery, limit: number) {
  // Without deadlines: nobody else waits for it.
  const table = sqlTable<AuditRow>({ ...database, kysely: database.patient }, AUDIT_EVENTS)
  let before: string | undefined
  for (let left = limit; left > 0; left -= PAGE) {
    const size = Math.min(left, PAGE)
    const found: readonly AuditEvent[] = await findEvents(table, { ...query, limit: size, ...(before && { before }) })
    yield found
    before = found.at(-1)?.id
    if (found.length < size) return
  }
}

/** `pawl audit`: shows what the audit log has, newest first. */
export async function auditCommand(args: readonly string[]): Promise<void> {
  const flags: Flags = parseArgs({ args: [...args], options: FLAGS }).values
  const query = queryOf(flags)
  const limit = limitOf(flags.limit ?? '50')
  const config = readEnv(processEnv(), await readConfigFile(process.cwd()))
  // `pawl audit | head` has seen enough.
  process.stdout.on('error', () => process.exit())
  const open = await openThere(config)
  try {
    await checkLog(open)
    const { user, tenant } = flags
    const userId = user === undefined ? {} : { userId: await userIdOf(user, config, open.database, tenant) }
    let isFirst = true
    for await (const events of pages(open, { ...query, ...userId }, limit)) {
      const text = flags.json ? events.map(jsonLine).join('') : auditTable(events, isFirst)
      process.stdout.write(text)
      isFirst = false
    }
  } finally {
    await open.database.close()
  }
}
