import type { Auth } from '../auth.js'
import type { Awaitable } from '../base/awaitable.js'
import { Problem } from '../base/problem.js'
import type { Exchange } from '../http/exchange.js'
import { rolesOf } from '../http/guards.js'
import { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { type Gate, type GuardOptions, gateOf } from './gate.js'
import { answerTo, type ProblemOptions } from './thrown.js'
import { exchangeOf, responseFrom, responseOf, writingLate } from './web-exchange.js'

/** Answers a request the routes of Pawl do not. */
export type WebHandler<User extends BaseUser = BaseUser> = (
  request: Request,
  ctx: Context<User, Exchange>,
) => Awaitable<Response>

export interface WebOptions {
  /** The peer's address, where the platform knows it. Default: unknown. */
  readonly address?: (request: Request) => string | null
}

/**
 * A `fetch` for any Web-standard runtime that serves the routes and hands every other request to `app`. What `app`
 * queues on its context is written before its response is returned; what it throws is presented. It may be the `app` of
 * another auth.
 */
export function authFetch<User extends BaseUser>(
  auth: Auth<User>,
  app?: WebHandler<User>,
  { address = () => null }: WebOptions = {},
): (request: Request, outer?: unknown) => Promise<Response> {
  return async (request, outer) => {
    const late = writingLate(auth)
    const ctx = (await auth.open(exchangeOf(request, address(request), late.onQueued))).joins(
      // A runtime passes what it likes here.
      outer instanceof Context ? outer : undefined,
    )
    const answered = await auth.handle(ctx)
    if (answered) return responseOf(answered, request.method)
    const response = await responseFrom(auth, request, ctx, () => {
      if (!app) throw new Problem('not_found')
      return app(request, ctx)
    })
    late.isTold = true
    return response
  }
}

function guarded<User extends BaseUser>(gate: Gate<User>, handler: WebHandler<User>): WebHandler<User> {
  return (request, found) =>
    gate<Awaitable<Response>>(
      found,
      ctx => handler(request, ctx),
      answer => responseOf(answer, request.method),
    )
}

/** Lets only signed-in requests through to `handler`. */
export function requireAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler: WebHandler<User>,
  options?: GuardOptions,
): WebHandler<User> {
  return guarded(gateOf(auth, 'authenticated', options), handler)
}

/** Lets only requests of nobody through to `handler`; the others get `already_authenticated`. */
export function requireNotAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler: WebHandler<User>,
  options?: GuardOptions,
): WebHandler<User> {
  return guarded(gateOf(auth, 'not_authenticated', options), handler)
}

/** Lets only users who have one of the roles through to `handler`; other signed-in users get `forbidden`. */
export function requireRole<User extends BaseUser>(
  auth: Auth<User>,
  roles: string | readonly string[],
  handler: WebHandler<User>,
  options?: GuardOptions,
): WebHandler<User> {
  return guarded(gateOf(auth, rolesOf(roles), options), handler)
}

/**
 * Answers what a handler threw and the app caught itself, and forgets what the request had queued. Throws what it is to
 * `pass`.
 */
export function problemHandler<User extends BaseUser>(
  auth: Auth<User>,
  options?: ProblemOptions,
): (error: unknown, request: Request, ctx?: Context<User, Exchange>) => Response {
  return (error, request, ctx) => {
    const answer = answerTo(auth, error, ctx as Context | undefined, () => exchangeOf(request, null), options)
    if (answer === null) throw error
    return responseOf(answer, request.method)
  }
}

/** What `auth` knows of a request, given what another auth made of it. Throws `TypeError` for one that it did not open. */
export function currentAuth<User extends BaseUser>(auth: Auth<User>, ctx: Context): Context<User, Exchange> {
  return auth.opened(ctx)
}
