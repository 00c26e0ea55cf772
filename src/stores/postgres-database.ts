import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely'
import { Problem } from '../base/problem.js'
import type { SqlDatabase, SqlQuery, SqlRow, SqlStatement } from '../base/sql-database.js'
import { sha1 } from '../tokens/digest.js'

interface PostgresResult {
  readonly rows: readonly SqlRow[]
  readonly rowCount: number | null
}

/** What is used of a connection of `pg`. */
interface PostgresClient {
  query(query: { name?: string; text: string; values?: readonly unknown[] }): Promise<PostgresResult>
  release(destroy?: boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** What is used of a `Pool` of `pg`. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>
  on(event: 'error', listener: (error: Error) => void): unknown
  end(): Promise<void>
  readonly waitingCount: number
}

export interface PostgresOptions {
  /**
   * Most ms for a statement and for getting a connection to run it on; then the connection is destroyed. Give the pool
   * the same as `statement_timeout`, so that PostgreSQL gives up as well. Default: 500.
   */
  deadlineMs?: number
  /** Requests that may wait for a connection; more are refused at once. Default: 1000. */
  maxWaiting?: number
}

export interface PostgresDatabase extends SqlDatabase {
  readonly dialect: 'postgres'
  readonly pool: PostgresPool
  close(): Promise<void>
}

/** Errors after which nothing happened and the same statement may be tried again: serialization, deadlock. */
const TRY_AGAIN = new Set(['40001', '40P01'])
const ATTEMPTS = 3
const NO_TABLE = new Set(['42P01', '42703'])

interface Guarded {
  query(query: Parameters<PostgresClient['query']>[0]): Promise<PostgresResult>
  release(): void
}

/** What the server said of a statement leaves the connection whole; that it stops, or anything else, does not. */
function leavesWhole(error: { code?: string; routine?: string } | null): boolean {
  return typeof error?.routine === 'string' && !/^(?:08|57P|XX)/.test(error.code ?? '')
}

const heard = new WeakSet<PostgresClient>()

/** A connection that breaks in use says so to its query as well; unheard, it would end the process. */
async function connectHeard(pool: PostgresPool): Promise<PostgresClient> {
  const client = await pool.connect()
  if (!heard.has(client)) client.on('error', () => {})
  heard.add(client)
  return client
}

/** Rejects with `why` unless the work is done by a time of `performance.now()`; then what is late is handed to `late`. */
function inTime<T>(work: Promise<T>, until: number, why: string, late: (result: T | null) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let isLate = false
    const giveUp = () => {
      isLate = true
      late(null)
      reject(new Error(why))
    }
    // Once more round the event loop: a process that was busy may have the answer and not have read it.
    let timer = setTimeout(() => {
      timer = setTimeout(giveUp)
    }, until - performance.now())
    work.then(
      result => {
        clearTimeout(timer)
        if (isLate) late(result)
        else resolve(result)
      },
      error => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}

type Connect = (until?: number) => Promise<Guarded>

/** Connections that answer within the deadline or are destroyed: a late reply must never meet another request. */
function guardedPool(pool: PostgresPool, { deadlineMs, maxWaiting }: Required<PostgresOptions>): Connect {
  /** The first query shares the time of getting the connection; each later one has its own. */
  function guard(client: PostgresClient, firstUntil: number): Guarded {
    let until: number | null = firstUntil
    let released = false
    const release = (destroy: boolean) => {
      if (!released) client.release(destroy)
      released = true
    }
    return {
      async query(query) {
        const end = until ?? performance.now() + deadlineMs
        until = null
        try {
          return await inTime(client.query(query), end, 'PostgreSQL did not answer in time', () => release(true))
        } catch (error) {
          if (!leavesWhole(error as { code?: string })) release(true)
          throw error
        }
      },
      release: () => release(false),
    }
  }

  return async (until = performance.now() + deadlineMs) => {
    if (pool.waitingCount >= maxWaiting) throw new Error('too many wait for a PostgreSQL connection')
    // Whoever waited too long has been answered: what they wanted must not happen any more.
    const late = (client: PostgresClient | null) => client?.release()
    return guard(await inTime(connectHeard(pool), until, 'no PostgreSQL connection in time', late), until)
  }
}

/** `?` as PostgreSQL numbers them. Our statements hold no `?` in texts. */
function numbered(sql: string): string {
  let count = 0
  return sql.replace(/\?/g, () => `$${++count}`)
}

function statement(connect: Connect, deadlineMs: number, sql: string): SqlStatement {
  const text = numbered(sql)
  // By its text, so that two copies of this package agree on a connection they share.
  const name = `pawl_${sha1(text)}`

  async function once(values: readonly unknown[], until: number): Promise<PostgresResult> {
    const connection = await connect(until)
    try {
      return await connection.query({ name, text, values })
    } finally {
      connection.release()
    }
  }

  /** All attempts within one deadline: nothing is written after the caller has been answered. */
  async function run(values: readonly unknown[]): Promise<PostgresResult> {
    const until = performance.now() + deadlineMs
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(values, until)
      } catch (error) {
        const { code = '' } = error as { code?: string }
        if (NO_TABLE.has(code)) throw missingTables(error)
        if (!TRY_AGAIN.has(code) || attempt === ATTEMPTS || performance.now() >= until) throw error
      }
    }
  }

