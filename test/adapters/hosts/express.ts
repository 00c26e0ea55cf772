import express, { type ErrorRequestHandler, type RequestHandler } from 'express'
import {
  authMiddleware,
  currentAuth,
  type ExpressHandler,
  problemHandler,
  requireAuthenticated,
  requireNotAuthenticated,
  requireRole,
} from '../../../src/adapters/express.js'
import type { GuardOptions } from '../../../src/adapters/gate.js'
import type { BaseUser } from '../../../src/index.js'
import type { HostController, HostGuard, MakeHost } from '../../../src/testing/index.js'
import { bodyOf, listening } from './listening.js'

function guarding({ auth, who, presenter, alone }: HostGuard, handler: ExpressHandler): RequestHandler[] {
  const options = presenter ? { presenter } : {}
  const rest = (alone ? [options] : [handler, options]) as [ExpressHandler, GuardOptions]
  const after = alone ? [handler as RequestHandler] : []
  if (who === 'authenticated') return [requireAuthenticated(auth, ...rest), ...after]
  if (who === 'not_authenticated') return [requireNotAuthenticated(auth, ...rest), ...after]
  return [requireRole(auth, who, ...rest), ...after]
}

const parsers = (extended: boolean): RequestHandler[] => [express.json(), express.urlencoded({ extended })]

/** Express, with a form parser that nests or one that does not. */
export const expressHost =
  (extended: boolean): MakeHost =>
  ({ auths, controllers, parserFirst, unknown }) => {
    const app = express()
    if (parserFirst) app.use(parsers(extended))
    for (const auth of auths) app.use(authMiddleware(auth))

    function handlersOf({ guard, run }: HostController) {
      const handler: ExpressHandler<BaseUser> = async (request, response) => {
        const ctx = guard ? request.auth : currentAuth(auths[0], request)
        const answer = await run(ctx, (name, value) => response.setHeader(name, value))
        response.status(answer.status).set(answer.headers ?? {})
        const body = bodyOf(answer)
        if (typeof body === 'object') body.pipe(response)
        else response.send(body)
      }
      return guard ? guarding(guard, handler) : [handler as RequestHandler]
    }

    for (const each of controllers) {
      const before = each.parsed ? parsers(extended) : []
      app[each.method === 'GET' ? 'get' : 'post'](each.path, ...before, ...handlersOf(each))
    }
    app.use(problemHandler(auths[0], { unknown }))
    app.use(((_error, _request, response, _next) => {
      response.status(500).send('own')
    }) satisfies ErrorRequestHandler)
    return listening(app)
  }
