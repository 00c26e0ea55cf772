// Sessions carried your own way. Run it with `node examples/custom-authorization/server.js`; see README.md.
// @ts-check
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { createAuth, memoryUsers } from 'pawl'
import { authListener, requireAuthenticated } from 'pawl/node'
import { keyValueSessions } from './sessions.js'

const auth = createAuth({
  secret: randomBytes(32).toString('base64url'),
  users: memoryUsers(),
  sessions: keyValueSessions,
})

const profile = requireAuthenticated(auth, (request, response) => {
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
