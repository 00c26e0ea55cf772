import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { headerOf, sendAnswer } from '../adapters/node-io.js'
import { Problem } from '../base/problem.js'
import { pathOf } from '../http/exchange.js'
import type { Presenter } from '../http/presenter.js'
import { Context } from '../sessions/context.js'

type Listener = (request: IncomingMessage, response: ServerResponse) => void

/** Slow clients cost little: headers within 10 s, a whole request within 15 s, 65 s between requests. */
const TIMES = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 1000,
  // Node refuses a request without a Host with an empty body: ours says why.
  requireHostHeader: false,
}
/** A connection on which nothing moves for this long, as when its answers are not read, is cut. */
const STALLED_MS = 20_000
/** Requests that may wait on one connection for their answers to be read. */
const MOST_PIPELINED = 64
/** How long work under way may take once the server is told to stop. */
const DRAIN_MS = 9000
/** How long a stop listens to connections that ask nothing: what was on its way to us before it is answered. */
const LINGER_MS = 250

export interface HttpServer {
  readonly server: Server
  /** Stops accepting, lets work under way finish, and resolves when the last connection is gone. */
  drain(): Promise<void>
}

export interface HttpServerParts {
  readonly listener: Listener
  /** Throws when the store cannot answer. */
  readonly ready: () => Promise<void>
  readonly presenter: Presenter
  readonly maxConnections: number
  /** The text of `GET /metrics`; null for no such route. */
  readonly metrics: (() => string) | null
  /** Answers what `/dev/mailbox` is asked, where it may; null for no such route. */
  readonly mailbox?: ((request: IncomingMessage, response: ServerResponse) => boolean) | null
  /** Called when a request is over. */
  readonly finished: (request: IncomingMessage, response: ServerResponse, ms: number) => void
}

const CLIENT_ERRORS: Readonly<Record<string, Problem>> = {
  ERR_HTTP_REQUEST_TIMEOUT: new Problem('request_timeout'),
  HPE_HEADER_OVERFLOW: new Problem('headers_too_large'),
}
const MALFORMED = new Problem('invalid_request', { message: 'Request is not valid HTTP' })
const HOST = new Problem('invalid_request', { message: 'Request needs exactly one Host' })
const EXPECTATION = new Problem('invalid_request', { status: 417, message: 'Only 100-continue can be expected' })

/** What is wrong with a request whatever it asks for (RFC 9112, 2.3 and 3.2); null when nothing is. */
function wrongRequest({ httpVersionMajor, rawHeaders }: IncomingMessage): Problem | null {
  if (httpVersionMajor !== 1) return MALFORMED
  const coding = headerOf(rawHeaders, 'transfer-encoding')
  if (coding !== null && coding.toLowerCase() !== 'chunked') return MALFORMED
  const host = headerOf(rawHeaders, 'host')
  return host === null || host === '' || host.includes(',') ? HOST : null
}

/** Answers what never became a request: the same JSON, and the connection closes. */
function answerClientError(error: Error & { code?: string }, socket: Socket, presenter: Presenter): void {
  // After an answer that ended the connection there is no second one.
  const isAnswered = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket.bytesWritten > 0
  if (!socket.writable || isAnswered || error.code === 'ECONNRESET') return void socket.destroy()
  const problem = CLIENT_ERRORS[error.code ?? ''] ?? MALFORMED
  const nobody = new Context({ method: '', header: () => null, address: socket.remoteAddress ?? null })
  const { status, headers, body } = presenter.problem(problem, nobody)
  const length = Buffer.byteLength(body ?? '')
  const lines = Object.entries({ ...headers, 'content-length': length, connection: 'close' })
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.end(`HTTP/1.1 ${status} ${problem.code}\r\n${head}\r\n${body}`)
}

/** Wraps a listener with what a server on a network needs: health, time-outs, a cap, a drain. */
export function createHttpServer(parts: HttpServerParts): HttpServer {
  const { listener, ready, presenter, maxConnections, metrics, mailbox, finished } = parts
  let draining = false
  const unanswered = new Set<ServerResponse>()
  const waiting = new WeakMap<Socket, number>()
  const unused = new Set<Socket>()
  let accepted = 0

  async function health(response: ServerResponse, isReady: Promise<void>): Promise<void> {
    const up = await isReady.then(
      () => true,
      () => false,
    )
    const status = up ? 200 : 503
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
    response.end(JSON.stringify({ status: up ? 'ok' : 'unavailable' }))
  }

  function refuse(problem: Problem, request: IncomingMessage, response: ServerResponse): void {
    const nobody = new Context({ method: '', header: () => null, address: request.socket.remoteAddress ?? null })
    response.shouldKeepAlive = false
    sendAnswer(request, response, presenter.problem(problem, nobody))
  }

  const server = createServer(TIMES, (request, response) => {
    const { socket } = request
    const pipelined = (waiting.get(socket) ?? 0) + 1
    // What came in the same piece as the one too many is not looked at any more.
    if (socket.destroyed || pipelined > MOST_PIPELINED) return void socket.destroy()
    waiting.set(socket, pipelined)
    const started = performance.now()
    const id = randomUUID()
    Object.assign(request, { id })
    response.setHeader('x-request-id', id)
    unused.delete(socket)
    unanswered.add(response)
    response.once('close', () => {
      waiting.set(socket, (waiting.get(socket) ?? 1) - 1)
      unanswered.delete(response)
      finished(request, response, performance.now() - started)
    })
    if (draining) response.shouldKeepAlive = false
    // As proxies are asked (RFC 9112, 3.2.2): a server takes it as well.
    request.url = request.url?.replace(/^https?:\/\/[^/?#]*\/?/i, '/')
    const wrong = wrongRequest(request)
    if (wrong) return refuse(wrong, request, response)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    const path = isRead ? pathOf(request.url ?? '') : ''
    if (path === '/livez') return void health(response, Promise.resolve())
    if (metrics && path === '/metrics') {
      response.writeHead(200, {
        'content-type': 'text/plain; version=0.0.4; charset=utf-8',
        'cache-control': 'no-store',
      })
      return void response.end(metrics())
    }
    if (path === '/readyz') return void health(response, draining ? Promise.reject() : ready())
    if (path.startsWith('/dev/') && mailbox?.(request, response)) return
    listener(request, response)
  })
  server.maxConnections = maxConnections
  server.timeout = STALLED_MS
  // The size of all headers is bounded; past a number of them Node would hide the rest.
  server.maxHeadersCount = 0
  server.on('connection', socket => {
    accepted++
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  server.on('checkExpectation', (request, response) => refuse(EXPECTATION, request, response))
  server.on('clientError', (error, socket) => answerClientError(error, socket as Socket, presenter))

  /** Accepts the connections that wait: closed unaccepted they would be reset, and each turn takes one. */
  async function acceptWaiting(): Promise<void> {
    const until = performance.now() + LINGER_MS
    for (let before = -1; before !== accepted && performance.now() < until; ) {
      before = accepted
      await turn()
      await turn()
    }
  }

  function closeIdle(): void {
    server.closeIdleConnections()
    for (const socket of unused) socket.destroy()
  }

  return {
    server,
    async drain() {
      draining = true
      for (const response of unanswered) response.shouldKeepAlive = false
      const impatience = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
      await acceptWaiting()
      // The close of an HTTP server would cut kept connections at once, whatever is on its way in them.
      const closed = new Promise(resolve => NetServer.prototype.close.call(server, resolve))
      const patience = setInterval(closeIdle, LINGER_MS)
      await closed
      clearInterval(patience)
      clearTimeout(impatience)
    },
  }
}
