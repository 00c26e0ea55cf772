import type { Handler, Context as HonoContext, Input, MiddlewareHandler } from 'hono'
import type { HandlerResponse } from 'hono/types'
import type { Auth } from '../auth.js'
import type { Answer, Exchange } from '../http/exchange.js'
import { type Guard, rolesOf } from '../http/guards.js'
import { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { isContentHeader } from './content-headers.js'
import { type GuardOptions, guardOf } from './gate.js'
import { bodyReaderOf } from './hono-body.js'
import { answerTo, forget, type ProblemOptions } from './thrown.js'
import { exchangeOf, writingLate } from './web-exchange.js'

/** What Hono's context holds of a request that came through `authMiddleware`: who sent it is `c.get('auth')`. */
export interface AuthEnv<User extends BaseUser = BaseUser> {
  Variables: { auth: Context<User, Exchange> }
}

/** Any answer of a handler, typed or not. */
// biome-ignore lint/suspicious/noExplicitAny: Hono's own word for it
type Result = HandlerResponse<any>

/** Answers a request that a guard let through. */
export type HonoHandler<User extends BaseUser = BaseUser, R extends Result = Result> = Handler<
  AuthEnv<User>,
  string,
  Input,
  R
>

export interface HonoOptions {
  /** The peer's address. Default: what `@hono/node-server` knows; unknown on other runtimes. */
  readonly address?: (c: HonoContext) => string | null
}

/** What `@hono/node-server` puts into `c.env`. */
interface NodeEnv {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } }
}

const addressOnNode = (c: HonoContext) => (c.env as NodeEnv | undefined)?.incoming?.socket?.remoteAddress ?? null

// Of all environments there are, Hono knows a context of none by one of them. Middleware of others may use the name.
const foundIn = (c: unknown): Context | undefined => {
  const found: unknown = (c as HonoContext<AuthEnv>).get('auth')
  return found instanceof Context ? found : undefined
}
const keepIn = (c: unknown, ctx: unknown) => (c as HonoContext).set('auth', ctx)

/** Answers in Hono's words, so that what middleware said before has its say. */
function give(c: unknown, { status, headers, body, cookies = [] }: Answer): Response {
  const said = (c as HonoContext).res.headers
  for (const name of [...said.keys()]) if (isContentHeader(name)) said.delete(name)
  const all = cookies.length === 0 ? headers : { ...headers, 'set-cookie': [...cookies] }
  return (c as HonoContext).body(body as string, status as 200, all)
}

/** Makes an answer the response in place of the handler's, whose headers nobody is told. */
function replace(c: HonoContext, answer: Answer, before: Headers): void {
  c.res = undefined
  const response = new Response(answer.body, { status: answer.status, headers: answer.headers })
  for (const [name, value] of before) {
    if (!isContentHeader(name) && !response.headers.has(name)) response.headers.set(name, value)
  }
  c.res = response
}

/**
 * Middleware that serves the routes and sets `c.get('auth')` for all others. What is queued on it is written before the
 * response is returned, and forgotten when something throws.
 */
export function authMiddleware<User extends BaseUser>(
  auth: Auth<User>,
  { address = addressOnNode }: HonoOptions = {},
): MiddlewareHandler<AuthEnv<User>> {
  return async (c, next) => {
    const plain = c as unknown as HonoContext
    let before = new Headers()
    const late = writingLate(auth)
    const exchange: Exchange = {
      ...exchangeOf(c.req.raw, address(plain)),
      ...bodyReaderOf(c.req),
      onQueued(ctx) {
        if (late.isTold) return late.onQueued(ctx)
        // What middleware said up to here is not the handler's word.
        before = new Headers(c.res.headers)
      },
    }
    const ctx = (await auth.open(exchange)).joins(foundIn(c))
    keepIn(c, ctx)
    const answered = await auth.handle(ctx)
    if (answered) return give(c, answered)
    try {
      await next()
    } catch (error) {
      // Hono has a handler for errors alone: what else is thrown would leave the app.
      forget(foundIn(c))
      return give(c, auth.present(error, ctx))
    }
    if (c.error) return forget(foundIn(c))
    const failed = await auth.send(ctx)
    late.isTold = true
    if (failed) return replace(plain, failed, before)
    for (const cookie of ctx.cookies) c.header('set-cookie', cookie, { append: true })
    if (ctx.cookies.length > 0) c.header('cache-control', 'no-store')
  }
}

