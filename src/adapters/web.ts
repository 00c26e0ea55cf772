import type { Auth } from '../auth.js'
import type { Awaitable } from '../base/awaitable.js'
import { Problem } from '../base/problem.js'
import type { Answer, Exchange } from '../http/exchange.js'
import { type Guard, refusalOf } from '../http/guards.js'
import type { Presenter } from '../http/presenter.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'

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

function exchangeOf(request: Request, address: string | null): Exchange {
  const { pathname, search } = new URL(request.url)
  return {
    method: request.method,
    target: pathname + search,
    address,
    header: name => request.headers.get(name),
    readBody: limit => readBody(request, limit),
  }
}

function responseOf({ status, headers, body }: Answer, method: string): Response {
  return new Response(method === 'HEAD' ? null : body, { status, headers })
}

/**
 * A `fetch` for any Web-standard runtime that serves the routes and hands every other request to `app`. What `app`
 * queues on its context is written before its response is returned; what it throws is presented.
 */
export function authFetch<User extends BaseUser>(
  auth: Auth<User>,
  app?: WebHandler<User>,
  { address = () => null }: WebOptions = {},
): (request: Request) => Promise<Response> {
  return async request => {
    const ctx = await auth.open(exchangeOf(request, address(request)))
    const answered = await auth.handle(ctx)
    if (answered) return responseOf(answered, request.method)
    try {
      if (!app) throw new Problem('not_found')
      const response = await app(request, ctx)
      const failed = await auth.send(ctx)
      return failed ? responseOf(failed, request.method) : response
    } catch (error) {
      return responseOf(auth.present(error, ctx), request.method)
    }
  }
}

function guarded<User extends BaseUser>(
  guard: Guard,
  auth: Auth<User>,
  handler: WebHandler<User>,
  presenter?: Presenter,
): WebHandler<User> {
  return (request, ctx) => {
    const refusal = refusalOf(guard, ctx)
    return refusal === null ? handler(request, ctx) : responseOf(auth.present(refusal, ctx, presenter), request.method)
  }
}

/**
 * Lets only signed-in requests through to `handler`. Others get what `presenter` says: the guide's error handler.
 * Default: the presenter of `createAuth`.
 */
export function requireAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler: WebHandler<User>,
  { presenter }: { readonly presenter?: Presenter } = {},
): WebHandler<User> {
  return guarded('authenticated', auth, handler, presenter)
}

/** Lets only requests of nobody through to `handler`; the others get `already_authenticated`. */
export function requireNotAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler: WebHandler<User>,
  { presenter }: { readonly presenter?: Presenter } = {},
): WebHandler<User> {
  return guarded('not_authenticated', auth, handler, presenter)
}
