import { endAfter, type Source } from './source.js'

/** Supabase: `auth.users` with bcrypt, and `auth.refresh_tokens`. */
export const supabase: Source = {
  users: { names: ['users'], schema: 'auth', needs: ['email', 'encrypted_password'] },
  person: row => ({
    id: row.text('id'),
    email: row.text('email'),
    hash: row.text('encrypted_password'),
    createdAt: row.time('created_at'),
    confirmedAt: row.time('email_confirmed_at'),
    suspendedUntil: row.time('banned_until'),
    leftOut: row.time('deleted_at') !== null ? 'deleted' : row.flag('is_anonymous') ? 'anonymous' : null,
  }),
  sessions: { names: ['refresh_tokens'], schema: 'auth', needs: ['token', 'user_id', 'revoked'] },
  session(row, reading) {
    const [userId, token] = [row.text('user_id'), row.text('token')]
    if (userId === null || token === null || row.flag('revoked')) return null
    // Its refresh tokens have no end: thirty days, as Pawl's own renewal tokens.
    return { userId, token, expiresAt: endAfter(row.time('updated_at', 'created_at'), reading, 30) }
  },
}
