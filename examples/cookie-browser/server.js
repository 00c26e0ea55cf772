// Sessions in a browser's cookie. Run it with `node examples/cookie-browser/server.js`; see README.md.
// @ts-check
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { cookieSessions, createAuth, memoryUsers } from 'pawl'
import { authListener, requireAuthenticated } from 'pawl/node'

const auth = createAuth({
  secret: randomBytes(32).toString('base64url'),
  users: memoryUsers(),
  sessions: cookieSessions(),
})

/** @type {Record<string, [type: string, file: string]>} */
const FILES = { '/': ['text/html', 'index.html'], '/page.js': ['text/javascript', 'page.js'] }

/** A script of somebody else's in this page would act in the name of whoever is signed in: there is to be none. */
const POLICY = "default-src 'none'; connect-src 'self'; script-src 'self'; frame-ancestors 'none'"

const hello = requireAuthenticated(auth, (request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ hello: request.auth.user?.email }))
})

const listener = authListener(auth, (request, response) => {
  if (request.url === '/hello') return hello(request, response)
  const [type, file] = FILES[request.url ?? ''] ?? []
  if (!type || !file) {
    response.statusCode = 404
    return response.end('Nothing here\n')
  }
  response.setHeader('content-type', `${type}; charset=utf-8`)
  response.setHeader('content-security-policy', POLICY)
  response.end(readFileSync(new URL(file, import.meta.url)))
})

const server = createServer(listener).listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  console.log(`listening on http://127.0.0.1:${port}`)
})
