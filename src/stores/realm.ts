import { chain } from '../base/awaitable.js'
import type { Session } from './session-store.js'
import type { Store } from './store.js'

/** A user's id as the store keeps it. */
export function realmUser(realm: string, userId: string): string {
  return realm === '' ? userId : `${realm}:${userId}`
}

/** The same store with the sessions and values of one realm: those of another are not there, whatever their ids. */
export function realmStore(store: Store, realm: string): Store {
  if (realm === '') return store
  const { sessions, values, revocations, database: _, ...rest } = store
  const { findWith: __, ...verbs } = sessions
  const prefix = `${realm}:`
  const keyOf = (key: string) => realmUser(realm, key)
  const isOurs = ({ userId }: { readonly userId: string }) => userId.startsWith(prefix)
  const bare = <Named extends { readonly userId: string }>(named: Named): Named => ({
    ...named,
    userId: named.userId.slice(prefix.length),
  })
  const ours = (session: Session | null) => (session && isOurs(session) ? bare(session) : null)

  return {
    ...rest,
    sessions: {
      ...verbs,
      insert: (session, rows) => sessions.insert({ ...session, userId: keyOf(session.userId) }, rows),
      find: id => chain(sessions.find(id), ours),
      advance: (...step) => chain(sessions.advance(...step), ours),
      update: (...change) => chain(sessions.update(...change), ours),
      listByUser: userId => chain(sessions.listByUser(keyOf(userId)), listed => listed.map(bare)),
      deleteByUser: (userId, options) => sessions.deleteByUser(keyOf(userId), options),
    },
    values: {
      put: (key, value, ttlMs) => values.put(keyOf(key), value, ttlMs),
      get: key => values.get(keyOf(key)),
      take: key => values.take(keyOf(key)),
      increment: (key, ttlMs) => values.increment(keyOf(key), ttlMs),
      delete: key => values.delete(keyOf(key)),
    },
    ...(revocations && {
      revocations: {
        ...revocations,
        listen: listener =>
          revocations.listen({ ...listener, ended: ended => isOurs(ended) && listener.ended(bare(ended)) }),
      },
    }),
  }
}
