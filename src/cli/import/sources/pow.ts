import { lockedUntil, type Source } from './source.js'

/** Pow: `users` with its own PBKDF2 hashes, and the columns of its extensions where there are any. */
export const pow: Source = {
  users: { names: ['users'], needs: ['email', 'password_hash'] },
  person: (row, reading) => ({
    id: row.text('id'),
    email: row.text('email'),
    hash: row.text('password_hash'),
    createdAt: row.time('inserted_at', 'created_at'),
    confirmedAt: row.time('email_confirmed_at'),
    suspendedUntil: lockedUntil(row, reading),
    leftOut: row.time('deleted_at') === null ? null : 'deleted',
  }),
}
