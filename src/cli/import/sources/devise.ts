import { lockedUntil, type Source } from './source.js'

/** Devise: `users`, or the table of another model, with bcrypt. */
export const devise: Source = {
  users: { names: ['users'], needs: ['email', 'encrypted_password'] },
  person: (row, reading) => ({
    id: row.text('id'),
    email: row.text('email'),
    hash: row.text('encrypted_password'),
    createdAt: row.time('created_at'),
    confirmedAt: row.time('confirmed_at'),
    suspendedUntil: lockedUntil(row, reading),
    leftOut: row.time('deleted_at', 'discarded_at') === null ? null : 'deleted',
  }),
}
