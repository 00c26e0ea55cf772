import { chain } from '../base/awaitable.js'
import type { Clock } from '../base/clock.js'
import type { SqlDatabase } from '../base/sql-database.js'
import type { KeyValueStore } from './key-value-store.js'
import { pruner } from './sql-pruner.js'

/** Small values in the table `pawl_values`. */
export function sqlValues(database: SqlDatabase, now: Clock): KeyValueStore {
  const put = database.prepare(
    `insert into pawl_values (key, value, expires_at) values (?, ?, ?)
     on conflict (key) do update set value = excluded.value, expires_at = excluded.expires_at`,
  )
  const get = database.prepare('select value from pawl_values where key = ? and expires_at > ?')
  const take = database.prepare('delete from pawl_values where key = ? returning value, expires_at')
  const increment = database.prepare(
    `insert into pawl_values (key, value, expires_at) values (?, '1', ?)
     on conflict (key) do update set
       value = case when pawl_values.expires_at > ? then cast(cast(pawl_values.value as integer) + 1 as text) else '1' end,
       expires_at = case when pawl_values.expires_at > ? then pawl_values.expires_at else excluded.expires_at end
     returning value`,
  )
  const prune = pruner(database, now, { table: 'pawl_values', key: 'key', end: 'expires_at' })

  const takeText = (key: string) =>
    chain(take.all(key), ([row]) => (row && Number(row.expires_at) > now() ? String(row.value) : null))

  return {
    put(key, value, ttlMs) {
      return chain(put.run(key, JSON.stringify(value), now() + ttlMs), prune)
    },
    get: key => chain(get.get(key, now()), row => (row ? JSON.parse(String(row.value)) : null)),
    take: key => chain(takeText(key), text => (text === null ? null : JSON.parse(text))),
    increment(key, ttlMs) {
      return chain(increment.all(key, now() + ttlMs, now(), now()), ([row]) => {
        prune()
        return Number(row?.value)
      })
    },
    delete: key => chain(takeText(key), text => text !== null),
  }
}
