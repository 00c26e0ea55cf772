import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Auth } from '../auth.js'
import type { Exchange } from '../http/exchange.js'
import * as guards from '../http/guards.js'
import type { Presenter } from '../http/presenter.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { authMiddleware as expressMiddleware } from './express.js'
import { give, readFastifyError } from './fastify-reply.js'
import type { GuardOptions } from './gate.js'
import { nodeExchange } from './node-exchange.js'
import { sendAnswer } from './node-io.js'
import { answerTo, forget } from './thrown.js'

/** Nest's word for a request on its way, and for where an error came from. */
interface HttpHost {
  switchToHttp(): { getRequest<T = unknown>(): T; getResponse<T = unknown>(): T }
}

/** A guard for `@UseGuards(…)` and `app.useGlobalGuards(…)`. */
export interface NestGuard {
  canActivate(context: HttpHost): boolean
}

/** A filter for `app.useGlobalFilters(…)` and `@UseFilters(…)`. */
export interface NestFilter {
  catch(error: unknown, host: HttpHost): unknown
}

export interface NestProblemOptions extends GuardOptions {
  /**
   * What becomes of an error that is neither a `Problem` nor Nest's `HttpException`. `present`, the default: an error
   * its host means for the client keeps its status, any other is `internal` and told to `onError`. A filter: it goes on
   * to that one, because Nest runs one filter alone.
   */
  readonly unknown?: 'present' | NestFilter
}

/** What `app.use` takes. */
export type NestMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/** What Express and Fastify add to a request. Fastify's has Node's own in `raw`. */
interface Told {
  readonly raw?: IncomingMessage
  readonly originalUrl: string
  readonly ip?: string
  readonly body?: unknown
  auth?: Context | null
}

/** What Nest's own answers need of a response, of Express or of Fastify. */
interface Reply {
  status(code: number): { send(body: unknown): unknown; json?(body: unknown): unknown }
}

/** Presenters of guards that refused, by the refusal: Nest answers where it catches. */
const presenters = new WeakMap<object, Presenter>()

/**
 * Middleware for `app.use` on Express: serves the routes and sets `request.auth` for all others. On Fastify register
 * `authPlugin` from `pawl/fastify` in its place.
 */
export function authMiddleware<User extends BaseUser>(auth: Auth<User>): NestMiddleware {
  return expressMiddleware(auth) as unknown as NestMiddleware
}

/** What `auth` knows of a request as `@Req()` gives it. Throws `TypeError` for one that did not come through it. */
export function currentAuth<User extends BaseUser>(auth: Auth<User>, request: object): Context<User, Exchange> {
  return auth.opened((request as Told).auth ?? undefined)
}

function guardBy<User extends BaseUser>(
  auth: Auth<User>,
  check: (ctx: Context) => void,
  { presenter }: GuardOptions = {},
): NestGuard {
  return {
    canActivate(context) {
      const request = context.switchToHttp().getRequest<Told>()
      const ctx = auth.opened(request.auth ?? undefined) as unknown as Context
      try {
        check(ctx)
      } catch (refusal) {
        if (presenter && refusal instanceof Error) presenters.set(refusal, presenter)
        throw refusal
      }
      request.auth = ctx
      return true
    },
  }
}

/** A guard that lets only signed-in requests through. It throws the problem, for `problemHandler` to answer. */
export function requireAuthenticated<User extends BaseUser>(auth: Auth<User>, options?: GuardOptions): NestGuard {
  return guardBy(auth, guards.requireAuthenticated, options)
}

/** A guard that lets only requests of nobody through; it throws `already_authenticated` for the others. */
export function requireNotAuthenticated<User extends BaseUser>(auth: Auth<User>, options?: GuardOptions): NestGuard {
  return guardBy(auth, guards.requireNotAuthenticated, options)
}

/** A guard that lets only users who have one of the roles through; it throws `forbidden` for other signed-in users. */
export function requireRole<User extends BaseUser>(
  auth: Auth<User>,
  roles: string | readonly string[],
  options?: GuardOptions,
): NestGuard {
  const list = guards.rolesOf(roles)
  return guardBy(auth, ctx => guards.requireRole(ctx, list), options)
}

interface HttpException {
  getStatus(): number
  getResponse(): unknown
}

function isHttpException(error: unknown): error is HttpException {
  const { getStatus, getResponse } = (error ?? {}) as Partial<HttpException>
  return typeof getStatus === 'function' && typeof getResponse === 'function'
}

/** Gives Nest's own answer to Nest's own exception. */
function giveOwn(reply: Reply, error: HttpException): void {
  const [status, response] = [error.getStatus(), error.getResponse()]
  const body = typeof response === 'object' ? response : { statusCode: status, message: response }
  const begun = reply.status(status)
  if (begun.json) begun.json(body)
  else begun.send(body)
}

/**
 * The filter for `app.useGlobalFilters`: answers what was thrown and forgets what the request had queued. Nest's own
 * `HttpException` keeps Nest's own response.
 */
export function problemHandler<User extends BaseUser>(
  auth: Auth<User>,
  { presenter, unknown = 'present' }: NestProblemOptions = {},
): NestFilter {
  return {
    catch(error, host) {
      const http = host.switchToHttp()
      const [request, reply] = [http.getRequest<Told>(), http.getResponse<Reply>()]
      const raw = request.raw ?? (request as unknown as IncomingMessage)
      const facts = { target: request.originalUrl, address: request.ip ?? null }
      if (isHttpException(error)) {
        forget(request.auth)
        return giveOwn(reply, error)
      }
      const shown = presenters.get(error as object) ?? presenter
      const exchange = () => nodeExchange(raw, facts)
      const options = {
        ...(shown && { presenter: shown }),
        unknown: unknown === 'present' ? unknown : ('pass' as const),
      }
      const answer = answerTo(auth, error, request.auth, exchange, options, request.raw && readFastifyError)
      if (answer === null) return (unknown as NestFilter).catch(error, host)
      if (request.raw) give(reply as never, answer)
      else sendAnswer(raw, reply as unknown as ServerResponse, answer)
    },
  }
}
