import type { SqlStatement } from '../../src/base/sql-database.js'
import type { SqlDatabase } from '../../src/index.js'

/** A database that a test takes away. */
export interface AwayDatabase {
  readonly database: SqlDatabase
  /** How many statements it ran since the last call of `fail`. */
  readonly count: () => number
  /** Lets the statements from this one on fail, up to another: 1 is the next. */
  fail(from: number, until?: number): void
  restore(): void
  /** Does something after the next query and before its result is seen: what a race may do there. */
  afterNext(work: () => Promise<unknown>): void
}

/** The same database, whose statements are counted and fail when a test says so. */
export function awayDatabase(database: SqlDatabase): AwayDatabase {
  let count = 0
  let from = Number.POSITIVE_INFINITY
  let until = Number.POSITIVE_INFINITY
  let between: (() => Promise<unknown>) | null = null

  function tick(): void {
    count++
    if (count >= from && count < until) throw new Error('connection refused')
  }

  const kysely = database.kysely.withPlugin({
    transformQuery({ node }) {
      tick()
      return node
    },
    async transformResult({ result }) {
      const work = between
      between = null
      await work?.()
      return result
    },
  })

  function counted(statement: SqlStatement): SqlStatement {
    const verb =
      <Values extends unknown[], Result>(run: (...values: Values) => Result) =>
      (...values: Values) => {
        tick()
        return run(...values)
      }
    return {
      get: verb((...values) => statement.get(...values)),
      all: verb((...values) => statement.all(...values)),
      run: verb((...values) => statement.run(...values)),
    }
  }

  return {
    database: { ...database, kysely, prepare: sql => counted(database.prepare(sql)) },
    count: () => count,
    fail(first, last = Number.POSITIVE_INFINITY) {
      count = 0
      from = first
      until = last
    },
    restore() {
      from = Number.POSITIVE_INFINITY
    },
    afterNext(work) {
      between = work
    },
  }
}
