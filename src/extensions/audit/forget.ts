import type { Table } from '../../stores/table.js'
import type { AuditRow } from './events.js'

const BATCH = 500
const NOTHING = { address: null, user_agent: null, identifier_hash: null } as const

async function forgetWhere(table: Table<AuditRow>, where: Partial<AuditRow>): Promise<readonly string[]> {
  const forgotten: string[] = []
  let end: string | null = null
  for (;;) {
    const before: { below?: Partial<AuditRow> } = end === null ? {} : { below: { id: end } }
    const page = await table.find({ where, ...before, order: 'id', descending: true, limit: BATCH })
    const last = page.at(-1)
    if (!last) return forgotten
    await table.update({ where, from: { id: last.id }, ...before }, NOTHING)
    forgotten.push(...page.map(({ id }) => id))
    end = last.id
  }
}

/** Takes address, user agent and identifier out of all events about a user or by them, batch by batch. How many it was. */
export async function forgetUser(table: Table<AuditRow>, userId: string, tenant: string): Promise<number> {
  if (typeof userId !== 'string' || userId === '') throw new TypeError('`forget` takes the id of a user')
  const about = await forgetWhere(table, { user_id: userId, tenant })
  const by = await forgetWhere(table, { actor_id: userId, tenant })
  return new Set([...about, ...by]).size
}
