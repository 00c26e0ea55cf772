import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import type { Auth } from '../auth.js'
import { isPromise } from '../base/awaitable.js'
import { Problem } from '../base/problem.js'
import type { Answer, Exchange } from '../http/exchange.js'
import { type Guard, rolesOf } from '../http/guards.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { isContentHeader } from './content-headers.js'
import { type GuardOptions, guardOf } from './gate.js'
import { type HostFacts, nodeExchange, type Opened, openRequest } from './node-exchange.js'
import { answerFor } from './node-io.js'
import { answerTo, forget, type ProblemOptions, type Reading } from './thrown.js'

/** A request with who sent it in `auth`, once it came through `authPlugin`. */
export type AuthRequest<User extends BaseUser = BaseUser, Req = FastifyRequest> = Req & {
  auth: Context<User, Exchange>
}

/** Answers a request that a guard let through. */
export type FastifyHandler<User extends BaseUser = BaseUser, Req = FastifyRequest, Reply = FastifyReply> = (
  request: AuthRequest<User, Req>,
  reply: Reply,
) => unknown

/** What the adapter uses of Fastify's request. */
interface Told {
  readonly raw: IncomingMessage
  readonly originalUrl: string
  readonly ip: string
  readonly body: unknown
  auth?: Context | null
}

/** What the adapter uses of Fastify's reply. */
interface Reply {
  readonly request: { readonly raw: IncomingMessage }
  code(status: number): unknown
  headers(headers: Readonly<Record<string, string | string[]>>): unknown
  getHeaders(): object
  removeHeader(name: string): unknown
  send(payload: unknown): unknown
}

/** A hook for `onRequest`, `preHandler` and the others before the handler. */
export type FastifyHook = (request: Told, reply: Reply, done: () => void) => void

function factsOf(request: Told): HostFacts {
  return { target: request.originalUrl, address: request.ip, parsedBody: () => request.body }
}

/** Answers in Fastify's words, so that the app's hooks have their say. */
export function give(reply: Reply, answer: Answer): unknown {
  for (const name of Object.keys(reply.getHeaders())) if (isContentHeader(name)) reply.removeHeader(name)
  const { headers, body } = answerFor(reply.request.raw, answer)
  reply.code(answer.status)
  reply.headers(headers)
  return reply.send(body)
}

/**
 * The plugin for `app.register`: serves the routes and sets `request.auth` for all others, in the whole app. What is
 * queued on it is written right before the response leaves, and forgotten when a handler or a hook throws.
 */
export function authPlugin<User extends BaseUser>(auth: Auth<User>): FastifyPluginCallback {
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
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true })
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
  first: FastifyHandler<User, never, never> | GuardOptions | undefined,
  options?: GuardOptions,
): FastifyHook | ((request: never, reply: never) => unknown) {
  const { gate, handler } = guardOf(auth, guard, first, options)
  const enter = (request: Told, reply: Reply, go: () => unknown) =>
    gate<unknown>(
      request.auth ?? undefined,
      ctx => {
        request.auth = ctx as unknown as Context
        return go()
      },
      answer => give(reply, answer),
    )
  if (handler)
    return (request: Told, reply: Reply) => enter(request, reply, () => handler(request as never, reply as never))
  return (request, reply, done) => void enter(request, reply, done)
}

/** Lets only signed-in requests through: a hook, or a handler around `handler`. */
export function requireAuthenticated<User extends BaseUser>(auth: Auth<User>, options?: GuardOptions): FastifyHook
export function requireAuthenticated<User extends BaseUser, Req extends object = FastifyRequest, Reply = FastifyReply>(
  auth: Auth<User>,
  handler: FastifyHandler<User, Req, Reply>,
  options?: GuardOptions,
): (request: Req, reply: Reply) => unknown
export function requireAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler?: FastifyHandler<User, never, never> | GuardOptions,
  options?: GuardOptions,
): unknown {
  return guarded(auth, 'authenticated', handler, options)
}

/** Lets only requests of nobody through; the others get `already_authenticated`. */
export function requireNotAuthenticated<User extends BaseUser>(auth: Auth<User>, options?: GuardOptions): FastifyHook
export function requireNotAuthenticated<
  User extends BaseUser,
  Req extends object = FastifyRequest,
  Reply = FastifyReply,
>(
  auth: Auth<User>,
  handler: FastifyHandler<User, Req, Reply>,
  options?: GuardOptions,
): (request: Req, reply: Reply) => unknown
export function requireNotAuthenticated<User extends BaseUser>(
  auth: Auth<User>,
  handler?: FastifyHandler<User, never, never> | GuardOptions,
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
export function requireRole<User extends BaseUser, Req extends object = FastifyRequest, Reply = FastifyReply>(
  auth: Auth<User>,
  roles: string | readonly string[],
  handler: FastifyHandler<User, Req, Reply>,
  options?: GuardOptions,
): (request: Req, reply: Reply) => unknown
export function requireRole<User extends BaseUser>(
  auth: Auth<User>,
  roles: string | readonly string[],
  handler?: FastifyHandler<User, never, never> | GuardOptions,
  options?: GuardOptions,
): unknown {
  return guarded(auth, rolesOf(roles), handler, options)
}

/** Fastify's own refusals, which say what they mean in `statusCode`. */
export const readFastifyError: Reading = error => {
  const { statusCode, message, code } = (error ?? {}) as { statusCode?: unknown; message?: unknown; code?: unknown }
  if (Problem.is(error) || typeof statusCode !== 'number' || statusCode < 400 || statusCode > 499) return error
  if (error instanceof SyntaxError || /^FST_ERR_CTP_(?:INVALID|EMPTY)_JSON_BODY$/.test(String(code))) {
    return new Problem('invalid_body', { message: 'Body is not valid JSON' })
  }
  return { status: statusCode, message, expose: true }
}

/** The function for `setErrorHandler`: answers what was thrown and forgets what the request had queued. */
export function problemHandler<User extends BaseUser>(
  auth: Auth<User>,
  options?: ProblemOptions,
): (error: unknown, request: Told, reply: Reply) => void {
  return (error, request, reply) => {
    const exchange = () => nodeExchange(request.raw, factsOf(request))
    const answer = answerTo(auth, error, request.auth, exchange, options, readFastifyError)
    // Fastify would send what is no error as it is.
    if (answer === null) throw error instanceof Error ? error : new Error('thrown', { cause: error })
    give(reply, answer)
  }
}
