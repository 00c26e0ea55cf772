// A service that knows nothing of Pawl but its wire: it could be in any language.
// @ts-check
import { createServer } from 'node:http'

const PAWL = process.env.PAWL_URL ?? 'http://127.0.0.1:4000'

/**
 * Who sent a request: the service hands the caller's own token on, and takes the server's word.
 * @param {import('node:http').IncomingMessage} request
 */
async function whoIs(request) {
  const { authorization = '' } = request.headers
  const response = await fetch(`${PAWL}/api/v1/session`, { headers: { authorization } })
  return { status: response.status, body: await response.json() }
}

const server = createServer(async (request, response) => {
  response.setHeader('content-type', 'application/json')
  try {
    const { status, body } = request.url === '/profile' ? await whoIs(request) : { status: 404, body: {} }
    response.statusCode = status
    response.end(JSON.stringify(status === 200 ? { hello: body.data.user.email } : body))
  } catch {
    // The server is away: nobody is signed out by that.
    response.statusCode = 503
    response.end(JSON.stringify({ error: { status: 503, message: 'Service unavailable' } }))
  }
})

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  console.log(`service on http://127.0.0.1:${port}`)
})
