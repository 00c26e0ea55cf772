import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { FastifyPluginCallback, FastifyReply, FastifyRequest, RouteGenericInterface } from 'fastify'
import type { Auth } from '../auth.js'
import { isPromise } from '../base/awaitable.js'
import type { Answer, Exchange } from '../http/exchange.js'
import { type Guard, rolesOf } from '../http/guards.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { give, type Reply, readFastifyError, type Told } from './fastify-reply.js'
import { type GuardOptions, guardOf } from './gate.js'
import { type HostFacts, nodeExchange, type Opened, openRequest } from './node-exchange.js'
import { answerTo, forget, type ProblemOptions } from './thrown.js'

/** A request with who sent it in `auth`, once it came through `authPlugin`. */
export interface AuthRequest<
  User extends BaseUser = BaseUser,
  Route extends RouteGenericInterface = RouteGenericInterface,
> extends FastifyRequest<Route> {
  auth: Context<User, Exchange>
}

/** Answers a request that a guard let through. */
export type FastifyHandler<
  User extends BaseUser = BaseUser,
  Route extends RouteGenericInterface = RouteGenericInterface,
> = (request: AuthRequest<User, Route>, reply: FastifyReply) => unknown

// What Fastify gives is `unknown` in these: its own types cost a compiler more than the rest of an app.

/** What `app.register` takes. */
export type FastifyPlugin = (app: unknown, options: unknown, done: (error?: Error) => void) => void

/** What `app.get` and the others take as a handler. */
export type GuardedHandler = (request: unknown, reply: unknown) => unknown

/** A hook for `onRequest`, `preHandler` and the others before the handler. */
export type FastifyHook = (request: unknown, reply: unknown, done: () => void) => void

function factsOf(request: Told): HostFacts {
  return { target: request.originalUrl, address: request.ip, parsedBody: () => request.body }
}

/**
 * The plugin for `app.register`: serves the routes and sets `request.auth` for all others, in the whole app. What is
 * queued on it is written right before the response leaves, and forgotten when a handler or a hook throws.
 */
export function authPlugin<User extends BaseUser>(auth: Auth<User>): FastifyPlugin {
  const plugin: FastifyPluginCallback = (app, _options, done) => {
    if (!app.hasRequestDecorator('auth')) app.decorateRequest('auth', null)
    app.addHook('onRequest', (request, reply, next) => {
      const serve = (ctx: Context<User, Exchange>) => {
        Object.assign(request, { auth: ctx })
        const answered = auth.handle(ctx)
        if (answered === null) return next()
        const respond = (answer: Answer | null) => answer && give(reply, answer)
        if (isPromise(answered)) answered.then(respond).catch(next)
        else respond(answered)
      }
      const { raw } = reply
      const opened = openRequest(auth, request.raw, raw, {
        ...factsOf(request),
        // A write that fails answers on Node's own response: what hooks said of the request is to stay there.
        keptHeaders: () => reply.getHeaders() as OutgoingHttpHeaders,
      })
      if (isPromise(opened)) opened.then(serve).catch(next)
      else serve(opened)
    })
    app.addHook('onError', (request, _reply, _error, next) => {
      forget((request as Told).auth)
      next()
    })
    done()
  }
  // Hooks are for the app that registers it and not for the plugin alone.
  return Object.assign(plugin as FastifyPlugin, { [Symbol.for('skip-override')]: true })
}

/** What `auth` knows of a request that came through its `authPlugin`. Throws `TypeError` for one that did not. */
export function currentAuth<User extends BaseUser>(
  auth: Auth<User>,
  request: { readonly raw: IncomingMessage },
): Context<User, Exchange> {
  return auth.opened((request.raw as Opened).auth)
}

function guarded<User extends BaseUser>(
  auth: Auth<User>,
  guard: Guard,
  first: FastifyHandler<User> | GuardOptions | undefined,
  options?: GuardOptions,
): FastifyHook | GuardedHandler {
  const { gate, handler } = guardOf(auth, guard, first, options)
  const enter = (given: unknown, reply: unknown, go: () => unknown) => {
    const request = given as Told
    return gate<unknown>(
      request.auth ?? undefined,
      ctx => {
        request.auth = ctx as unknown as Context
        return go()
      },
      answer => give(reply as Reply, answer),
    )
  }
  if (handler) {
    return (request: unknown, reply: unknown) =>
      enter(request, reply, () => handler(request as never, reply as FastifyReply))
  }
  return (request: unknown, reply: unknown, done: () => void) => void enter(request, reply, done)
}

/** Lets only signed-in requests through: a hook, or a handler around `handler`. */
export function requireAuthenticated<User extends BaseUser>(auth: Auth<User>, options?: GuardOptions): FastifyHook
export function requireAuthenticated<
  User extends BaseUser,
  Route extends RouteGenericInterface = RouteGenericInterface,
>(auth: Auth<User>, handler: FastifyHandler<User, Route>, options?: GuardOptions): GuardedHandler
export function requireAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler?: FastifyHandler<User> | GuardOptions,
  options?: GuardOptions,
): unknown {
  return guarded(auth, 'authenticated', handler, options)
}

/** Lets only requests of nobody through; the others get `already_authenticated`. */
export function requireNotAuthenticated<User extends BaseUser>(auth: Auth<User>, options?: GuardOptions): FastifyHook
export function requireNotAuthenticated<
  User extends BaseUser,
  Route extends RouteGenericInterface = RouteGenericInterface,
>(auth: Auth<User>, handler: FastifyHandler<User, Route>, options?: GuardOptions): GuardedHandler
export function requireNotAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler?: FastifyHandler<User> | GuardOptions,
  options?: GuardOptions,
): unknown {
  return guarded(auth, 'not_authenticated', handler, options)
}

/** Lets only users who have one of the roles through; other signed-in users get `forbidden`. */
export function requireRole<User extends BaseUser>(
  auth: Auth<User>,
  roles: string | readonly string[],
  options?: GuardOptions,
): FastifyHook
export function requireRole<User extends BaseUser, Route extends RouteGenericInterface = RouteGenericInterface>(
  auth: Auth<User>,
  roles: string | readonly string[],
  handler: FastifyHandler<User, Route>,
  options?: GuardOptions,
): GuardedHandler
export function requireRole<User extends BaseUser>(
  auth: Auth<User>,
  roles: string | readonly string[],
  handler?: FastifyHandler<User> | GuardOptions,
  options?: GuardOptions,
): unknown {
  return guarded(auth, rolesOf(roles), handler, options)
}

/** The function for `setErrorHandler`: answers what was thrown and forgets what the request had queued. */
export function problemHandler<User extends BaseUser>(
  auth: Auth<User>,
  options?: ProblemOptions,
): (error: unknown, request: unknown, reply: unknown) => void {
  return (error, given, reply) => {
    const request = given as Told
    const exchange = () => nodeExchange(request.raw, factsOf(request))
    const answer = answerTo(auth, error, request.auth, exchange, options, readFastifyError)
    // Fastify would send what is no error as it is.
    if (answer === null) throw error instanceof Error ? error : new Error('thrown', { cause: error })
    give(reply as Reply, answer)
  }
}