  return {
    get: async (...values) => (await run(values)).rows[0],
    all: async (...values) => (await run(values)).rows,
    run: async (...values) => ({ changes: (await run(values)).rowCount ?? 0 }),
  }
}

/** Runs a transaction on one connection. Where it fails the connection is rolled back, or gone. */
async function atomically(
  connect: Connect,
  first: SqlQuery,
  then: (rows: readonly SqlRow[]) => readonly SqlQuery[],
): Promise<readonly SqlRow[]> {
  const connection = await connect()
  const run = ({ sql, parameters }: SqlQuery) => connection.query({ text: sql, values: parameters })
  try {
    await connection.query({ text: 'begin' })
    const { rows } = await run(first)
    for (const query of then(rows)) await run(query)
    await connection.query({ text: 'commit' })
    return rows
  } catch (error) {
    // A connection that was destroyed has nothing to roll back. The first error is the one to tell.
    await connection.query({ text: 'rollback' }).catch(() => {})
    throw error
  } finally {
    connection.release()
  }
}

function missingTables(cause: unknown): Problem {
  const message = 'the database has not the tables of this Pawl: run `pawl migrate`, or call `migrate(database)`'
  return new Problem('unavailable', { cause: new Error(message, { cause }) })
}

interface Known {
  readonly database: PostgresDatabase
  readonly options: Required<PostgresOptions>
}

const databases = new WeakMap<PostgresPool, Known>()

/** A connection without deadlines: neither ours nor the one the pool may have set. */
async function patientConnection(pool: PostgresPool): Promise<PostgresPoolClient> {
  const client = await connectHeard(pool)
  await client.query({ text: 'set statement_timeout = 0' })
  const release = () => {
    client.query({ text: 'reset statement_timeout' }).then(
      () => client.release(),
      () => client.release(true),
    )
  }
  return { query: (text: string, values: readonly unknown[]) => client.query({ text, values }), release } as never
}

function kyselyOver(connect: () => Promise<PostgresPoolClient>): SqlDatabase['kysely'] {
  return new Kysely({ dialect: new PostgresDialect({ pool: { connect, end: async () => {} } }) })
}

/**
 * A PostgreSQL database over a `Pool` of `pg`; the same pool gives the same database, so that stores and users share it.
 * Give the pool a `connectionTimeoutMillis`. Each statement is one round trip on one connection; a pool of one is enough.
 */
export function postgresDatabase(pool: PostgresPool, options: PostgresOptions = {}): PostgresDatabase {
  const known = databases.get(pool)
  const { deadlineMs = known?.options.deadlineMs ?? 500, maxWaiting = known?.options.maxWaiting ?? 1000 } = options
  if (known) {
    if (deadlineMs === known.options.deadlineMs && maxWaiting === known.options.maxWaiting) return known.database
    throw new TypeError('this pool has a database with other options already: pass them where it is made first')
  }
  const complete = { deadlineMs, maxWaiting }
  const connect = guardedPool(pool, complete)
  // An idle connection that breaks is replaced by the pool; unheard, it would end the process.
  pool.on('error', () => {})
  const database: PostgresDatabase = {
    dialect: 'postgres',
    pool,
    prepare: sql => statement(connect, deadlineMs, sql),
    atomically: (first, then) => atomically(connect, first, then),
    kysely: kyselyOver(async () => {
      const { query, release } = await connect()
      return { query: (text: string, values: readonly unknown[]) => query({ text, values }), release } as never
    }),
    patient: kyselyOver(() => patientConnection(pool)),
    close: () => pool.end(),
  }
  databases.set(pool, { database, options: complete })
  return database
}
