import {
  authFetch,
  problemHandler,
  requireAuthenticated,
  requireNotAuthenticated,
  requireRole,
  type WebHandler,
} from '../../../src/adapters/web.js'
import { Problem } from '../../../src/index.js'
import type { HostController, MakeHost } from '../../../src/testing/index.js'
import { guarding } from './guards.js'
import { controllerOf, webResponse, withoutBody } from './listening.js'

function handlerOf({ guard, run }: HostController): WebHandler {
  const handler: WebHandler = async (_request, ctx) => webResponse(await run(ctx, () => {}))
  return guard ? guarding({ requireAuthenticated, requireNotAuthenticated, requireRole }, guard, handler) : handler
}

export const webHost: MakeHost = ({ auths: [auth, ...others], controllers, unknown }) => {
  const handlers = new Map(controllers.map(each => [each, handlerOf(each)]))
  const present = problemHandler(auth, { unknown })
  const app: WebHandler = async (request, ctx) => {
    try {
      const handler = handlers.get(controllerOf(controllers, request.method, request.url) as HostController)
      if (!handler) throw new Problem('not_found')
      return await handler(request, auth.opened(ctx as never))
    } catch (error) {
      try {
        return present(error, request, ctx)
      } catch {
        return new Response('own', { status: 500 })
      }
    }
  }
  const inner = others.reduceRight<WebHandler>((below, each) => authFetch(each, below), app)
  const serve = authFetch(auth, inner)
  return {
    fetch: async (path, init) => withoutBody(await serve(new Request(`http://localhost${path}`, init)), init),
    close() {},
  }
}
