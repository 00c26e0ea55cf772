import { mistake } from '../base/mistake.js'
import { Problem } from '../base/problem.js'
import type { SqlDatabase } from '../base/sql-database.js'
import type { FieldKind, SqlUsersOptions } from './sql.js'
import type { Account, BaseUser, OwnFields } from './user.js'

/** The columns there are, by what they hold. */
export interface Columns {
  readonly id: string
  readonly passwordHash: string
  readonly credentialEpoch: string
  readonly email: string | null
  readonly username: string | null
  readonly role: string | null
  readonly tenant: string | null
  readonly suspendedAt: string | null
  readonly createdAt: string | null
  readonly updatedAt: string | null
}

const NEEDED = { id: 'id', email: 'email', passwordHash: 'password_hash', credentialEpoch: 'credential_epoch' }
const REST = {
  username: 'username',
  role: 'role',
  tenant: 'tenant',
  suspendedAt: 'suspended_at',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
}
const NONE = Object.fromEntries(Object.keys(REST).map(name => [name, null]))

export type Row = Readonly<Record<string, unknown>>

/** Turns accounts into rows of a table and back, whatever its columns are called. */
export interface Rows<User extends BaseUser> {
  readonly table: string
  readonly columns: Columns
  /** All columns that are read. */
  readonly names: readonly string[]
  readonly fields: readonly string[]
  /** What each of the app's own fields holds. */
  readonly kinds: Readonly<Record<string, FieldKind>>
  decode(row: Row): Account<User>
  /** The columns and values of what is named; what the table has no column for throws `TypeError`. */
  encode(values: Partial<Record<keyof Columns, unknown>>, fields?: OwnFields): Record<string, unknown>
  /** What a broken unique index means; another error as it is. */
  taken(error: unknown): unknown
}

function timeOf(value: unknown): number {
  if (value === null || value === undefined) return 0
  if (value instanceof Date) return value.getTime()
  // Whole numbers come as text where the driver fears to round them.
  const number = Number(value)
  return Number.isNaN(number) ? Date.parse(String(value)) : number
}

