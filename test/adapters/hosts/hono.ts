import { once } from 'node:events'
import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import {
  type AuthEnv,
  authMiddleware,
  currentAuth,
  type HonoHandler,
  problemHandler,
  requireAuthenticated,
  requireNotAuthenticated,
  requireRole,
} from '../../../src/adapters/hono.js'
import type { HostApp, HostController, HostGuard, MakeHost } from '../../../src/testing/index.js'
import { hostOf, webResponse } from './listening.js'

function guarding(
  { auth, who, presenter, alone }: HostGuard,
  handler: HonoHandler,
): (HonoHandler | MiddlewareHandler<AuthEnv>)[] {
  const options = presenter ? { presenter } : {}
  if (who === 'authenticated') {
    return alone ? [requireAuthenticated(auth, options), handler] : [requireAuthenticated(auth, handler, options)]
  }
  if (who === 'not_authenticated') {
    return alone ? [requireNotAuthenticated(auth, options), handler] : [requireNotAuthenticated(auth, handler, options)]
  }
  return alone ? [requireRole(auth, who, options), handler] : [requireRole(auth, who, handler, options)]
}

/** Hono's own readers of bodies: what they cannot read is for those who want it to say. */
const parse: HonoHandler = async (c, next) => {
  const type = c.req.header('content-type') ?? ''
  const read = type.includes('json') ? c.req.json() : type.includes('form') ? c.req.parseBody() : c.req.text()
  await (read as Promise<unknown>).catch(() => {})
  return next()
}

function appOf({ auths, controllers, parserFirst, unknown }: HostApp): Hono<AuthEnv> {
  const app = new Hono<AuthEnv>()
  if (parserFirst) app.use(parse as never)
  for (const auth of auths) app.use(authMiddleware(auth))

  function handlersOf({ guard, run }: HostController) {
    const handler: HonoHandler = async c => {
      const ctx = guard ? c.get('auth') : currentAuth(auths[0], c)
      return webResponse(await run(ctx, (name, value) => c.header(name, value)))
    }
    return guard ? guarding(guard, handler) : [handler]
  }

  for (const each of controllers) {
    app.on(each.method, each.path, ...((each.parsed ? [parse, ...handlersOf(each)] : handlersOf(each)) as [never]))
  }
  const present = problemHandler(auths[0], { unknown })
  app.onError((error, c) => {
    try {
      return present(error, c)
    } catch {
      return c.text('own', 500)
    }
  })
  return app
}

/** Hono as any runtime calls it. */
export const honoHost: MakeHost = described => {
  const app = appOf(described)
  return { fetch: async (path, init) => app.request(path, init), close() {} }
}

/** Hono on Node. */
export const honoNodeHost: MakeHost = async described => {
  const server = serve({ fetch: appOf(described).fetch, port: 0, hostname: '127.0.0.1' }) as Server
  if (!server.listening) await once(server, 'listening')
  return hostOf(server)
}
