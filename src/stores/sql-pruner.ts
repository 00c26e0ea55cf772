import { isPromise } from '../base/awaitable.js'
import type { Clock } from '../base/clock.js'
import type { SqlDatabase } from '../base/sql-database.js'
import { DIALECTS } from './sql-dialect.js'

/** Expired rows go in small batches, now and then, when something is written. */
const PRUNE_EVERY_MS = 60_000
const PRUNE_BATCH = 500

export interface Pruned {
  readonly table: string
  readonly key: string
  readonly end: string
}

/** Deletes one batch of expired rows at most once a minute, and more often while there are more. Nobody waits for it. */
export function pruner(database: SqlDatabase, now: Clock, { table, key, end }: Pruned): () => void {
  const { skipLocked } = DIALECTS[database.dialect]
  const statement = database.prepare(
    `delete from ${table} where ${key} in (select ${key} from ${table} where ${end} <= ? limit ${PRUNE_BATCH} ${skipLocked})`,
  )
  let prunedAt = now()
  let running = false
  return () => {
    const time = now()
    if (running || (time >= prunedAt && time - prunedAt < PRUNE_EVERY_MS)) return
    // A full batch means there is more: the next write goes on with it.
    const pruned = ({ changes }: { readonly changes: number | bigint }) => {
      if (Number(changes) < PRUNE_BATCH) prunedAt = time
    }
    const result = statement.run(time)
    if (!isPromise(result)) return pruned(result)
    running = true
    // Housekeeping that fails is tried again with a later write, and fails no request.
    void result
      .then(pruned, () => {})
      .finally(() => {
        running = false
      })
  }
}