/** Tells whether a column is in the unique index that an error is about; null for an error about none. */
function brokenIndex(error: unknown): ((column: string | null) => boolean) | null {
  const { code, message = '', detail = '', cause } = error as Error & { code?: string; detail?: string }
  if (code !== '23505' && !/unique/i.test(message)) return cause instanceof Error ? brokenIndex(cause) : null
  // PostgreSQL: `Key (tenant, lower("e-mail"))=(…) already exists.`, in its own language.
  const listed = /\((.*?)\)=\(/.exec(detail)?.[1]?.matchAll(/"([^"]+)"|[\p{L}\p{N}_$]+/gu)
  // SQLite: `UNIQUE constraint failed: users.tenant, users.email`
  const dotted = / failed: ([^']+)$/.exec(message)?.[1]?.split(', ')
  const names = listed
    ? [...listed].map(([word, inQuotes]) => inQuotes ?? word)
    : dotted?.map(name => name.slice(name.lastIndexOf('.') + 1))
  // An index on expressions may be known by its name alone.
  return column => column !== null && (names ? names.includes(column) : message.includes(column))
}

const KINDS: readonly FieldKind[] = ['text', 'number', 'boolean', 'json']

/** Throws `TypeError` for options that there are not, before they are sent to a database. */
function checkOptions({ columns = {}, fields = {}, ids = 'text', times = 'ms' }: SqlUsersOptions): void {
  for (const [name, column] of Object.entries(columns)) {
    const isKnown = Object.hasOwn(NEEDED, name) || Object.hasOwn(REST, name)
    if (!isKnown || (column === null && name !== 'email' && Object.hasOwn(NEEDED, name))) {
      const known = Object.keys({ ...NEEDED, ...REST }).join(', ')
      throw new TypeError(`\`columns.${name}\` of sqlUsers is not what it should be; known are ${known}`)
    }
  }
  for (const [name, field] of Object.entries(fields)) {
    if (KINDS.includes(typeof field === 'string' ? field : field.kind)) continue
    throw new TypeError(`\`fields.${name}\` of sqlUsers must be of kind ${KINDS.join(', ')}`)
  }
  if (!['text', 'uuid', 'integer'].includes(ids)) throw new TypeError("`ids` must be 'text', 'uuid' or 'integer'")
  if (!['ms', 'timestamp'].includes(times)) throw new TypeError("`times` must be 'ms' or 'timestamp'")
}

export function sqlRows<User extends BaseUser>(
  { dialect }: Pick<SqlDatabase, 'dialect'>,
  options: SqlUsersOptions,
): Rows<User> {
  checkOptions(options)
  const { table, columns: renamed = {}, fields = {}, times = 'ms' } = options
  const columns = { ...NEEDED, ...(table === undefined ? REST : NONE), ...renamed } as Columns
  const own = Object.entries(fields).map(([name, field]) =>
    typeof field === 'string' ? { name, column: name, kind: field } : { name, ...field },
  )
  const taken = [...Object.values({ ...columns }), ...own.map(({ column }) => column)]
  const twice = own.find(({ column }) => taken.indexOf(column) !== taken.lastIndexOf(column))
  if (twice) {
    throw new TypeError(
      `\`fields.${twice.name}\` of sqlUsers has the column ${twice.column}, which holds something else`,
    )
  }
  const isTime = (name: string) => name.endsWith('At')

  function timeIn(value: unknown): unknown {
    if (value === null || times === 'ms') return value
    return dialect === 'sqlite' ? new Date(Number(value)).toISOString() : new Date(Number(value))
  }

  function fieldIn(kind: FieldKind, value: unknown): unknown {
    if (value === null || value === undefined) return null
    if (kind === 'json') return JSON.stringify(value)
    return kind === 'boolean' && dialect === 'sqlite' ? Number(value) : value
  }

  function fieldOut(kind: FieldKind, value: unknown): unknown {
    if (value === null || value === undefined) return null
    // PostgreSQL's driver has read it: a text is the value then.
    if (kind === 'json') return dialect === 'sqlite' ? JSON.parse(String(value)) : value
    if (kind === 'number') return Number(value)
    return kind === 'boolean' ? Boolean(value) : value
  }

  function decode(row: Row): Account<User> {
    const { username, role, tenant, suspendedAt, createdAt, updatedAt } = columns
    const user: BaseUser = {
      ...Object.fromEntries(own.map(({ name, column, kind }) => [name, fieldOut(kind, row[column])])),
      id: String(row[columns.id]),
      email: columns.email === null ? '' : ((row[columns.email] as string | null) ?? ''),
      ...(username !== null && { username: row[username] as string | null }),
      ...(role !== null && { role: row[role] as string }),
      ...(tenant !== null && row[tenant] !== '' && { tenant: row[tenant] as string }),
      ...(suspendedAt !== null && { suspendedAt: row[suspendedAt] == null ? null : timeOf(row[suspendedAt]) }),
      createdAt: createdAt === null ? 0 : timeOf(row[createdAt]),
      updatedAt: updatedAt === null ? 0 : timeOf(row[updatedAt]),
    }
    return {
      user: user as User,
      passwordHash: row[columns.passwordHash] as string | null,
      credentialEpoch: Number(row[columns.credentialEpoch]),
    }
  }

  return {
    table: table ?? 'users',
    columns,
    names: [...Object.values({ ...columns }).filter(name => name !== null), ...own.map(({ column }) => column)],
    fields: own.map(({ name }) => name),
    kinds: Object.fromEntries(own.map(({ name, kind }) => [name, kind])),
    decode,
    encode(values, given = {}) {
      const row: Record<string, unknown> = {}
      for (const [name, value] of Object.entries(values)) {
        const column = columns[name as keyof Columns]
        if (column !== null) row[column] = isTime(name) ? timeIn(value) : value
        else if (!/^(?:created|updated)At$/.test(name) && value !== null && value !== '') {
          throw mistake(`the users' table has no column for \`${name}\`: name it in \`columns\` of sqlUsers`)
        }
      }
      for (const { name, column, kind } of own) if (Object.hasOwn(given, name)) row[column] = fieldIn(kind, given[name])
      return row
    },
    taken(error) {
      const isBroken = brokenIndex(error)
      if (!isBroken) return error
      if (isBroken(columns.email)) return new Problem('email_taken', { cause: error })
      return isBroken(columns.username) ? new Problem('username_taken', { cause: error }) : error
    },
  }
}
