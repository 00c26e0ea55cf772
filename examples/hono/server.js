// A guarded route on Hono. Run it with `node examples/hono/server.js`; see README.md.
// @ts-check
import { randomBytes } from 'node:crypto'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createAuth, memoryUsers } from 'pawl'
import { authMiddleware, problemHandler, requireAuthenticated } from 'pawl/hono'

const auth = createAuth({
  secret: randomBytes(32).toString('base64url'),
  users: memoryUsers(),
})

const app = new Hono()
  .use(authMiddleware(auth))
  .get('/profile', requireAuthenticated(auth), c => c.json({ hello: c.get('auth').user?.email }))
app.onError(problemHandler(auth))

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000), hostname: '127.0.0.1' }, ({ port }) => {
  console.log(`listening on http://127.0.0.1:${port}`)
})
