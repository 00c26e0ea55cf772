// A guarded route on Fastify. Run it with `node examples/fastify/server.js`; see README.md.
// @ts-check
import { randomBytes } from 'node:crypto'
import fastify from 'fastify'
import { createAuth, memoryUsers } from 'pawl'
import { authPlugin, problemHandler, requireAuthenticated } from 'pawl/fastify'

const auth = createAuth({
  secret: randomBytes(32).toString('base64url'),
  users: memoryUsers(),
})

const app = fastify()
await app.register(authPlugin(auth))
app.setErrorHandler(problemHandler(auth))
app.get(
  '/profile',
  requireAuthenticated(auth, async request => ({ hello: request.auth.user?.email })),
)

console.log(`listening on ${await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' })}`)
