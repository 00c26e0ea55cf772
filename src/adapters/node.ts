import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Auth } from '../auth.js'
import { type Awaitable, isPromise } from '../base/awaitable.js'
import { Problem } from '../base/problem.js'
import type { Exchange } from '../http/exchange.js'
import { type Guard, refusalOf } from '../http/guards.js'
import type { Presenter } from '../http/presenter.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { holdResponse } from './node-hold.js'
import { headerOf, readNodeBody, sendAnswer } from './node-io.js'

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
 * A listener for `http.createServer` that serves the routes and hands every other request to `app`, with `request.auth`
 * set. What `app` queues on it (a sign-in in your own controller) is written right before its response leaves; what it
 * throws is presented.
 */
export function authListener<User extends BaseUser>(
  auth: Auth<User>,
  app?: NodeHandler<User>,
): (request: IncomingMessage, response: ServerResponse) => void {
  type Ctx = Context<User, Exchange>

  function exchangeOf(request: IncomingMessage, response: ServerResponse): Exchange {
    return {
      method: request.method as string,
      target: request.url as string,
      id: (request as AuthRequest).id,
      address: request.socket.remoteAddress ?? null,
      header: name => headerOf(request.rawHeaders, name),
      readBody: limit => readNodeBody(request, limit),
      onQueued(ctx) {
        // Nothing is left to hold: what is queued after the response is written all the same.
        if (response.writableEnded) queueMicrotask(() => void auth.send(ctx as Ctx))
        else holdResponse(response, ctx, () => auth.send(ctx as Ctx))
      },
    }
  }

  function runApp(ctx: Ctx, request: IncomingMessage, response: ServerResponse): void {
    if (!app) return refuse(new Problem('not_found'), ctx, request, response)
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
    const answered = auth.handle(ctx)
    if (answered === null) runApp(ctx, request, response)
    else {
      Promise.resolve(answered)
        .then(answer => answer && sendAnswer(request, response, answer))
        .catch(() => response.destroy())
    }
  }

  return (request, response) => {
    const opened = auth.open(exchangeOf(request, response))
    if (isPromise(opened)) opened.then(ctx => serve(ctx, request, response)).catch(() => response.destroy())
    else serve(opened, request, response)
  }
}

function guarded<User extends BaseUser>(
  guard: Guard,
  auth: Auth<User>,
  handler: NodeHandler<User>,
  presenter?: Presenter,
): NodeHandler<User> {
  return (request, response) => {
    const refusal = refusalOf(guard, request.auth)
    if (refusal === null) return handler(request, response)
    sendAnswer(request, response, auth.present(refusal, request.auth, presenter))
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
  return guarded('authenticated', auth, handler, presenter)
}

/** Lets only requests of nobody through to `handler`; the others get `already_authenticated`. */
export function requireNotAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler: NodeHandler<User>,
  { presenter }: { readonly presenter?: Presenter } = {},
): NodeHandler<User> {
  return guarded('not_authenticated', auth, handler, presenter)
}
