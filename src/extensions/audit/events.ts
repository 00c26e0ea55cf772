import { refuseUnknown } from '../../base/options.js'
import { isUuid } from '../../base/uuid.js'
import { defineTable, type RowsPage, type Table, type TableDefinition } from '../../stores/table.js'
import { firstIdAt } from './event-id.js'

export type AuditOutcome = 'success' | 'failure'

export type AuditRow = {
  readonly id: string
  readonly at: number
  readonly tenant: string
  readonly name: string
  readonly outcome: AuditOutcome
  readonly user_id: string | null
  readonly actor_id: string | null
  readonly session_id: string | null
  readonly address: string | null
  readonly user_agent: string | null
  readonly request_id: string | null
  readonly identifier_hash: string | null
  readonly detail: string | null
}

/** Ids begin with their time, so that each index ends in the order that is asked for, and retention needs none. */
export const AUDIT_EVENTS: TableDefinition<AuditRow> = defineTable<AuditRow>('audit_0001', {
  name: 'audit_events',
  columns: {
    id: 'text',
    at: 'integer',
    tenant: 'text',
    name: 'text',
    outcome: 'text',
    user_id: 'text?',
    actor_id: 'text?',
    session_id: 'text?',
    address: 'text?',
    user_agent: 'text?',
    request_id: 'text?',
    identifier_hash: 'text?',
    detail: 'text?',
  },
  key: ['id'],
  // The tenant comes second: whoever asks among all tenants has an index too.
  indexes: [
    { columns: ['tenant', 'id'] },
    { columns: ['name', 'tenant', 'id'] },
    { columns: ['actor_id', 'tenant', 'id'] },
    { columns: ['user_id', 'tenant', 'id'] },
    { columns: ['session_id', 'tenant', 'id'] },
  ],
})

/** One thing that happened. */
export interface AuditEvent {
  /** Sorts by time. */
  readonly id: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** Empty where there are no tenants. */
  readonly tenant: string
  readonly name: string
  readonly outcome: AuditOutcome
  /** Whom it is about; null where nobody has the address that was tried. */
  readonly userId: string | null
  /** Who did it: the request's user, or whom `system.as` named. Null for strangers, and where trusted code named nobody. */
  readonly actorId: string | null
  /** The session it is about, else that of the request. */
  readonly sessionId: string | null
  readonly address: string | null
  readonly userAgent: string | null
  /** Null where no request was the occasion. */
  readonly requestId: string | null
  /** The same for the same address or name; says nothing of it without the server secret. */
  readonly identifierHash: string | null
  readonly detail: string | null
}

export interface AuditQuery {
  readonly userId?: string
  readonly actorId?: string
  readonly sessionId?: string
  readonly name?: string
  readonly outcome?: AuditOutcome
  /** Failed sign-ins with this address or name. */
  readonly identifier?: string
  /** From this time on, in ms since 1970. */
  readonly since?: Date | number
  /** Before this time. */
  readonly until?: Date | number
  /** Default: users of no tenant. Null: all. */
  readonly tenant?: string | null
  /** The `id` of the last event of the page before. */
  readonly before?: string
  /** From 1 to 1000. Default: 100. */
  readonly limit?: number
}

const COLUMNS = { userId: 'user_id', actorId: 'actor_id', sessionId: 'session_id', name: 'name' } as const
const QUERY = [...Object.keys(COLUMNS), 'outcome', 'identifier', 'since', 'until', 'tenant', 'before', 'limit']
const MOST = 1000

function eventOf(row: AuditRow): AuditEvent {
  const { user_id, actor_id, session_id, user_agent, request_id, identifier_hash, ...rest } = row
  return {
    ...rest,
    userId: user_id,
    actorId: actor_id,
    sessionId: session_id,
    userAgent: user_agent,
    requestId: request_id,
    identifierHash: identifier_hash,
  }
}

function timeOf(name: string, value: Date | number): number {
  const time = typeof value === 'number' ? value : value instanceof Date ? value.getTime() : Number.NaN
  if (Number.isFinite(time)) return time
  throw new TypeError(`\`${name}\` must be a time: a Date, or ms since 1970`)
}

/** What to look for. Throws `TypeError` for what would quietly find everybody's: `{ userId: undefined }`. */
function pageOf(query: AuditQuery): RowsPage<AuditRow> {
  refuseUnknown(query, QUERY, '')
  for (const name of [...Object.keys(COLUMNS), 'identifier', 'before'] as const) {
    const value: unknown = query[name as keyof AuditQuery]
    if (Object.hasOwn(query, name) && (typeof value !== 'string' || value === '')) {
      throw new TypeError(`\`${name}\` must be text; leave it out to ask for all`)
    }
  }
  const { outcome, since, until, tenant = '', before, limit = 100 } = query
  if (outcome !== undefined && outcome !== 'success' && outcome !== 'failure') {
    throw new TypeError("`outcome` must be 'success' or 'failure'")
  }
  if (tenant !== null && typeof tenant !== 'string') throw new TypeError('`tenant` must be text, or null for all')
  if (before !== undefined && !isUuid(before)) throw new TypeError('`before` must be the `id` of an event')
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MOST) {
    throw new TypeError(`\`limit\` must be a whole number from 1 to ${MOST}`)
  }
  const ends = [before, until === undefined ? undefined : firstIdAt(timeOf('until', until))]
  const [end] = ends.filter(id => id !== undefined).sort()
  const named = Object.entries(COLUMNS).filter(([name]) => Object.hasOwn(query, name))
  return {
    where: {
      ...Object.fromEntries(named.map(([name, column]) => [column, query[name as keyof AuditQuery]])),
      ...(outcome !== undefined && { outcome }),
      ...(tenant !== null && { tenant }),
    },
    ...(since !== undefined && { from: { id: firstIdAt(timeOf('since', since)) } }),
    ...(end !== undefined && { below: { id: end } }),
    order: 'id',
    descending: true,
    limit,
  }
}

/**
 * Events, newest first. `hashesOf` gives what an identifier may be stored as, under each server secret.
 * Throws `TypeError` for a query that is none.
 */
export async function findEvents(
  table: Table<AuditRow>,
  query: AuditQuery,
  hashesOf: (identifier: string) => readonly string[] = () => [],
): Promise<readonly AuditEvent[]> {
  const page = pageOf(query)
  if (query.identifier === undefined) return (await table.find(page)).map(eventOf)
  const pages = hashesOf(query.identifier).map(async identifier_hash =>
    table.find({ ...page, where: { name: 'sign_in.failed', ...page.where, identifier_hash } }),
  )
  const found = (await Promise.all(pages)).flat()
  return found
    .sort((a, b) => (a.id < b.id ? 1 : -1))
    .slice(0, page.limit)
    .map(eventOf)
}
