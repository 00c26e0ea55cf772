// Controllers of your own. Run it with `node examples/custom-controllers/server.js`; see README.md.
// @ts-check
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { createAuth, memoryUsers } from 'pawl'
import { authListener, requireAuthenticated } from 'pawl/node'
import { controllers } from './controllers.js'

const auth = createAuth({
  secret: randomBytes(32).toString('base64url'),
  users: memoryUsers(),
  // Pawl's own routes make room for the app's.
  basePath: '/auth',
})

/** @type {Record<string, import('pawl/node').NodeHandler>} */
const routes = {
  ...controllers(auth),
  'GET /profile': requireAuthenticated(auth, (request, response) => {
    response.end(JSON.stringify({ hello: request.auth.user?.email }))
  }),
}

const BASE = '/my/api'

const listener = authListener(auth, (request, response) => {
  const { method, url = '' } = request
  const route = url.startsWith(BASE) ? routes[`${method} ${url.slice(BASE.length)}`] : undefined
  if (route) return route(request, response)
  response.statusCode = 404
  response.end('Nothing here\n')
})

const server = createServer(listener).listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  console.log(`listening on http://127.0.0.1:${port}`)
})
