import { createHash } from 'node:crypto'
import { isUuid } from '../../base/uuid.js'
import { uuidAt } from '../../tokens/uuid.js'
import { isEmail, normalizeEmail } from '../../users/email.js'
import type { FieldKind } from '../../users/sql.js'
import { isUsername, normalizeUsername } from '../../users/username.js'
import { type Cells, flagOf, refusal } from './cells.js'
import { hashKind, storedHash } from './hash-kind.js'
import type { Person } from './sources/source.js'

/** A user as it is to be written. */
export interface Prepared {
  readonly oldId: string | null
  /** Not heeded by users whose ids are the database's own. */
  readonly id: string
  readonly email: string | null
  readonly username: string | null
  readonly passwordHash: string | null
  readonly createdAt: number
  /** True where the source says when it was made. */
  readonly isDated: boolean
  readonly confirmedAt: number | null
  /** When it was imported, in ms since 1970. */
  readonly importedAt: number
  /** False where the source says nothing of it. */
  readonly tellsConfirmed: boolean
  readonly suspendedAt: number | null
  readonly role: string | null
  readonly fields: Readonly<Record<string, unknown>>
}

/** Columns of the source by what they become here. */
export type Mapping = ReadonlyMap<string, string>

/** What `--map` may say besides the app's own fields. */
/** What sources call the column that says when an address was confirmed, or whether. */
const CONFIRMATION = ['email_confirmed_at', 'confirmed_at', 'email_verified', 'emailVerified']

export const MAPPED = ['id', 'email', 'username', 'password_hash', 'created_at', 'confirmed_at', 'role'] as const

export interface PreparedBy {
  /** Part of new ids: two sources with one name for two people need two of it. */
  readonly namespace: string
  readonly tenant: string
  readonly mapping: Mapping
  /** What the app's own fields hold, where that is known. */
  readonly kinds: Readonly<Record<string, FieldKind>>
  readonly now: number
}

/**
 * The id here of somebody who has another there: a UUID is kept, and of anything else a UUID of version 8 is made that is
 * the same each time. So a row that is read again is the same user, and rows of other tables find theirs.
 */
export function accountId({ namespace, tenant }: Pick<PreparedBy, 'namespace' | 'tenant'>, oldId: string): string {
  const uuid = oldId.toLowerCase()
  if (isUuid(uuid)) return uuid
  const text = JSON.stringify(['pawl/import', namespace, tenant, oldId])
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return uuidAt(bytes, 0)
}

/** A column, or with `column.member` a member of the JSON in it. */
function mappedValue(row: Cells, column: string): unknown {
  if (row.has(column) || !column.includes('.')) return row.raw(column)
  const [name = '', ...path] = column.split('.')
  const cell = row.raw(name)
  let value: unknown = typeof cell === 'string' ? JSON.parse(cell) : cell
  for (const member of path) {
    const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, member)
    value = isObject ? (value as Record<string, unknown>)[member] : null
  }
  return value === '' ? null : value
}

function fieldValue(kind: FieldKind | undefined, value: unknown, text: string): unknown {
  if (kind === 'number') {
    const number = Number(text)
    if (!Number.isFinite(number)) throw refusal('field_is_no_number')
    return number
  }
  if (kind === 'boolean') {
    if (!/^(?:t|f|true|false|0|1|yes|no)$/i.test(text)) throw refusal('field_is_no_boolean')
    return flagOf(text)
  }
  if (kind === 'json') return typeof value === 'string' ? JSON.parse(value) : value
  return kind === undefined ? value : text
}

function mappedFields(row: Cells, { mapping, kinds }: PreparedBy): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (const [field, column] of mapping) {
    if ((MAPPED as readonly string[]).includes(field)) continue
    const value = mappedValue(row, column)
    const text = value === null ? null : row.textOf(value)
    fields[field] = text === null ? null : fieldValue(kinds[field], value, text)
  }
  return fields
}

function emailOf(text: string | null, hasName: boolean): string | null {
  if (text === null) {
    if (hasName) return null
    throw refusal('no_address')
  }
  if (/\p{Cc}/u.test(text.trim())) throw refusal('control_characters')
  const email = normalizeEmail(text)
  if (!isEmail(email)) throw refusal('bad_address')
  return email
}

function usernameOf(text: string | null): string | null {
  if (text === null) return null
  const username = normalizeUsername(text)
  if (!isUsername(username)) throw refusal('bad_username')
  return username
}

/** The hash as it is stored. Throws for one that nothing could ever read. */
export function passwordHashOf(hash: string | null): string | null {
  if (hash === null) return null
  const stored = storedHash(hash)
  if (hashKind(stored) === null) throw refusal('unknown_hash')
  return stored
}

/** Checks what a source says of a user. Throws the reason for one who cannot be taken in. */
export function prepare(row: Cells, person: Person, by: PreparedBy): Prepared {
  const { mapping, now } = by
  const text = (name: string) => {
    const column = mapping.get(name)
    const value = column === undefined ? null : mappedValue(row, column)
    return value === null ? null : row.textOf(value)
  }
  const time = (name: string) => {
    const column = mapping.get(name)
    return column === undefined ? null : row.time(column)
  }
  const username = usernameOf(text('username'))
  const email = emailOf(text('email') ?? person.email, username !== null)
  const oldId = text('id') ?? person.id
  const createdAt = time('created_at') ?? person.createdAt
  const confirmedAt = time('confirmed_at') ?? person.confirmedAt ?? null
  const isSuspended = (person.suspendedUntil ?? 0) > now
  return {
    oldId,
    id: accountId(by, oldId ?? `address:${email ?? username}`),
    email,
    username,
    passwordHash: passwordHashOf(text('password_hash') ?? person.hash ?? null),
    createdAt: createdAt ?? now,
    isDated: createdAt !== null,
    confirmedAt,
    importedAt: now,
    tellsConfirmed: confirmedAt !== null || CONFIRMATION.some(name => row.has(name)),
    suspendedAt: isSuspended ? now : null,
    role: text('role'),
    fields: mappedFields(row, by),
  }
}
