import type { Auth } from '../auth.js'
import type { Awaitable } from '../base/awaitable.js'
import { Problem } from '../base/problem.js'
import type { Answer, Exchange } from '../http/exchange.js'
import { rolesOf } from '../http/guards.js'
import { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { type Gate, type GuardOptions, gateOf } from './gate.js'
import { answerTo, forget, type ProblemOptions } from './thrown.js'

/** Answers a request the routes of Pawl do not. */
export type WebHandler<User extends BaseUser = BaseUser> = (
  request: Request,
  ctx: Context<User, Exchange>,
) => Awaitable<Response>

export interface WebOptions {
  /** The peer's address, where the platform knows it. Default: unknown. */
  readonly address?: (request: Request) => string | null
}

async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length') ?? 0) > limit) throw new Problem('body_too_large')
  if (request.bodyUsed) throw new Problem('invalid_body', { message: 'Body was read already' })
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.length
    if (size > limit) throw new Problem('body_too_large')
    chunks.push(chunk)
  }
  const body = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    body.set(chunk, at)
    at += chunk.length
  }
  return body
}

export function exchangeOf(
  request: Request,
  address: string | null,
  onQueued: (ctx: Context) => void = () => {},
): Exchange {
  const { pathname, search } = new URL(request.url)
  return {
    onQueued,
    method: request.method,
    target: pathname + search,
    address,
    header: name => request.headers.get(name),
    readBody: limit => readBody(request, limit),
  }
}

export function responseOf({ status, headers, body, cookies = [] }: Answer, method: string): Response {
  const response = new Response(method === 'HEAD' ? null : body, { status, headers })
  for (const cookie of cookies) response.headers.append('set-cookie', cookie)
  return response
}

/** Whether a response is on its way, and what is queued from then on: by what still makes its body. */
export interface Late {
  isTold: boolean
  readonly onQueued: (ctx: Context) => void
}

/** Writes what is queued when the response cannot wait for it any more: better late than told of and never stored. */
export function writingLate<User extends BaseUser>(auth: Auth<User>): Late {
  const late: Late = {
    isTold: false,
    onQueued(ctx) {
      if (late.isTold) queueMicrotask(() => void auth.send(ctx as unknown as Context<User, Exchange>))
    },
  }
  return late
}

/** An app's response with the cookies that the request's writes, now done, gave it. No cache may keep such a one. */
export function withCookies(response: Response, { cookies }: Context): Response {
  if (cookies.length === 0) return response
  // Those of a redirect or of another server's response cannot be changed.
  const given = new Response(response.body, response)
  for (const cookie of cookies) given.headers.append('set-cookie', cookie)
  given.headers.set('cache-control', 'no-store')
  return given
}

/** The response of an app's own handler, once what it queued is written; what it threw is presented. */
export async function responseFrom<User extends BaseUser>(
  auth: Auth<User>,
  request: Request,
  ctx: Context<User, Exchange>,
  handler: () => Awaitable<Response>,
): Promise<Response> {
  try {
    const response = await handler()
    const failed = await auth.send(ctx)
    return failed ? responseOf(failed, request.method) : withCookies(response, ctx)
  } catch (error) {
    forget(ctx as unknown as Context)
    return responseOf(auth.present(error, ctx), request.method)
  }
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
