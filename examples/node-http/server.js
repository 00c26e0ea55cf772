// A guarded route on node:http. Run it with `node examples/node-http/server.js`; see README.md.
// @ts-check
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { createAuth, memoryStore, memoryUsers } from 'pawl'
import { migrate } from 'pawl/migrations'
import { authListener, requireAuthenticated } from 'pawl/node'
import { openSqlite } from 'pawl/sqlite'
import { sqliteStore } from 'pawl/stores/sqlite'
import { sqlUsers } from 'pawl/users/sql'

/** In a file when DATABASE names one; in memory otherwise, which ends with the process. */
async function storage() {
  const file = process.env.DATABASE
  if (!file) return { users: memoryUsers(), store: memoryStore() }
  const database = await openSqlite(file)
  await migrate(database)
  return { users: sqlUsers(database), store: sqliteStore(database) }
}

const auth = createAuth({
  // Sessions in a file outlive the process, and so must their secret: set AUTH_SECRET.
  secret: process.env.AUTH_SECRET ?? randomBytes(32).toString('base64url'),
  ...(await storage()),
})

const profile = requireAuthenticated(auth, (request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ hello: request.auth.user?.email }))
})

const listener = authListener(auth, (request, response) => {
  if (request.url === '/profile') return profile(request, response)
  response.statusCode = 404
  response.end('Nothing here\n')
})

const server = createServer(listener).listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  console.log(`listening on http://127.0.0.1:${port}`)
})
