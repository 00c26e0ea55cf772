import { endAfter, type Source } from './source.js'

/** The bytes of a token as text: dumps write them in hexadecimal. */
function bytesOf(text: string): Buffer {
  return text.startsWith('\\x') ? Buffer.from(text.slice(2), 'hex') : Buffer.from(text, 'base64url')
}

/** What `mix phx.gen.auth` makes: `users` with bcrypt, and `users_tokens` with 32 bytes for each session. */
export const phoenix: Source = {
  users: { names: ['users'], needs: ['email', 'hashed_password'] },
  person: row => ({
    id: row.text('id'),
    email: row.text('email'),
    hash: row.text('hashed_password'),
    createdAt: row.time('inserted_at', 'created_at'),
    confirmedAt: row.time('confirmed_at'),
    leftOut: row.time('deleted_at') === null ? null : 'deleted',
  }),
  sessions: { names: ['users_tokens'], needs: ['token', 'context', 'user_id'] },
  session(row, reading) {
    const [userId, token] = [row.text('user_id'), row.text('token')]
    if (row.text('context') !== 'session' || userId === null || token === null) return null
    const bytes = bytesOf(token)
    if (bytes.length !== 32) return null
    // Fourteen days since Phoenix 1.8, sixty before: a session that may be over is not brought back.
    return { userId, token: bytes.toString('base64url'), expiresAt: endAfter(row.time('inserted_at'), reading, 14) }
  },
}
