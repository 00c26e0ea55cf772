import type { Context } from '../../sessions/context.js'
import type { AccountChange, BaseUser, NewAccount } from '../../users/user.js'
import type { AuditOutcome, AuditRow } from './events.js'

/** What is known of an event, besides who asked and from where. */
export interface Happening {
  readonly id: string
  readonly at: number
  readonly name: string
  readonly userId: string | null
  readonly sessionId?: string | undefined
  readonly identifierHash?: string | null
  readonly detail?: string | undefined
}

const FAILURE = /\.(?:failed|refused|rejected|reused|exceeded)$/
const LONGEST = 256

/** Text as a row may hold it: bounded, and of characters that every database takes and no terminal obeys. */
function text(value: string | null | undefined): string | null {
  if (value === null || value === undefined || value === '') return null
  return value.slice(0, LONGEST).replace(/[\p{Cc}\p{Cs}]/gu, '\ufffd')
}

export function outcomeOf(name: string): AuditOutcome {
  return FAILURE.test(name) ? 'failure' : 'success'
}

/** Who does it. A context without a request knows of a user only whom it is about. */
function actorOf<User extends BaseUser>(ctx: Context<User> | null, { name, userId }: Happening): string | null {
  if (ctx === null) return null
  if (ctx.actor !== null) return ctx.actor
  if (ctx.id === '') return null
  // Whoever signs out holds the session, and is nobody by the time it is over.
  return ctx.user?.id ?? ctx.session?.userId ?? (name === 'session.ended' ? userId : null)
}

/** The row of an event. */
export function entryOf<User extends BaseUser>(ctx: Context<User> | null, happening: Happening): AuditRow {
  const { id, at, name, userId, sessionId, identifierHash = null, detail } = happening
  return {
    id,
    at,
    tenant: ctx?.tenant ?? '',
    name: text(name) ?? '',
    outcome: outcomeOf(name),
    user_id: text(userId),
    actor_id: text(actorOf(ctx, happening)),
    session_id: text(sessionId ?? ctx?.session?.id),
    address: text(ctx?.address),
    user_agent: text(ctx?.device.userAgent),
    request_id: text(ctx?.id),
    identifier_hash: identifierHash,
    detail: text(detail),
  }
}

/** What was written of a user, in words: the names of what changed, and the role, which is trusted code's own word. */
export function writtenOf(values: NewAccount | AccountChange, isNew: boolean): string {
  const role = values.role !== undefined && `role=${values.role}`
  if (isNew) return role || ''
  const { passwordHash, email, username, suspendedAt, fields } = values as AccountChange
  const words = [
    passwordHash !== undefined && 'password',
    email !== undefined && 'email',
    username !== undefined && 'username',
    role,
    suspendedAt !== undefined && (suspendedAt === null ? 'unsuspended' : 'suspended'),
    fields !== undefined && 'fields',
  ]
  return words.filter(word => word !== false).join(' ')
}
