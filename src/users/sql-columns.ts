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

type Row = Readonly<Record<string, unknown>>

/** Turns accounts into rows of a table and back, whatever its columns are called. */
export interface Rows<User extends BaseUser> {
  readonly table: string
  readonly columns: Columns
  /** All columns that are read. */
  readonly names: readonly string[]
  readonly fields: readonly string[]
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

/** The columns that a broken unique index is on, as SQLite and PostgreSQL say it. */
function brokenColumns(error: unknown): string | null {
  const { message = '', detail = '', cause } = error as { message?: string; detail?: string; cause?: unknown }
  if (!/unique/i.test(message)) return cause instanceof Error ? brokenColumns(cause) : null
  const named = /^Key \((.*?)\)=/.exec(detail)?.[1] ?? /failed: (.*)$/.exec(message)?.[1]
  return named ?? message
}

function mentions(text: string, column: string | null): boolean {
  return column !== null && text.split(/\W+/).includes(column)
}

export function sqlRows<User extends BaseUser>(
  { dialect }: Pick<SqlDatabase, 'dialect'>,
  { table, columns: renamed = {}, fields = {}, times = 'ms' }: SqlUsersOptions,
): Rows<User> {
  const columns = { ...NEEDED, ...(table === undefined ? REST : NONE), ...renamed } as Columns
  const own = Object.entries(fields).map(([name, field]) =>
    typeof field === 'string' ? { name, column: name, kind: field } : { name, ...field },
  )
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
    if (kind === 'json') return typeof value === 'string' ? JSON.parse(value) : value
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
    decode,
    encode(values, given = {}) {
      const row: Record<string, unknown> = {}
      for (const [name, value] of Object.entries(values)) {
        const column = columns[name as keyof Columns]
        if (column !== null) row[column] = isTime(name) ? timeIn(value) : value
        else if (!/^(?:created|updated)At$/.test(name) && value !== null && value !== '') {
          throw new TypeError(`the users' table has no column for \`${name}\`: name it in \`columns\` of sqlUsers`)
        }
      }
      for (const { name, column, kind } of own) if (name in given) row[column] = fieldIn(kind, given[name])
      return row
    },
    taken(error) {
      const broken = brokenColumns(error)
      if (broken === null) return error
      if (mentions(broken, columns.email)) return new Problem('email_taken', { cause: error })
      return mentions(broken, columns.username) ? new Problem('username_taken', { cause: error }) : error
    },
  }
}
