import type { Awaitable } from '../base/awaitable.js'
import type { JsonObject } from '../base/json.js'
import type { RowBeside } from './table.js'

/** Where a request came from. */
export interface Device {
  readonly userAgent: string | null
  readonly address: string | null
}

/** One session, for its whole life. Nothing in it lets the bearer of a copied database sign in. Times are ms since 1970. */
export interface Session {
  /** A UUID. Public: lists show it, and "end this session" names it. */
  readonly id: string
  readonly userId: string
  /** SHA-256 of the secret that only the client's tokens hold. */
  readonly secretHash: Uint8Array
  /** 0 at sign-in, one more at each renewal; never goes back. */
  readonly generation: number
  /** The user's credential epoch at sign-in. A session below its user's epoch is over. */
  readonly credentialEpoch: number
  readonly createdAt: number
  /** Moves when the user proves the password again. */
  readonly authenticatedAt: number
  readonly renewedAt: number
  readonly accessExpiresAt: number
  /** Slides with each renewal. */
  readonly renewalExpiresAt: number
  /** Never moves. */
  readonly expiresAt: number
  /** How identity was proven: RFC 8176 names. */
  readonly methods: readonly string[]
  readonly createdBy: Device
  readonly renewedBy: Device
  /** Hash of the `Idempotency-Key` that made this generation, keyed by the session's secret. */
  readonly retryKeyHash: string | null
  /** The application's own. */
  readonly data: JsonObject
}

/** What a renewal changes. */
export type Renewed = Pick<
  Session,
  'generation' | 'renewedAt' | 'accessExpiresAt' | 'renewalExpiresAt' | 'renewedBy' | 'retryKeyHash'
>

/** What may change without a renewal. */
export type SessionChange = Partial<Pick<Session, 'authenticatedAt' | 'methods' | 'credentialEpoch' | 'data'>>

/** The table a session is read together with, where sessions and users live in one database. */
export interface JoinedTable {
  readonly table: string
  /** The column that holds the user's id. */
  readonly key: string
  /** What that column is; sessions keep the id as text. Default: `'text'`. */
  readonly keyType?: 'text' | 'uuid' | 'integer'
  /** Of text and numbers alone: a store may carry them as JSON. */
  readonly columns: readonly string[]
}

export interface SessionWithRow {
  readonly session: Session
  /** The joined row by column name; null when there is none. */
  readonly row: Readonly<Record<string, unknown>> | null
}

/**
 * Rows that are written with a change of sessions, if it changes a live one, or not at all. Who calls it writes them, and
 * throws a `RowsRefused` where the database will not have them. Who has no tables ignores it.
 */
export type SessionRows = () => readonly RowBeside[]

/** Keeps sessions. Every verb is one atomic step, with its rows: one statement, one script, one synchronous block. */
export interface SessionStore {
  insert(session: Session, rows?: SessionRows): Awaitable<void>
  /** Null: unknown, or past its end (`renewalExpiresAt` or `expiresAt`). */
  find(id: string): Awaitable<Session | null>
  /** Applies `next` only while the generation is still `from`. The stored session, or null when the swap was lost. */
  advance(id: string, from: number, next: Renewed, rows?: SessionRows): Awaitable<Session | null>
  /** Null when there is no such session. */
  update(id: string, change: SessionChange, rows?: SessionRows): Awaitable<Session | null>
  /** True when there was one. */
  delete(id: string, rows?: SessionRows): Awaitable<boolean>
  /** Live sessions, oldest first. */
  listByUser(userId: string): Awaitable<readonly Session[]>
  /** How many were ended. */
  deleteByUser(
    userId: string,
    options?: { readonly except?: string; readonly rows?: SessionRows | undefined },
  ): Awaitable<number>
  /**
   * Resolves once what is stored of a session is as safe as a write that was answered. Left out where it always is.
   * A retry of a write whose answer was lost is answered after it.
   */
  settle?(id: string): Awaitable<void>
  /** `find` with a row of another table in one query. Left out where the store cannot join. */
  findWith?(id: string, joined: JoinedTable): Awaitable<SessionWithRow | null>
}

/** A database would not have the rows of a change. Nothing was changed. */
export interface RowsRefused extends Error {
  readonly rowsRefused: true
}

/** The moment after which a session can do nothing any more. */
export function endOf(session: Pick<Session, 'renewalExpiresAt' | 'expiresAt'>): number {
  return Math.min(session.renewalExpiresAt, session.expiresAt)
}
