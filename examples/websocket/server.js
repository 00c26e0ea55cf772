// A WebSocket that closes when its session ends, on any node. See README.md.
// @ts-check
import { createServer } from 'node:http'
import { createAuth, memoryUsers } from 'pawl'
import { migrate } from 'pawl/migrations'
import { authListener } from 'pawl/node'
import { postgresDatabase } from 'pawl/postgres'
import { postgresStore } from 'pawl/stores/postgres'
import { nodeRedisOptions, redisStore } from 'pawl/stores/redis'
import { sqlUsers } from 'pawl/users/sql'
import pg from 'pg'
import { createClient } from 'redis'
import { WebSocketServer } from 'ws'
import { openConnections } from './connections.js'

/** Sessions in Redis, or sessions and users in PostgreSQL, or all in memory: then there is one node. */
async function storage() {
  if (process.env.DATABASE_URL) {
    const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 1000 })
    const database = postgresDatabase(pool)
    await migrate(database)
    const store = process.env.REDIS_URL ? await redis(process.env.REDIS_URL) : postgresStore(pool)
    return { users: sqlUsers(database), store }
  }
  return { users: memoryUsers() }
}

/** @param {string} url */
async function redis(url) {
  const client = createClient({ ...nodeRedisOptions(), url })
  client.on('error', error => console.error(error.message))
  await client.connect()
  return redisStore(client)
}

const auth = createAuth({ secret: process.env.AUTH_SECRET, ...(await storage()) })
const connections = openConnections(auth)
const server = createServer(authListener(auth))
const sockets = new WebSocketServer({ server, path: '/live', maxPayload: 4096 })

/** How long a socket may stay open without saying who it is. */
const SILENT_MS = 5000

sockets.on('connection', (socket, request) => {
  socket.on('error', () => socket.terminate())
  const impatience = setTimeout(() => socket.close(4401, 'Not authenticated'), SILENT_MS)
  socket.once('close', () => clearTimeout(impatience))
  // A browser cannot set headers here, and a URL is no place for a token: it comes as the first message.
  socket.once('message', async message => {
    clearTimeout(impatience)
    const address = request.socket.remoteAddress ?? null
    const header = (/** @type {string} */ name) => (name === 'authorization' ? String(message) : null)
    const ctx = await auth.open({
      method: 'GET',
      target: '/live',
      address,
      header,
      readBody: async () => new Uint8Array(),
    })
    if (ctx.failure) return socket.close(1013, 'Try again later')
    if (!ctx.session) return socket.close(4401, 'Not authenticated')
    const release = connections.hold(ctx.session, () => socket.close(4401, 'Session ended'))
    socket.once('close', release)
    socket.send(`hello ${ctx.user?.email}`)
  })
})

await connections.ready
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  console.log(`listening on http://127.0.0.1:${port}`)
})
