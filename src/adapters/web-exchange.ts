import type { Auth } from '../auth.js'
import type { Awaitable } from '../base/awaitable.js'
import { Problem } from '../base/problem.js'
import type { Answer, Exchange } from '../http/exchange.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import { forget } from './thrown.js'

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
