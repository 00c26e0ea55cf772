import type { SqlDatabase } from '../base/sql-database.js'
import { REVOCATIONS_CHANNEL } from './revocations.js'
import type { JoinedTable } from './session-store.js'

/** Where SQLite and PostgreSQL spell one thing in two ways. */
interface Dialect {
  /** One text with the values of `columns`. */
  jsonArray(columns: string): string
  /** The user's id in a session as what the users' own table has. */
  readonly userId: Readonly<Record<NonNullable<JoinedTable['keyType']>, string>>
  /** What a delete of sessions gives; in PostgreSQL it tells the other nodes with the same commit. */
  readonly ended: string
  /** True where one statement can change one table and insert into others. */
  readonly isOneStatement: boolean
  /** Makes a pruner leave rows alone that another node is pruning. */
  readonly skipLocked: string
}

const ENDED = 'id, user_id, renewal_expires_at, expires_at'

export const DIALECTS: Readonly<Record<SqlDatabase['dialect'], Dialect>> = {
  sqlite: {
    jsonArray: columns => `json_array(${columns})`,
    userId: { text: 's.user_id', uuid: 's.user_id', integer: 'cast(s.user_id as integer)' },
    ended: ENDED,
    isOneStatement: false,
    skipLocked: '',
  },
  postgres: {
    jsonArray: columns => `json_build_array(${columns})::text`,
    userId: { text: 's.user_id', uuid: 's.user_id::uuid', integer: 's.user_id::bigint' },
    ended: `${ENDED},
      case when least(renewal_expires_at, expires_at) > extract(epoch from now()) * 1000
        then pg_notify('${REVOCATIONS_CHANNEL}', json_build_object('session_id', id, 'user_id', user_id)::text)
      end`,
    isOneStatement: true,
    skipLocked: 'for update skip locked',
  },
}
