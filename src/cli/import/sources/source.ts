import type { Cells } from '../cells.js'

/** What a source says of one user. */
export interface Person {
  readonly id: string | null
  readonly email: string | null
  /** As the source has it; null without a password. */
  readonly hash?: string | null
  readonly createdAt: number | null
  readonly confirmedAt?: number | null
  /** Until when nobody lets them in: Infinity for ever; null for everybody else. */
  readonly suspendedUntil?: number | null
  /** Why they are no users any more, or never were. */
  readonly leftOut?: 'deleted' | 'anonymous' | null
}

/** A session that somebody has open at the source. */
export interface OpenSession {
  readonly userId: string
  /** As the client presents it. */
  readonly token: string
  readonly expiresAt: number
}

/** Which rows hold something. */
export interface TableRule {
  /** Names of tables without their schemas, in any spelling and number: `user`, `Users`. */
  readonly names: readonly string[]
  /** The schema it is in, where there may be others of the name. */
  readonly schema?: string
  /** Columns that tell it in a file that names no table. */
  readonly needs: readonly string[]
}

export interface Reading {
  readonly now: number
  /** How long a session lives that does not say when it ends, in ms; null for the source's own. */
  readonly sessionMs: number | null
  /** `'ignore'` takes users in as they are whom too many wrong passwords locked. */
  readonly locked: 'suspend' | 'ignore'
}

/** A tool whose users can be imported. */
export interface Source {
  readonly users: TableRule
  person(row: Cells, reading: Reading): Person
  /** Where passwords have a table of their own. Null for a row without one. */
  readonly passwords?: TableRule
  password?(row: Cells): { readonly userId: string; readonly hash: string } | null
  readonly sessions?: TableRule
  /** Null for a row that is none, or over. */
  session?(row: Cells, reading: Reading): OpenSession | null
}

const DAY_MS = 86_400_000

/** When a session ends that only says when it began. */
export function endAfter(began: number | null, { sessionMs }: Reading, days: number): number {
  return (began ?? 0) + (sessionMs ?? days * DAY_MS)
}

/** A mark that holds for ever, and from when on does not matter. */
export function forEver(is: boolean): number | null {
  return is ? Number.POSITIVE_INFINITY : null
}

/** What locks a user of Devise and of Pow, until somebody unlocks them. */
export function lockedUntil(row: Cells, { locked }: Reading): number | null {
  return locked === 'ignore' ? null : forEver(row.raw('locked_at') !== null)
}
