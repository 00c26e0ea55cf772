// An app of Request and Response. Runtimes that serve a default export with `fetch` run this file as it is.
// @ts-check
import { createAuth, memoryUsers } from 'pawl'
import { authFetch, requireAuthenticated } from 'pawl/web'

// Users and sessions end with the process here, so their secret may too.
const secret = crypto.randomUUID() + crypto.randomUUID()
const auth = createAuth({ secret, users: memoryUsers() })

const profile = requireAuthenticated(auth, (_request, { user }) => Response.json({ hello: user?.email }))

const app = authFetch(auth, (request, ctx) => {
  const { pathname } = new URL(request.url)
  return pathname === '/profile' ? profile(request, ctx) : new Response('Nothing here\n', { status: 404 })
})

export default { fetch: app }
