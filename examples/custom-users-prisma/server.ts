// Users in the app's own table, through Prisma. See README.md.
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAuth } from 'pawl'
import { authListener, requireAuthenticated } from 'pawl/node'
import type { PostgresPool } from 'pawl/postgres'
import { postgresStore } from 'pawl/stores/postgres'
import { openDatabase } from './database.js'
import { prismaUsers } from './users.js'

const { pool, prisma } = await openDatabase(process.env.DATABASE_URL)

const auth = createAuth({
  secret: process.env.AUTH_SECRET ?? randomBytes(32).toString('base64url'),
  users: prismaUsers(prisma),
  store: postgresStore(pool as unknown as PostgresPool),
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
  console.log(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
