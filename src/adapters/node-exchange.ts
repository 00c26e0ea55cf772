import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Auth } from '../auth.js'
import { type Awaitable, isPromise } from '../base/awaitable.js'
import type { Exchange } from '../http/exchange.js'
import { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { hasEnded, holdResponse } from './node-hold.js'
import { headerOf, readNodeBody } from './node-io.js'

/** What a host on top of Node knows of a request better than Node's own object. */
export interface HostFacts {
  /** Path and query as they came, wherever the middleware is mounted. */
  readonly target: string
  readonly address: string | null
  /** What the host made of the body. Looked at only once the stream was read. */
  readonly parsedBody?: () => unknown
  /** Headers so far, of a host that keeps them to itself until it writes. */
  readonly keptHeaders?: () => OutgoingHttpHeaders
}

/** A Node request that may have come through an auth. */
export type Opened = IncomingMessage & { auth?: Context; readonly id?: unknown }

/** A Node request as Pawl sees it. */
export function nodeExchange(
  request: IncomingMessage,
  { target, address, parsedBody }: HostFacts,
  onQueued: (ctx: Context) => void = () => {},
): Exchange {
  const { id } = request as Opened
  return {
    method: request.method as string,
    target,
    id: typeof id === 'string' ? id : undefined,
    address,
    header: name => headerOf(request.rawHeaders, name),
    readBody: limit => readNodeBody(request, limit),
    // Some parsers leave an empty object for what they did not read.
    parsedBody: () => (request.readableDidRead ? parsedBody?.() : undefined),
    onQueued,
  }
}

/** Opens a Node request, whatever host it came through, and sets its `auth`. */
export function openRequest<User extends BaseUser>(
  auth: Auth<User>,
  request: IncomingMessage,
  response: ServerResponse,
  facts: HostFacts,
): Awaitable<Context<User, Exchange>> {
  type Ctx = Context<User, Exchange>
  const before = (request as Opened).auth
  const exchange = nodeExchange(request, facts, ctx => {
    // Nothing is left to hold: what is queued after the response is written all the same.
    if (hasEnded(response)) return queueMicrotask(() => void auth.send(ctx as Ctx))
    holdResponse(response, ctx, () => auth.send(ctx as Ctx), facts.keptHeaders?.())
  })
  const keep = (ctx: Ctx) => {
    ;(request as Opened).auth = ctx.joins(before instanceof Context ? before : undefined) as unknown as Context
    return ctx
  }
  const opened = auth.open(exchange)
  return isPromise(opened) ? opened.then(keep) : keep(opened)
}
