import type { Auth } from '../auth.js'
import type { Awaitable } from '../base/awaitable.js'
import type { Exchange } from '../http/exchange.js'
import { type Guard, rolesOf } from '../http/guards.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { type GuardOptions, gateOf } from './gate.js'
import { answerTo, type ProblemOptions } from './thrown.js'
import { authFetch, type WebOptions, problemHandler as webProblemHandler } from './web.js'
import { exchangeOf, responseOf, withCookies, writingLate } from './web-exchange.js'

/** Answers a request; `route` is what Next passes second: `{ params }`, a promise. */
export type NextHandler<User extends BaseUser = BaseUser, Req extends Request = Request, Route = unknown> = (
  request: Req,
  ctx: Context<User, Exchange>,
  route: Route,
) => Awaitable<Response>

/** A handler as `route.ts` exports it. */
export type RouteHandler<Req extends Request = Request, Route = unknown> = (
  request: Req,
  route: Route,
) => Promise<Response>

export interface NextOptions extends WebOptions, ProblemOptions {}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** What `redirect()` and `notFound()` throw: for Next itself, by its digest. */
function digestOf(error: unknown): string | null {
  const { digest } = (error ?? {}) as { digest?: unknown }
  return typeof digest === 'string' ? digest : null
}

/** The response of a `redirect()`: `NEXT_REDIRECT;replace;/path;307;`. */
function redirectOf(digest: string): Response {
  const parts = digest.split(';')
  const location = parts.slice(2, -2).join(';')
  return new Response(null, { status: Number(parts.at(-2)), headers: { location } })
}

/**
 * A route handler with the request's context. What is queued on it is written before the response is returned, also
 * where the handler ends with `redirect()`; what it throws is presented.
 */
export function withAuth<User extends BaseUser, Req extends Request = Request, Route = unknown>(
  auth: Auth<User>,
  handler: NextHandler<User, Req, Route>,
  { address = () => null, ...options }: NextOptions = {},
): RouteHandler<Req, Route> {
  return async (request, route) => {
    const late = writingLate(auth)
    const exchange = exchangeOf(request, address(request), late.onQueued)
    const ctx = await auth.open(exchange)
    const finish = async (response: Response) => {
      const failed = await auth.send(ctx)
      late.isTold = true
      return failed ? responseOf(failed, request.method) : withCookies(response, ctx)
    }
    try {
      return await finish(await handler(request, ctx, route))
    } catch (error) {
      const digest = digestOf(error)
      if (digest?.startsWith('NEXT_REDIRECT;')) return finish(redirectOf(digest))
      const found = ctx as unknown as Context
      const answer = answerTo(auth, error, found, () => exchange, digest === null ? options : { unknown: 'pass' })
      if (answer === null) throw error
      return responseOf(answer, request.method)
    }
  }
}

/** The handlers for `app/api/v1/[...pawl]/route.ts`: they serve the routes, and answer 404 to the rest. */
export function authHandlers<User extends BaseUser>(
  auth: Auth<User>,
  options?: WebOptions,
): Readonly<Record<(typeof METHODS)[number], RouteHandler>> {
  const fetch = authFetch(auth, undefined, options)
  const serve: RouteHandler = request => fetch(request)
  return Object.fromEntries(METHODS.map(method => [method, serve])) as Record<(typeof METHODS)[number], RouteHandler>
}

function readOnly(): never {
  throw new TypeError('a server component cannot sign anybody in or out: do it in a route handler, through `withAuth`')
}

/**
 * Who asks, in a server component or a server action: read from `next/headers`. To read only: what would queue a write
 * throws `TypeError`. Each call asks the store; share one with React's `cache`.
 */
export async function currentAuth<User extends BaseUser>(auth: Auth<User>): Promise<Context<User, Exchange>> {
  // @ts-expect-error Next is the app's own and not ours to know
  const { headers } = (await import('next/headers')) as { headers(): Awaitable<Pick<Headers, 'get'>> }
  const given = await headers()
  let isOpen = false
  const ctx = await auth.open({
    method: 'GET',
    target: '/',
    address: null,
    header: name => given.get(name),
    readBody: async () => new Uint8Array(),
    onQueued: () => isOpen && readOnly(),
  })
  // A cookie that is due to be exchanged is left for a request that can answer with the new one.
  ctx.discard()
  isOpen = true
  return ctx
}

export interface NextGuardOptions extends GuardOptions, WebOptions {}

function guarded<User extends BaseUser, Req extends Request, Route>(
  auth: Auth<User>,
  guard: Guard,
  handler: NextHandler<User, Req, Route>,
  { address, ...options }: NextGuardOptions = {},
): RouteHandler<Req, Route> {
  const gate = gateOf(auth, guard, options)
  const inside: NextHandler<User, Req, Route> = (request, found, route) =>
    gate<Awaitable<Response>>(
      found as unknown as Context,
      ctx => handler(request, ctx, route),
      answer => responseOf(answer, request.method),
    )
  return withAuth(auth, inside, address && { address })
}

/** A route handler that lets only signed-in requests through to `handler`, and does what `withAuth` does. */
export function requireAuthenticated<User extends BaseUser, Req extends Request = Request, Route = unknown>(
  auth: Auth<User>,
  handler: NextHandler<User, Req, Route>,
  options?: NextGuardOptions,
): RouteHandler<Req, Route> {
  return guarded(auth, 'authenticated', handler, options)
}

/** A route handler that lets only requests of nobody through; the others get `already_authenticated`. */
export function requireNotAuthenticated<User extends BaseUser, Req extends Request = Request, Route = unknown>(
  auth: Auth<User>,
  handler: NextHandler<User, Req, Route>,
  options?: NextGuardOptions,
): RouteHandler<Req, Route> {
  return guarded(auth, 'not_authenticated', handler, options)
}

/** A route handler that lets only users through who have one of the roles; other signed-in users get `forbidden`. */
export function requireRole<User extends BaseUser, Req extends Request = Request, Route = unknown>(
  auth: Auth<User>,
  roles: string | readonly string[],
  handler: NextHandler<User, Req, Route>,
  options?: NextGuardOptions,
): RouteHandler<Req, Route> {
  return guarded(auth, rolesOf(roles), handler, options)
}

/** Answers what a handler threw and the app caught itself, and forgets what the request had queued. */
export const problemHandler: <User extends BaseUser>(
  auth: Auth<User>,
  options?: ProblemOptions,
) => (error: unknown, request: Request, ctx?: Context<User, Exchange>) => Response = webProblemHandler
