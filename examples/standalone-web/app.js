// An app of Request and Response. Runtimes that serve a default export with `fetch` run this file as it is.
// @ts-check
import { createAuth, memoryUsers, Problem, readInput, scryptHasher, userInput } from 'pawl'
import { authFetch, requireAuthenticated } from 'pawl/web'

// Users and sessions end with the process here, so their secret may too. Workers have no randomness up here: give it one.
const secret = process.env.AUTH_SECRET ?? crypto.randomUUID() + crypto.randomUUID()
export const auth = createAuth({ secret, users: memoryUsers(), hasher: scryptHasher() })

const profile = requireAuthenticated(auth, (_request, { user }) => Response.json({ hello: user?.email }))

/** @type {import('pawl/web').WebHandler} */
async function login(_request, ctx) {
  const user = await auth.accounts.authenticate(ctx, userInput(await readInput(ctx.request, true)))
  // The session is stored before this leaves, and not at all if something throws.
  return Response.json({ hello: user.email, tokens: ctx.tokens }, { headers: { 'cache-control': 'no-store' } })
}

/** @type {import('pawl/web').WebHandler} */
export function app(request, ctx) {
  const { pathname } = new URL(request.url)
  if (pathname === '/profile') return profile(request, ctx)
  if (pathname === '/login' && request.method === 'POST') return login(request, ctx)
  throw new Problem('not_found')
}

export default { fetch: authFetch(auth, app) }
