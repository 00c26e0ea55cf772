import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context as KoaContext, ParameterizedContext } from 'koa'
import type { Auth } from '../auth.js'
import type { Answer, Exchange } from '../http/exchange.js'
import { type Guard, rolesOf } from '../http/guards.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { type GuardOptions, guardOf } from './gate.js'
import { type HostFacts, nodeExchange, type Opened, openRequest } from './node-exchange.js'
import { answerFor, clearContent, sendAnswer } from './node-io.js'
import { answerTo, type ProblemOptions } from './thrown.js'

/** Koa's own context, once it came through `authMiddleware`: who sent the request is in `auth`. */
export type AuthContext<User extends BaseUser = BaseUser> = KoaContext & { auth: Context<User, Exchange> }

/** Answers a request that a guard let through. */
export type KoaHandler<User extends BaseUser = BaseUser> = (
  ctx: AuthContext<User>,
  next: () => Promise<unknown>,
) => unknown

/** What the adapter uses of Koa's context. */
interface Koa {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly request: object
  readonly originalUrl: string
  readonly ip: string
  readonly respond?: boolean | undefined
  status: number
  body: unknown
  set(headers: Readonly<Record<string, string | string[]>>): void
}

/** Middleware for `app.use`, and for a route before its handler. */
export type KoaMiddleware = <State, Own>(
  ctx: ParameterizedContext<State, Own>,
  next: () => Promise<unknown>,
) => Promise<void>

function factsOf(koa: Koa): HostFacts {
  return {
    target: koa.originalUrl,
    address: koa.ip || null,
    parsedBody: () => (koa.request as { body?: unknown }).body,
  }
}

const foundIn = (koa: Koa) => (koa as Partial<AuthContext>).auth

const keepIn = (koa: Koa, ctx: unknown) => Object.assign(koa, { auth: ctx })

/** Answers in Koa's words, so that the middleware outside of ours has its say. */
function give(koa: Koa, answer: Answer): void {
  const { req, res } = koa
  if (res.headersSent || koa.respond === false) return sendAnswer(req, res, answer)
  clearContent(res)
  const { headers, body } = answerFor(req, answer)
  koa.status = answer.status
  koa.set(headers)
  koa.body = body
}

async function presenting<User extends BaseUser>(
  auth: Auth<User>,
  koa: Koa,
  next: () => Promise<unknown>,
  options: ProblemOptions | undefined,
): Promise<void> {
  try {
    await next()
  } catch (error) {
    const answer = answerTo(auth, error, foundIn(koa), () => nodeExchange(koa.req, factsOf(koa)), options)
    if (answer === null) throw error
    give(koa, answer)
  }
}

/**
 * Middleware that serves the routes and sets `ctx.auth` for all others. What is queued on it is written right before the
 * response leaves; what is thrown below it is presented.
 */
export function authMiddleware<User extends BaseUser>(auth: Auth<User>, options?: ProblemOptions): KoaMiddleware {
  return async (koa, next) => {
    const ctx = await openRequest(auth, koa.req, koa.res, factsOf(koa))
    keepIn(koa, ctx)
    const answered = await auth.handle(ctx)
    if (answered) give(koa, answered)
    else await presenting(auth, koa, next, options)
  }
}

/** What `auth` knows of a request that came through its `authMiddleware`. Throws `TypeError` for one that did not. */
export function currentAuth<User extends BaseUser>(
  auth: Auth<User>,
  ctx: { readonly req: IncomingMessage },
): Context<User, Exchange> {
  return auth.opened((ctx.req as Opened).auth)
}

function guarded<User extends BaseUser>(
  auth: Auth<User>,
  guard: Guard,
  first: KoaHandler<User> | GuardOptions | undefined,
  options?: GuardOptions,
): KoaMiddleware {
  const { gate, handler } = guardOf(auth, guard, first, options)
  return async (koa, next) => {
    await gate<unknown>(
      foundIn(koa),
      ctx => {
        keepIn(koa, ctx)
        return handler ? handler(koa as unknown as AuthContext<User>, next) : next()
      },
      answer => give(koa, answer),
    )
  }
}

/** Lets only signed-in requests through: to `handler`, or to the next one where only options are given. */
export function requireAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler?: KoaHandler<User> | GuardOptions,
  options?: GuardOptions,
): KoaMiddleware {
  return guarded(auth, 'authenticated', handler, options)
}

/** Lets only requests of nobody through; the others get `already_authenticated`. */
export function requireNotAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler?: KoaHandler<User> | GuardOptions,
  options?: GuardOptions,
): KoaMiddleware {
  return guarded(auth, 'not_authenticated', handler, options)
}

/** Lets only users who have one of the roles through; other signed-in users get `forbidden`. */
export function requireRole<User extends BaseUser>(
  auth: Auth<User>,
  roles: string | readonly string[],
  handler?: KoaHandler<User> | GuardOptions,
  options?: GuardOptions,
): KoaMiddleware {
  return guarded(auth, rolesOf(roles), handler, options)
}

/**
 * Middleware that answers what is thrown below it and forgets what the request had queued: for a part of an app that
 * presents in another way than `authMiddleware` does.
 */
export function problemHandler<User extends BaseUser>(auth: Auth<User>, options?: ProblemOptions): KoaMiddleware {
  return (koa, next) => presenting(auth, koa, next, options)
}