/** What `auth` knows of a request that came through its `authMiddleware`. Throws `TypeError` for one that did not. */
export function currentAuth<User extends BaseUser>(
  auth: Auth<User>,
  c: { readonly req: { readonly raw: Request } },
): Context<User, Exchange> {
  return auth.opened(foundIn(c))
}

function guarded<User extends BaseUser>(
  auth: Auth<User>,
  guard: Guard,
  first: HonoHandler<User> | GuardOptions | undefined,
  options?: GuardOptions,
): HonoHandler<User> {
  const { gate, handler } = guardOf(auth, guard, first, options)
  return (c, next) =>
    gate<Result>(
      foundIn(c),
      ctx => {
        keepIn(c, ctx)
        return handler ? handler(c, next) : next()
      },
      answer => give(c, answer),
    )
}

/** Lets only signed-in requests through: middleware, or a handler around `handler`. */
export function requireAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  options?: GuardOptions,
): MiddlewareHandler<AuthEnv<User>>
export function requireAuthenticated<User extends BaseUser, R extends Result>(
  auth: Auth<User>,
  handler: HonoHandler<User, R>,
  options?: GuardOptions,
): HonoHandler<User, R>
export function requireAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler?: HonoHandler<User> | GuardOptions,
  options?: GuardOptions,
): unknown {
  return guarded(auth, 'authenticated', handler, options)
}

/** Lets only requests of nobody through; the others get `already_authenticated`. */
export function requireNotAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  options?: GuardOptions,
): MiddlewareHandler<AuthEnv<User>>
export function requireNotAuthenticated<User extends BaseUser, R extends Result>(
  auth: Auth<User>,
  handler: HonoHandler<User, R>,
  options?: GuardOptions,
): HonoHandler<User, R>
export function requireNotAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler?: HonoHandler<User> | GuardOptions,
  options?: GuardOptions,
): unknown {
  return guarded(auth, 'not_authenticated', handler, options)
}

/** Lets only users who have one of the roles through; other signed-in users get `forbidden`. */
export function requireRole<User extends BaseUser>(
  auth: Auth<User>,
  roles: string | readonly string[],
  options?: GuardOptions,
): MiddlewareHandler<AuthEnv<User>>
export function requireRole<User extends BaseUser, R extends Result>(
  auth: Auth<User>,
  roles: string | readonly string[],
  handler: HonoHandler<User, R>,
  options?: GuardOptions,
): HonoHandler<User, R>
export function requireRole<User extends BaseUser>(
  auth: Auth<User>,
  roles: string | readonly string[],
  handler?: HonoHandler<User> | GuardOptions,
  options?: GuardOptions,
): unknown {
  return guarded(auth, rolesOf(roles), handler, options)
}

/** Tells Hono's `HTTPException`, which brings its own response. */
function hasResponse(error: unknown): error is { getResponse(): Response } {
  return typeof (error as { getResponse?: unknown } | null)?.getResponse === 'function'
}

/**
 * The function for `app.onError`: answers what was thrown and forgets what the request had queued. Throws what it is to
 * `pass`. An `HTTPException` keeps its own response.
 */
export function problemHandler<User extends BaseUser>(
  auth: Auth<User>,
  options?: ProblemOptions,
): (error: unknown, c: HonoContext) => Response {
  return (error, c) => {
    const found = foundIn(c)
    if (hasResponse(error)) {
      forget(found)
      return c.newResponse(error.getResponse().body, error.getResponse())
    }
    const answer = answerTo(auth, error, found, () => exchangeOf(c.req.raw, null), options)
    if (answer === null) throw error
    return give(c, answer)
  }
}
