import {
  authHandlers,
  type NextHandler,
  type RouteHandler,
  requireAuthenticated,
  requireNotAuthenticated,
  requireRole,
  withAuth,
} from '../../../src/adapters/next.js'
import type { Auth } from '../../../src/index.js'
import type { HostController, MakeHost } from '../../../src/testing/index.js'
import { guarding } from './guards.js'
import { controllerOf, webResponse, withoutBody } from './listening.js'

const handlerOf =
  ({ run }: HostController): NextHandler =>
  async (_request, ctx) =>
    webResponse(await run(ctx, () => {}))

const guards = { requireAuthenticated, requireNotAuthenticated, requireRole }

/** Calls route handlers as Next does: by the path of their file and the name of their method. */
export const nextHost: MakeHost = ({ auths, controllers, unknown }) => {
  const ours = new Map<string, ReturnType<typeof authHandlers>>()
  for (const [index, auth] of auths.entries()) ours.set(index === 0 ? '/api/v1/' : '/staff/', authHandlers(auth))

  /** Several auths stand in one another; the inner joins the outer. */
  function inAll(handler: NextHandler, [auth, ...others]: readonly Auth[]): RouteHandler {
    return withAuth(
      auth as Auth,
      (request, ctx, route) => {
        const inner = others.reduceRight<NextHandler>(
          (below, each) => (inside, outer, at) =>
            withAuth(each, (_request, own) => below(inside, own.joins(outer as never), at), { unknown })(inside, at),
          (inside, last, at) => handler(inside, others.length === 0 ? last : (last.siblings?.[0] as never), at),
        )
        return inner(request, ctx, route)
      },
      { unknown },
    )
  }

  const routes = new Map(
    controllers.map(each => {
      const handler = handlerOf(each)
      return [each, each.guard ? guarding(guards, each.guard, handler) : inAll(handler, auths)]
    }),
  )

  return {
    async fetch(path, init) {
      const request = new Request(`http://localhost${path}`, init)
      const { pathname } = new URL(request.url)
      for (const [prefix, handlers] of ours) {
        if (pathname.startsWith(prefix)) return handlers[request.method as 'GET'](request, {})
      }
      const route = routes.get(controllerOf(controllers, request.method, path) as HostController)
      if (!route) return new Response(null, { status: 404 })
      try {
        return withoutBody(await route(request, { params: Promise.resolve({}) }), init)
      } catch {
        return new Response('own', { status: 500 })
      }
    },
    close() {},
  }
}
