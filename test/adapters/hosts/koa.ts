import { bodyParser } from '@koa/bodyparser'
import Router from '@koa/router'
import Koa from 'koa'
import type { GuardOptions } from '../../../src/adapters/gate.js'
import {
  authMiddleware,
  currentAuth,
  type KoaHandler,
  type KoaMiddleware,
  problemHandler,
  requireAuthenticated,
  requireNotAuthenticated,
  requireRole,
} from '../../../src/adapters/koa.js'
import type { HostController, HostGuard, MakeHost } from '../../../src/testing/index.js'
import { bodyOf, listening } from './listening.js'

function guarding({ auth, who, presenter, alone }: HostGuard, handler: KoaHandler): KoaMiddleware[] {
  const options = presenter ? { presenter } : {}
  const rest: [KoaHandler | GuardOptions, GuardOptions?] = alone ? [options] : [handler, options]
  const after = alone ? [handler as unknown as KoaMiddleware] : []
  if (who === 'authenticated') return [requireAuthenticated(auth, ...rest), ...after]
  if (who === 'not_authenticated') return [requireNotAuthenticated(auth, ...rest), ...after]
  return [requireRole(auth, who, ...rest), ...after]
}

export const koaHost: MakeHost = ({ auths, controllers, parserFirst, unknown }) => {
  const app = new Koa()
  app.silent = true
  app.use(async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      if (unknown === 'present') throw error
      ctx.status = 500
      ctx.body = 'own'
    }
  })
  const parser = bodyParser()
  // What throws before the request came through an auth has no other to be presented by.
  if (parserFirst) app.use(problemHandler(auths[0], { unknown })).use(parser)
  for (const auth of auths) app.use(authMiddleware(auth, { unknown }))

  function handlersOf({ guard, run }: HostController): KoaMiddleware[] {
    const handler: KoaHandler = async ctx => {
      const found = guard ? ctx.auth : currentAuth(auths[0], ctx)
      const answer = await run(found, (name, value) => ctx.set(name, value))
      ctx.status = answer.status
      ctx.set(answer.headers ?? {})
      ctx.body = bodyOf(answer) ?? null
      ctx.status = answer.status
    }
    return guard ? guarding(guard, handler) : [handler as unknown as KoaMiddleware]
  }

  const router = new Router()
  for (const each of controllers) {
    const all = [...(each.parsed ? [parser] : []), ...handlersOf(each)] as Koa.Middleware[]
    if (each.method === 'GET') router.get(each.path, ...(all as [never]))
    else router.post(each.path, ...(all as [never]))
  }
  app.use(router.routes())
  return listening(app.callback())
}
