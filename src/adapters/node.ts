import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Auth } from '../auth.js'
import { type Awaitable, isPromise } from '../base/awaitable.js'
import { Problem } from '../base/problem.js'
import type { Exchange } from '../http/exchange.js'
import { rolesOf } from '../http/guards.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { type Gate, type GuardOptions, gateOf } from './gate.js'
import { type HostFacts, nodeExchange, type Opened, openRequest } from './node-exchange.js'
import { sendAnswer } from './node-io.js'
import { answerTo, forget, type ProblemOptions } from './thrown.js'

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

function factsOf({ url, socket }: IncomingMessage): HostFacts {
  return { target: url as string, address: socket.remoteAddress ?? null }
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
    try {
      const done = app(request as AuthRequest<User>, response)
      if (isPromise(done)) done.catch(error => refuse(error, ctx, request, response))
    } catch (error) {
      refuse(error, ctx, request, response)
    }
  }

  function refuse(error: unknown, ctx: Ctx, request: IncomingMessage, response: ServerResponse): void {
    forget((request as Opened).auth)
    sendAnswer(request, response, auth.present(error, ctx))
  }

  function serve(ctx: Ctx, request: IncomingMessage, response: ServerResponse): void {
    const answered = auth.handle(ctx)
    if (answered === null) runApp(ctx, request, response)
    else {
      Promise.resolve(answered)
        .then(answer => answer && sendAnswer(request, response, answer))
        .catch(() => response.destroy())
    }
  }

  return (request, response) => {
    const opened = openRequest(auth, request, response, factsOf(request))
    if (isPromise(opened)) opened.then(ctx => serve(ctx, request, response)).catch(() => response.destroy())
    else serve(opened, request, response)
  }
}

function guarded<User extends BaseUser>(gate: Gate<User>, handler: NodeHandler<User>): NodeHandler<User> {
  return (request, response) =>
    gate<Awaitable<unknown>>(
      request.auth,
      ctx => {
        request.auth = ctx
        return handler(request, response)
      },
      answer => sendAnswer(request, response, answer),
    )
}

/** Lets only signed-in requests through to `handler`. */
export function requireAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler: NodeHandler<User>,
  options?: GuardOptions,
): NodeHandler<User> {
  return guarded(gateOf(auth, 'authenticated', options), handler)
}

/** Lets only requests of nobody through to `handler`; the others get `already_authenticated`. */
export function requireNotAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler: NodeHandler<User>,
  options?: GuardOptions,
): NodeHandler<User> {
  return guarded(gateOf(auth, 'not_authenticated', options), handler)
}

/** Lets only users who have one of the roles through to `handler`; other signed-in users get `forbidden`. */
export function requireRole<User extends BaseUser>(
  auth: Auth<User>,
  roles: string | readonly string[],
  handler: NodeHandler<User>,
  options?: GuardOptions,
): NodeHandler<User> {
  return guarded(gateOf(auth, rolesOf(roles), options), handler)
}

/**
 * Answers what a handler threw and the app caught itself, and forgets what the request had queued. Throws what it is to
 * `pass`.
 */
export function problemHandler<User extends BaseUser>(
  auth: Auth<User>,
  options?: ProblemOptions,
): (error: unknown, request: IncomingMessage, response: ServerResponse) => void {
  return (error, request, response) => {
    const exchange = () => nodeExchange(request, factsOf(request))
    const answer = answerTo(auth, error, (request as Opened).auth, exchange, options)
    if (answer === null) throw error
    sendAnswer(request, response, answer)
  }
}

/** What `auth` knows of a request that came through its `authListener`. Throws `TypeError` for one that did not. */
export function currentAuth<User extends BaseUser>(
  auth: Auth<User>,
  request: IncomingMessage,
): Context<User, Exchange> {
  return auth.opened((request as AuthRequest<User>).auth as unknown as Context)
}
