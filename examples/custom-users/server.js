// Users in the app's own table, through Drizzle. Run it with `node examples/custom-users/server.js`; see README.md.
// @ts-check
import { randomBytes } from 'node:crypto'
import express from 'express'
import { createAuth } from 'pawl'
import { authMiddleware, problemHandler, requireAuthenticated, requireRole } from 'pawl/express'
import { sqliteStore } from 'pawl/stores/sqlite'
import { z } from 'zod'
import { openDatabase } from './database.js'
import { drizzleUsers } from './people.js'

const { database, db } = await openDatabase(process.env.DATABASE)

export const auth = createAuth({
  secret: process.env.AUTH_SECRET ?? randomBytes(32).toString('base64url'),
  users: drizzleUsers(db),
  store: sqliteStore(database),
  fields: z.object({ name: z.string().trim().max(80).default('') }),
})

const app = express()
app.use(authMiddleware(auth))
app.get(
  '/profile',
  requireAuthenticated(auth, ({ auth: { user } }, response) => response.json({ hello: user?.name || user?.email })),
)
app.get(
  '/editors',
  requireRole(auth, 'editor', (_request, response) => response.json({ hello: 'editors' })),
)
app.use(problemHandler(auth))

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  console.log(`listening on http://127.0.0.1:${port}`)
})
