import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Auth } from '../auth.js'
import { type Awaitable, isPromise } from '../base/awaitable.js'
import { Problem } from '../base/problem.js'
import type { Exchange } from '../http/exchange.js'
import * as guards from '../http/guards.js'
import type { Presenter } from '../http/presenter.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { holdResponse } from './node-hold.js'
import { readNodeBody, sendAnswer } from './node-io.js'

/** A request that went through `authListener`: who sent it is in `auth`. An `id` set before is the one in events. */
export type AuthRequest<User extends BaseUser = BaseUser> = IncomingMessage & {
  auth: Context<User, Exchange>
  readonly id?: string
}

/** Answers a request the routes of Pawl do not. */
export type NodeHandler<User extends BaseUser = BaseUser> = (
  request: AuthRequest<User>,
  response: ServerResponse,
) => Awaitable<unknown>

/**
 * The value of a header, read from what came: Node's own `headers` keeps the first of two and says nothing.
 * Joined with `, ` as the standard has it (RFC 9110, 5.3), so that two of one make neither.
 */
function headerOf(rawHeaders: readonly string[], name: string): string | null {
  let value: string | null = null
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const header = rawHeaders[index] as string
    if (header.length !== name.length || (header !== name && header.toLowerCase() !== name)) continue
    const next = rawHeaders[index + 1] as string
    value = value === null ? next : `${value}, ${next}`
  }
  return value
}

function exchangeOf(request: IncomingMessage): Exchange {
  return {
    method: request.method as string,
    target: request.url as string,
    id: (request as AuthRequest).id,
    address: request.socket.remoteAddress ?? null,
    header: name => headerOf(request.rawHeaders, name),
    readBody: limit => readNodeBody(request, limit),
  }
}

/**
 * A listener for `http.createServer` that serves the routes and hands every other request to `app`, with `request.auth`
 * set. What `app` queues on it (a sign-in in your own controller) is written right before its response leaves; what it
 * throws is presented.
 */
export function authListener<User extends BaseUser>(
  auth: Auth<User>,
  app?: NodeHandler<User>,
): (request: IncomingMessage, response: ServerResponse) => void {
  type Ctx = Context<User, Exchange>

  function runApp(ctx: Ctx, request: IncomingMessage, response: ServerResponse): void {
    if (!app) return refuse(new Problem('not_found'), ctx, request, response)
    ctx.onQueued = () => holdResponse(response, ctx, () => auth.send(ctx))
    try {
      const done = app(request as AuthRequest<User>, response)
      if (isPromise(done)) done.catch(error => refuse(error, ctx, request, response))
    } catch (error) {
      refuse(error, ctx, request, response)
    }
  }

  function refuse(error: unknown, ctx: Ctx, request: IncomingMessage, response: ServerResponse): void {
    sendAnswer(request, response, auth.present(error, ctx))
  }

  function serve(ctx: Ctx, request: IncomingMessage, response: ServerResponse): void {
    ;(request as AuthRequest<User>).auth = ctx
    // Node refuses a request without a Host, and lets two pass (RFC 9112, 3.2).
    if (headerOf(request.rawHeaders, 'host')?.includes(',')) {
      return refuse(new Problem('invalid_request', { message: 'Two Host headers' }), ctx, request, response)
    }
    const answered = auth.handle(ctx)
    if (answered === null) runApp(ctx, request, response)
    else void Promise.resolve(answered).then(answer => answer && sendAnswer(request, response, answer))
  }

  return (request, response) => {
    const opened = auth.open(exchangeOf(request))
    if (isPromise(opened)) void opened.then(ctx => serve(ctx, request, response))
    else serve(opened, request, response)
  }
}

function guarded<User extends BaseUser>(
  guard: (ctx: Context) => void,
  auth: Auth<User>,
  handler: NodeHandler<User>,
  presenter?: Presenter,
): NodeHandler<User> {
  return (request, response) => {
    try {
      guard(request.auth)
    } catch (error) {
      return sendAnswer(request, response, auth.present(error, request.auth, presenter))
    }
    return handler(request, response)
  }
}

/**
 * Lets only signed-in requests through to `handler`. Others get what `presenter` says: the guide's error handler.
 * Default: the presenter of `createAuth`.
 */
export function requireAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler: NodeHandler<User>,
  { presenter }: { readonly presenter?: Presenter } = {},
): NodeHandler<User> {
  return guarded(guards.requireAuthenticated, auth, handler, presenter)
}

/** Lets only requests of nobody through to `handler`; the others get `already_authenticated`. */
export function requireNotAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler: NodeHandler<User>,
  { presenter }: { readonly presenter?: Presenter } = {},
): NodeHandler<User> {
  return guarded(guards.requireNotAuthenticated, auth, handler, presenter)
}
