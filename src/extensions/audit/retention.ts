import type { SqlStatement } from '../../base/sql-database.js'
import { bounded } from '../../stores/bounded.js'
import { DIALECTS } from '../../stores/sql-dialect.js'
import type { Table } from '../../stores/table.js'
import type { ExtensionTools } from '../extension.js'
import { firstIdAt } from './event-id.js'
import { AUDIT_EVENTS, type AuditRow } from './events.js'

const PRUNE_EVERY_MS = 60_000
const BATCH = 500

/** Deletes what is older than the retention. */
export interface Retention {
  /** One batch, at most once a minute, and more often while there is more. Nobody waits for it, and it fails nothing. */
  pruneSoon(): void
  /** All of it, batch by batch. How many rows went. */
  prune(): Promise<number>
  /** Waits for a batch that is being deleted. */
  close(): Promise<void>
}

/** `retentionMs` is null for a log that is kept forever. */
export function auditRetention(
  { database, deadlineMs, now }: Pick<ExtensionTools, 'database' | 'deadlineMs' | 'now'>,
  table: Table<AuditRow>,
  retentionMs: number | null,
): Retention {
  let statement: SqlStatement | null = null
  let prunedAt = now()
  let running: Promise<void> | null = null

  async function pruneBatch(keptMs: number): Promise<number> {
    const end = firstIdAt(now() - keptMs)
    if (database === null || database === 'memory') return (await table.delete({ below: { id: end } })).length
    const { name } = AUDIT_EVENTS
    // Prepared late: a table that is not there fails what is written, and not the start.
    statement ??= database.prepare(
      `delete from ${name} where id in
       (select id from ${name} where id < ? order by id limit ${BATCH} ${DIALECTS[database.dialect].skipLocked})`,
    )
    const prepared = statement
    return Number((await bounded(() => prepared.run(end), deadlineMs)).changes)
  }

  return {
    pruneSoon() {
      const time = now()
      if (retentionMs === null || running || (time >= prunedAt && time - prunedAt < PRUNE_EVERY_MS)) return
      running = pruneBatch(retentionMs)
        .then(
          deleted => {
            // A full batch means there is more: the next event goes on with it.
            if (deleted < BATCH) prunedAt = time
          },
          // Housekeeping that fails is tried again later.
          () => {
            prunedAt = time
          },
        )
        .finally(() => {
          running = null
        })
    },
    async prune() {
      let all = 0
      if (retentionMs === null) return all
      for (;;) {
        const deleted = await pruneBatch(retentionMs)
        all += deleted
        if (deleted < BATCH) return all
      }
    },
    close: async () => void (await running),
  }
}
