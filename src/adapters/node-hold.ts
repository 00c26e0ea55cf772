import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Answer } from '../http/exchange.js'
import type { Context } from '../sessions/context.js'
import { sendAnswer } from './node-io.js'
import { forget } from './thrown.js'

type Call = () => unknown

type Headers = Readonly<Record<string, string | readonly string[]>> | readonly string[]

/** What a response says before its body. */
interface Head {
  readonly status: number
  /** Undefined for the status' own words, and in HTTP/2, which has none. */
  readonly message: string | undefined
  readonly headers: OutgoingHttpHeaders
}

// HTTP/2 warns of it.
const hasMessage = ({ req }: ServerResponse) => req.httpVersionMajor < 2

function headOf(response: ServerResponse): Head {
  const message = hasMessage(response) ? response.statusMessage : undefined
  return { status: response.statusCode, message, headers: { ...response.getHeaders() } }
}

function setHead(response: ServerResponse, { status, message, headers }: Head): void {
  response.statusCode = status
  if (hasMessage(response)) response.statusMessage = message as string
  for (const name of response.getHeaderNames()) if (!Object.hasOwn(headers, name)) response.removeHeader(name)
  for (const [name, value] of Object.entries(headers)) {
    // A name that stands keeps its spelling.
    if (value !== undefined && response.getHeader(name) !== value) response.setHeader(name, value)
  }
}

/** Sets what `writeHead` was given, as Node itself does where there are headers already. */
function setHeaders(response: ServerResponse, headers: Headers = {}): void {
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    return
  }
  const names = headers.filter((_, index) => index % 2 === 0)
  for (const name of names) response.removeHeader(name)
  for (const [index, name] of names.entries()) response.appendHeader(name, headers[index * 2 + 1])
}

/** Responses whose end waits for writes. */
const ending = new WeakSet<ServerResponse>()

/** How many hold a response: each later one holds what it hands to the one before. */
const levels = new WeakMap<ServerResponse, number>()

/** Which of them writes to it right now: what Node asks of the response meanwhile is not for a later one to hold. */
const passing = new WeakMap<ServerResponse, number>()

/** What `writeHead` was given, as it is now: Fastify goes on with the very object. */
function copied(argument: unknown): unknown {
  if (Array.isArray(argument)) return [...argument]
  return typeof argument === 'object' && argument !== null ? { ...argument } : argument
}

/** True for a response that has nothing more to say, told or not. */
export function hasEnded(response: ServerResponse): boolean {
  return response.writableEnded || ending.has(response)
}

/**
 * Holds what an app's own handler writes until the queued writes are done, and drops it when one of them fails:
 * then their problem is the response. Installed at the first queued write, so a response without any is not touched.
 * `kept` are headers that its host has not set on it yet.
 *
 * Middleware may keep the functions it finds here, and wrap them: they stay, and pass on what comes later.
 */
export function holdResponse(
  response: ServerResponse,
  ctx: Context,
  send: () => Promise<Answer | null>,
  kept: OutgoingHttpHeaders = {},
): void {
  const real = {
    writeHead: response.writeHead.bind(response),
    write: response.write.bind(response),
    end: response.end.bind(response),
    flushHeaders: response.flushHeaders.bind(response),
  }
  const level = levels.get(response) ?? 0
  levels.set(response, level + 1)
  const held: Call[] = []
  // What the handler says from here on may tell of writes that are not done; what was said before is not its word.
  const now = headOf(response)
  const before = { ...now, headers: { ...now.headers, ...kept } }
  /** What it said when it began: a response is one answer, whatever is set while it waits. */
  let said: Head | null = null
  let phase: 'open' | 'waiting' | 'settling' | 'over' = 'open'
  let ended = false

  const another = Object.getOwnPropertyDescriptor(response, 'headersSent')?.get
  const isSent = (): boolean =>
    another ? another.call(response) : Reflect.get(Object.getPrototypeOf(response), 'headersSent', response)
  /** Begun and not ended: nobody may answer in its place. */
  const isUnderWay = () => said !== null && !ended && (phase === 'settling' || (phase === 'waiting' && ctx.hasWrites))

  const isPassing = () => (passing.get(response) ?? level) < level

  function pass<Result>(call: () => Result): Result {
    const outer = passing.get(response) ?? Number.POSITIVE_INFINITY
    passing.set(response, level)
    try {
      return call()
    } finally {
      passing.set(response, outer)
    }
  }

  function release(): void {
    phase = 'over'
    if (said && !isSent()) setHead(response, said)
    for (const call of held) pass(call)
    // A stream that was told to wait goes on, unless the socket itself is behind.
    if (!response.writableEnded && !response.writableNeedDrain) response.emit('drain')
  }

  async function settle(): Promise<void> {
    const answer = await send()
    if (answer === null) return release()
    phase = 'over'
    // What other auths have queued is of a request that failed.
    forget(ctx)
    if (!isSent()) setHead(response, before)
    sendAnswer(response.req, response, answer)
  }

  /** True when a call is to wait: it is made once the writes are done. */
  function waits(call: Call): boolean {
    if (isPassing()) return false
    if (phase !== 'over' && phase !== 'settling' && !ctx.hasWrites) {
      // The handler threw and its writes are forgotten, and so is what it had begun to say.
      phase = 'over'
      ending.delete(response)
    }
    if (phase === 'over') return false
    // After its end a response has nothing more to say.
    if (!ended) held.push(call)
    if (phase !== 'open') return true
    phase = 'waiting'
    said = headOf(response)
    // Not at once: a handler that throws right after it began to write means none of it.
    setImmediate(() => {
      if (phase === 'over') return
      phase = 'settling'
      settle().catch(() => response.destroy())
    })
    return true
  }

  /** With the cookies of writes that are done. No cache may keep such a response. */
  function writeHead(status: number, ...rest: unknown[]): ServerResponse {
    if (ctx.cookies.length === 0) return real.writeHead(status, ...(rest as []))
    const [message, headers] = typeof rest[0] === 'string' ? rest : [undefined, rest[1] ?? rest[0]]
    setHeaders(response, headers as Headers | undefined)
    const others = [response.getHeader('set-cookie') ?? []].flat()
    response.setHeader('set-cookie', [...new Set([...others.map(String), ...ctx.cookies])])
    response.setHeader('cache-control', 'no-store')
    return message === undefined ? real.writeHead(status) : real.writeHead(status, message as string)
  }

  Object.defineProperty(response, 'headersSent', { configurable: true, get: () => isSent() || isUnderWay() })
  Object.assign(response, {
    writeHead(status: number, ...given: unknown[]) {
      if (isUnderWay() && !isPassing()) {
        // Middleware that wraps a response asks for its head as often as it finds none.
        if (given.length === 0) return response
        const error = new Error('Cannot write headers after they are sent to the client')
        throw Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' })
      }
      const rest = given.map(copied)
      return waits(() => writeHead(status, ...rest)) ? response : writeHead(status, ...rest)
    },
    write(...args: Parameters<typeof real.write>) {
      const call = () => real.write(...args)
      return waits(call) ? false : pass(call)
    },
    end(...args: Parameters<typeof real.end>) {
      const call = () => real.end(...args)
      if (!waits(call)) return pass(call)
      ended = true
      ending.add(response)
      return response
    },
    flushHeaders() {
      const call = () => real.flushHeaders()
      if (!waits(call)) pass(call)
    },
  })
}
