import { forEver, type Source } from './source.js'

/** Firebase, as `firebase auth:export` writes it. A hash is kept with its salt, and without the project's keys. */
export const firebase: Source = {
  users: { names: ['users'], needs: ['localId'] },
  person(row) {
    const [hash, salt] = [row.text('passwordHash'), row.text('salt')]
    const createdAt = row.time('createdAt')
    return {
      id: row.text('localId'),
      email: row.text('email'),
      hash: hash === null ? null : `$firebase-scrypt$${salt ?? ''}$${hash}`,
      createdAt,
      confirmedAt: row.flag('emailVerified') ? createdAt : null,
      suspendedUntil: forEver(row.flag('disabled')),
    }
  },
}
