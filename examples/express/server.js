// A guarded route on Express. Run it with `node examples/express/server.js`; see README.md.
// @ts-check
import { randomBytes } from 'node:crypto'
import express from 'express'
import { createAuth, memoryUsers } from 'pawl'
import { authMiddleware, problemHandler, requireAuthenticated } from 'pawl/express'

const auth = createAuth({
  secret: randomBytes(32).toString('base64url'),
  users: memoryUsers(),
})

const app = express()
app.use(authMiddleware(auth))
app.get(
  '/profile',
  requireAuthenticated(auth, (request, response) => {
    response.json({ hello: request.auth.user?.email })
  }),
)
app.use(problemHandler(auth))

const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  console.log(`listening on http://127.0.0.1:${port}`)
})
