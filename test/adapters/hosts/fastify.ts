import formbody from '@fastify/formbody'
import fastify, { type FastifyReply, type RouteOptions } from 'fastify'
import {
  authPlugin,
  currentAuth,
  type FastifyHandler,
  problemHandler,
  requireAuthenticated,
  requireNotAuthenticated,
  requireRole,
} from '../../../src/adapters/fastify.js'
import type { HostController, HostGuard, MakeHost } from '../../../src/testing/index.js'
import { bodyOf, hostOf } from './listening.js'

type Guarded = Pick<RouteOptions, 'handler' | 'preHandler'>

function guarding({ auth, who, presenter, alone }: HostGuard, handler: FastifyHandler): Guarded {
  const options = presenter ? { presenter } : {}
  if (who === 'authenticated') {
    if (alone) return { preHandler: requireAuthenticated(auth, options), handler: handler as never }
    return { handler: requireAuthenticated(auth, handler, options) }
  }
  if (who === 'not_authenticated') {
    if (alone) return { preHandler: requireNotAuthenticated(auth, options), handler: handler as never }
    return { handler: requireNotAuthenticated(auth, handler, options) }
  }
  if (alone) return { preHandler: requireRole(auth, who, options), handler: handler as never }
  return { handler: requireRole(auth, who, handler, options) }
}

export const fastifyHost: MakeHost = async ({ auths, controllers, unknown }) => {
  const app = fastify({ forceCloseConnections: true })
  await app.register(formbody)
  app.setErrorHandler((_error, _request, reply) => reply.code(500).send('own'))
  for (const auth of auths) await app.register(authPlugin(auth))

  function routeOf({ guard, run }: HostController): Guarded {
    const handler: FastifyHandler = async (request, reply: FastifyReply) => {
      const ctx = guard ? request.auth : currentAuth(auths[0], request)
      const answer = await run(ctx, (name, value) => reply.header(name, value))
      return reply
        .code(answer.status)
        .headers(answer.headers ?? {})
        .send(bodyOf(answer))
    }
    return guard ? guarding(guard, handler) : { handler: handler as never }
  }

  await app.register(async scope => {
    scope.setErrorHandler(problemHandler(auths[0], { unknown }))
    for (const each of controllers) scope.route({ method: each.method, url: each.path, ...routeOf(each) })
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return hostOf(app.server, () => app.close())
}
