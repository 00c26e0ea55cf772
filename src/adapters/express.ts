import type { IncomingMessage } from 'node:http'
import type { ErrorRequestHandler, NextFunction, Request, RequestHandler, Response } from 'express'
import type { Auth } from '../auth.js'
import { isPromise } from '../base/awaitable.js'
import type { Answer, Exchange } from '../http/exchange.js'
import { type Guard, rolesOf } from '../http/guards.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { type GuardOptions, guardOf } from './gate.js'
import { type HostFacts, nodeExchange, type Opened, openRequest } from './node-exchange.js'
import { sendAnswer } from './node-io.js'
import { answerTo, forget, type ProblemOptions } from './thrown.js'

/** Express's own request, once it came through `authMiddleware`: who sent it is in `auth`. */
export interface AuthRequest<User extends BaseUser = BaseUser> extends Request<Record<string, string>> {
  auth: Context<User, Exchange>
}

/** Answers a request that a guard let through. */
export type ExpressHandler<User extends BaseUser = BaseUser> = (
  request: AuthRequest<User>,
  response: Response,
  next: NextFunction,
) => unknown

type Next = (error?: unknown) => void

/** What Express adds to a request. */
type Told = Opened & { readonly originalUrl?: string; readonly ip?: string | undefined; readonly body?: unknown }

function factsOf(request: Told): HostFacts {
  return {
    target: request.originalUrl ?? (request.url as string),
    address: request.ip ?? null,
    parsedBody: () => request.body,
  }
}

/**
 * Middleware that serves the routes and sets `request.auth` for all others. What is queued on it is written right before
 * the response leaves. Mount it at the root, before or after body parsers.
 */
export function authMiddleware<User extends BaseUser>(auth: Auth<User>): RequestHandler {
  return (request, response, next) => {
    const serve = (ctx: Context<User, Exchange>) => {
      const answered = auth.handle(ctx)
      if (answered === null) return next()
      const give = (answer: Answer | null) => answer && sendAnswer(request, response, answer)
      if (isPromise(answered)) answered.then(give).catch(next)
      else give(answered)
    }
    const opened = openRequest(auth, request, response, factsOf(request))
    if (isPromise(opened)) opened.then(serve).catch(next)
    else serve(opened)
  }
}

/** What `auth` knows of a request that came through its `authMiddleware`. Throws `TypeError` for one that did not. */
export function currentAuth<User extends BaseUser>(
  auth: Auth<User>,
  request: IncomingMessage,
): Context<User, Exchange> {
  return auth.opened((request as Opened).auth)
}

function guarded<User extends BaseUser>(
  auth: Auth<User>,
  guard: Guard,
  first: ExpressHandler<User> | GuardOptions | undefined,
  options?: GuardOptions,
): RequestHandler {
  const { gate, handler } = guardOf(auth, guard, first, options)
  return (request: Told, response, next) => {
    gate<unknown>(
      request.auth,
      ctx => {
        request.auth = ctx as unknown as Context
        if (!handler) return next()
        const fail: Next = error => {
          forget(request.auth)
          next(error)
        }
        // Express takes anything but these for an error.
        const goOn: Next = said => (!said || said === 'route' || said === 'router' ? next(said) : fail(said))
        try {
          const done = handler(request as unknown as AuthRequest<User>, response as Response, goOn)
          if (isPromise(done)) done.catch(fail)
        } catch (error) {
          fail(error)
        }
      },
      answer => sendAnswer(request, response, answer),
    )
  }
}

/** Lets only signed-in requests through: to `handler`, or to the next one where only options are given. */
export function requireAuthenticated<User extends BaseUser>(auth: Auth<User>, options?: GuardOptions): RequestHandler
export function requireAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler: ExpressHandler<User>,
  options?: GuardOptions,
): RequestHandler
export function requireAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler?: ExpressHandler<User> | GuardOptions,
  options?: GuardOptions,
): RequestHandler {
  return guarded(auth, 'authenticated', handler, options)
}

/** Lets only requests of nobody through; the others get `already_authenticated`. */
export function requireNotAuthenticated<User extends BaseUser>(auth: Auth<User>, options?: GuardOptions): RequestHandler
export function requireNotAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler: ExpressHandler<User>,
  options?: GuardOptions,
): RequestHandler
export function requireNotAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler?: ExpressHandler<User> | GuardOptions,
  options?: GuardOptions,
): RequestHandler {
  return guarded(auth, 'not_authenticated', handler, options)
}

/** Lets only users who have one of the roles through; other signed-in users get `forbidden`. */
export function requireRole<User extends BaseUser>(
  auth: Auth<User>,
  roles: string | readonly string[],
  options?: GuardOptions,
): RequestHandler
export function requireRole<User extends BaseUser>(
  auth: Auth<User>,
  roles: string | readonly string[],
  handler: ExpressHandler<User>,
  options?: GuardOptions,
): RequestHandler
export function requireRole<User extends BaseUser>(
  auth: Auth<User>,
  roles: string | readonly string[],
  handler?: ExpressHandler<User> | GuardOptions,
  options?: GuardOptions,
): RequestHandler {
  return guarded(auth, rolesOf(roles), handler, options)
}

/** Error middleware that answers what was thrown and forgets what the request had queued. Mount it last. */
export function problemHandler<User extends BaseUser>(auth: Auth<User>, options?: ProblemOptions): ErrorRequestHandler {
  return (error: unknown, request: Told, response, next) => {
    const answer = answerTo(auth, error, request.auth, () => nodeExchange(request, factsOf(request)), options)
    if (answer === null) next(error)
    else sendAnswer(request, response, answer)
  }
}
