import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach } from 'vitest'
import { authListener, type NodeHandler } from '../../src/adapters/node.js'
import { type Auth, memoryStore, type Session, type Store } from '../../src/index.js'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** Serves an auth and an app on a free port until the test ends. */
export async function serving(auth: Auth, app?: NodeHandler): Promise<string> {
  const server = createServer(authListener(auth, app)).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A memory store with other session verbs. */
export function storeWith(sessions: Partial<Store['sessions']>, now: () => number = Date.now): Store {
  const store = memoryStore({ now })
  return { ...store, sessions: { ...store.sessions, ...sessions } }
}

/** A memory store that can neither be read nor written, as one across a network that is away. */
export function storeAway(): Store {
  const away = () => Promise.reject(new Error('connect ECONNREFUSED'))
  return storeWith({ find: away, insert: away, advance: away, delete: away })
}

/** A memory store that takes a while for an insert and calls `about` right before the session is there. */
export function slowStore(about: () => void, now: () => number): Store {
  const inner = memoryStore({ now })
  const insert = async (session: Session) => {
    for (let turn = 0; turn < 5; turn++) await new Promise(resolve => setImmediate(resolve))
    about()
    await inner.sessions.insert(session)
  }
  return { ...inner, sessions: { ...inner.sessions, insert } }
}
