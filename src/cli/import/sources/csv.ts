import { forEver, type Source } from './source.js'

/** Any other: columns with Pawl's own names, or told by `--map`. */
export const csv: Source = {
  users: { names: ['users'], needs: ['email'] },
  person: row => ({
    id: row.text('id'),
    email: row.text('email'),
    hash: row.text('password_hash'),
    createdAt: row.time('created_at'),
    confirmedAt: row.time('confirmed_at'),
    suspendedUntil: forEver(row.raw('suspended_at') !== null),
    leftOut: row.time('deleted_at') === null ? null : 'deleted',
  }),
}
