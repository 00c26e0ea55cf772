import type { Source } from './source.js'

/** Auth.js, or NextAuth.js: `users` without passwords, and `sessions` where it keeps them in the database. */
export const authjs: Source = {
  users: { names: ['users'], needs: ['email'] },
  person: row => ({
    id: row.text('id'),
    email: row.text('email'),
    createdAt: row.time('createdAt'),
    confirmedAt: row.time('emailVerified'),
  }),
  sessions: { names: ['sessions'], needs: ['sessionToken', 'userId', 'expires'] },
  session(row) {
    const [userId, token] = [row.text('userId'), row.text('sessionToken')]
    return userId === null || token === null ? null : { userId, token, expiresAt: row.time('expires') ?? 0 }
  },
}
