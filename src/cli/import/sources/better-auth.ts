import { forEver, type Source } from './source.js'

/** Better Auth: `user`, the passwords in `account`, and `session`. */
export const betterAuth: Source = {
  users: { names: ['user'], needs: ['email'] },
  person(row) {
    const createdAt = row.time('createdAt')
    return {
      id: row.text('id'),
      email: row.text('email'),
      createdAt,
      // It tells only that the address is confirmed, and not when.
      confirmedAt: row.flag('emailVerified') ? (row.time('updatedAt') ?? createdAt) : null,
      suspendedUntil: row.flag('banned') ? (row.time('banExpires') ?? forEver(true)) : null,
      leftOut: row.flag('isAnonymous') ? 'anonymous' : null,
    }
  },
  passwords: { names: ['account'], needs: ['providerId', 'userId', 'password'] },
  password(row) {
    const [userId, hash] = [row.text('userId'), row.text('password')]
    return row.text('providerId') === 'credential' && userId !== null && hash !== null ? { userId, hash } : null
  },
  sessions: { names: ['session'], needs: ['token', 'userId', 'expiresAt'] },
  session(row) {
    const [userId, token] = [row.text('userId'), row.text('token')]
    // A session of an admin in somebody's name is not theirs.
    if (userId === null || token === null || row.raw('impersonatedBy') !== null) return null
    return { userId, token, expiresAt: row.time('expiresAt') ?? 0 }
  },
}
