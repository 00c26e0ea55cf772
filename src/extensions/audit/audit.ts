import { type Duration, milliseconds } from '../../base/duration.js'
import { refuseUnknown } from '../../base/options.js'
import { keyedHash } from '../../tokens/digest.js'
import { IDENTIFIERS } from '../../users/fields.js'
import type { BaseUser } from '../../users/user.js'
import { addRows, tableOf } from '../beside.js'
import type { Extension } from '../extension.js'
import { entryOf, writtenOf } from './entry.js'
import { eventIds } from './event-id.js'
import { AUDIT_EVENTS, type AuditEvent, type AuditQuery, type AuditRow, findEvents } from './events.js'
import { forgetUser } from './forget.js'
import { auditRetention } from './retention.js'

export type { AuditEvent, AuditQuery }

export interface AuditLogOptions {
  /** How long events are kept; `'forever'` deletes none. Default: `'365d'`. */
  retention?: Duration | 'forever'
  /** Events to keep that are left out by default: `'session.renewed'`. Has the last word. */
  include?: readonly string[]
  /** Events to leave out: a name, or `'mail.*'` for all of an extension. */
  exclude?: readonly string[]
}

/** What trusted code does with the log. Nothing here asks who is calling. */
export interface AuditLog {
  /** Events, newest first. Throws `TypeError` for a query that is none. */
  find(query?: AuditQuery): Promise<readonly AuditEvent[]>
  /**
   * Takes out what tells of a person: address, user agent and identifier of all events about them or by them. That
   * something happened, and when, stays. How many events it was. Call it after the account is deleted.
   */
  forget(userId: string, options?: { readonly tenant?: string }): Promise<number>
  /** Deletes at once what is older than the retention. How many events it was. */
  prune(): Promise<number>
}

const OPTIONS = ['retention', 'include', 'exclude']
const PATTERN = /^[a-z0-9_]+(?:\.[a-z0-9_]+)*\.(?:[a-z0-9_]+|\*)$/

/** Written beside the user, in one transaction. */
const WRITTEN_BESIDE = new Set(['account.created', 'account.updated', 'account.deleted'])

/** What a server does, and what everybody does all day: no matter of security. */
const LEFT_OUT = [
  'password.busy',
  'password.outdated',
  'password.unreadable',
  'session.renewed',
  'session.stale',
  'store.*',
  'token.refused',
]

function retentionMsOf(retention: string): number | null {
  if (retention === 'forever') return null
  const ms = typeof retention === 'string' ? milliseconds(retention) : null
  if (ms) return ms
  throw new TypeError(`\`retention\` must be a duration like '365d', or 'forever', not '${retention}'`)
}

function checkPatterns(name: string, patterns: readonly string[]): readonly string[] {
  if (Array.isArray(patterns) && patterns.every(each => typeof each === 'string' && PATTERN.test(each))) return patterns
  throw new TypeError(`\`${name}\` must be a list of events, like 'session.renewed' or 'mail.*'`)
}

function isNamed(patterns: readonly string[], name: string): boolean {
  return patterns.some(each => each === name || (each.endsWith('.*') && name.startsWith(each.slice(0, -1))))
}

/**
 * Writes one row for each security event: for a change of a user in the transaction of the change, for everything else
 * before the answer leaves. Throws `TypeError` for options that are wrong.
 */
export function auditLog(options: AuditLogOptions = {}): Extension<BaseUser, AuditLog> {
  refuseUnknown(options, OPTIONS, '')
  const retentionMs = retentionMsOf(options.retention ?? '365d')
  const include = checkPatterns('include', options.include ?? [])
  const left = [...LEFT_OUT, ...checkPatterns('exclude', options.exclude ?? [])]
  const isAudited = (name: string) => isNamed(include, name) || !isNamed(left, name)

  return {
    name: 'audit',
    migrations: [AUDIT_EVENTS.migration],
    setup(tools) {
      const { now, keys } = tools
      const table = tableOf<AuditRow>(tools, AUDIT_EVENTS)
      const newId = eventIds(now)
      const secrets = keys('audit identifiers')
      const retention = auditRetention(tools, table, retentionMs)
      const hashOf = (identifier: string, secret = secrets[0] as Uint8Array) => keyedHash(secret, identifier)

      /** The same under every secret there is. */
      function hashesOf(identifier: string): readonly string[] {
        const { normalize } = IDENTIFIERS[identifier.includes('@') ? 'email' : 'username']
        return secrets.map(secret => hashOf(normalize(identifier), secret))
      }

      /** Whose session it was: who ends one by its token may not be known any more. */
      async function ownerOf(sessionId: string | undefined): Promise<string | null> {
        if (sessionId === undefined) return null
        const [first] = await table.find({ where: { session_id: sessionId }, order: 'id', limit: 1 })
        return first?.user_id ?? null
      }

      return {
        hooks: {
          savingUser(saving) {
            const { ctx, user } = saving
            const name = user === null ? 'account.created' : 'account.updated'
            if (!isAudited(name)) return
            addRows(saving, ({ user: { id: userId } }) => {
              const at = now()
              // Looked at as it is written: a hook that came later may have put other values in.
              const detail = writtenOf(saving.values, user === null)
              return [table.beside(entryOf(ctx, { id: newId(at), at, name, userId, detail }))]
            })
          },
          deletingUser({ ctx, user: { id: userId } }) {
            const name = 'account.deleted'
            if (!isAudited(name)) return
            const at = now()
            return [table.beside(entryOf(ctx, { id: newId(at), at, name, userId }))]
          },
          noting({ ctx, event: { name, at, userId = null, sessionId, detail } }) {
            if (!isAudited(name)) return []
            const entry = entryOf(ctx, { id: newId(at), at, name, userId, sessionId, detail })
            // Whose session a token ended, and how many sessions ended: the write itself knows.
            return [
              table.beside(entry, {
                ...(userId === null && { user_id: 'userId', ...(entry.actor_id === null && { actor_id: 'userId' }) }),
                ...(name === 'sessions.ended' && { detail: 'count' }),
              }),
            ]
          },
          async happened({ ctx, event, isNoted }) {
            const { name, at, sessionId, identifier, detail } = event
            retention.pruneSoon()
            if (isNoted || WRITTEN_BESIDE.has(name) || !isAudited(name)) return
            const userId = event.userId ?? (await ownerOf(sessionId))
            const identifierHash = identifier === undefined ? null : hashOf(identifier)
            await table.insert(entryOf(ctx, { id: newId(at), at, name, userId, sessionId, identifierHash, detail }))
          },
        },
        verbs: {
          find: async (query = {}) => findEvents(table, query, hashesOf),
          forget: (userId, { tenant = '' } = {}) => forgetUser(table, userId, tenant),
          prune: retention.prune,
        },
        close: retention.close,
      }
    },
  }
}
