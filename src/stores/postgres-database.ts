import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely'
import { Problem } from '../base/problem.js'
import type { SqlDatabase, SqlRow, SqlStatement } from '../base/sql-database.js'

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
  /** Most ms for getting a connection and for each statement on it; then the connection is destroyed. Default: 500. */
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

/** Connections that answer within the deadline or are destroyed: a late reply must never meet another request. */
function guardedPool(pool: PostgresPool, { deadlineMs = 500, maxWaiting = 1000 }: PostgresOptions) {
  const heard = new WeakSet<PostgresClient>()

  function guard(client: PostgresClient): Guarded {
    // A connection that breaks in use says so to its query as well; unheard, it would end the process.
    if (!heard.has(client)) client.on('error', () => {})
    heard.add(client)
    let released = false
    const release = (destroy: boolean) => {
      if (!released) client.release(destroy)
      released = true
    }
    return {
      query: query =>
        new Promise((resolve, reject) => {
          const timer = setTimeout(() => {
            release(true)
            reject(new Error('PostgreSQL did not answer in time'))
          }, deadlineMs)
          client.query(query).then(
            result => {
              clearTimeout(timer)
              resolve(result)
            },
            error => {
              clearTimeout(timer)
              // What the server said about a statement leaves the connection whole; anything else does not.
              if (error?.severity !== 'ERROR') release(true)
              reject(error)
            },
          )
        }),
      release: () => release(false),
    }
  }

  return function connect(): Promise<Guarded> {
    if (pool.waitingCount >= maxWaiting) return Promise.reject(new Error('too many wait for a PostgreSQL connection'))
    return new Promise((resolve, reject) => {
      let late = false
      const timer = setTimeout(() => {
        late = true
        reject(new Error('no PostgreSQL connection in time'))
      }, deadlineMs)
      pool.connect().then(
        client => {
          clearTimeout(timer)
          // Whoever waited has been answered: what they wanted must not happen any more.
          if (late) client.release()
          else resolve(guard(client))
        },
        error => {
          clearTimeout(timer)
          reject(error)
        },
      )
    })
  }
}

/** `?` as PostgreSQL numbers them. Our statements hold no `?` in texts. */
function numbered(sql: string): string {
  let count = 0
  return sql.replace(/\?/g, () => `$${++count}`)
}

let prepared = 0

function statement(connect: () => Promise<Guarded>, sql: string): SqlStatement {
  const text = numbered(sql)
  const name = `pawl_${++prepared}`

  async function once(values: readonly unknown[]): Promise<PostgresResult> {
    const connection = await connect()
    try {
      return await connection.query({ name, text, values })
    } finally {
      connection.release()
    }
  }

  async function run(values: readonly unknown[]): Promise<PostgresResult> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(values)
      } catch (error) {
        const { code = '' } = error as { code?: string }
        if (NO_TABLE.has(code)) throw missingTables(error)
        if (!TRY_AGAIN.has(code) || attempt === ATTEMPTS) throw error
      }
    }
  }

  return {
    get: async (...values) => (await run(values)).rows[0],
    all: async (...values) => (await run(values)).rows,
    run: async (...values) => ({ changes: (await run(values)).rowCount ?? 0 }),
  }
}

function missingTables(cause: unknown): Problem {
  const message = 'the database has not the tables of this Pawl: run `pawl migrate`, or call `migrate(database)`'
  return new Problem('unavailable', { cause: new Error(message, { cause }) })
}

interface Known {
  readonly database: PostgresDatabase
  readonly options: PostgresOptions
}

const databases = new WeakMap<PostgresPool, Known>()

function kyselyOver(connect: () => Promise<PostgresPoolClient>): SqlDatabase['kysely'] {
  return new Kysely({ dialect: new PostgresDialect({ pool: { connect, end: async () => {} } }) })
}

/**
 * A PostgreSQL database over a `Pool` of `pg`; the same pool gives the same database, so that stores and users share it.
 * Give the pool a `connectionTimeoutMillis`. Each statement is one round trip on one connection; a pool of one is enough.
 */
export function postgresDatabase(pool: PostgresPool, options: PostgresOptions = {}): PostgresDatabase {
  const known = databases.get(pool)
  if (known) {
    const { deadlineMs = known.options.deadlineMs, maxWaiting = known.options.maxWaiting } = options
    if (deadlineMs === known.options.deadlineMs && maxWaiting === known.options.maxWaiting) return known.database
    throw new TypeError('this pool has a database with other options already: pass them where it is made first')
  }
  const connect = guardedPool(pool, options)
  // An idle connection that breaks is replaced by the pool; unheard, it would end the process.
  pool.on('error', () => {})
  const database: PostgresDatabase = {
    dialect: 'postgres',
    pool,
    prepare: sql => statement(connect, sql),
    kysely: kyselyOver(async () => {
      const { query, release } = await connect()
      return { query: (text: string, values: readonly unknown[]) => query({ text, values }), release } as never
    }),
    patient: kyselyOver(() => pool.connect() as unknown as Promise<PostgresPoolClient>),
    close: () => pool.end(),
  }
  databases.set(pool, { database, options })
  return database
}
