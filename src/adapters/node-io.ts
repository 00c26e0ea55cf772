import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough, type Readable } from 'node:stream'
import { Problem } from '../base/problem.js'
import type { Answer } from '../http/exchange.js'
import { isContentHeader } from './content-headers.js'

/** How much of a refused body is thrown away so that its sender can read the refusal. */
const MOST_DISCARDED = 64 * 1024 * 1024

/**
 * The value of a header, read from what came: Node's own `headers` keeps the first of two and says nothing.
 * Joined with `, ` as the standard has it (RFC 9110, 5.3), so that two of one make neither; cookies with `; `, since
 * HTTP/2 may send each on its own (RFC 9113, 8.2.3) and a comma may stand in any.
 */
export function headerOf(rawHeaders: readonly string[], name: string): string | null {
  const separator = name === 'cookie' ? '; ' : ', '
  let value: string | null = null
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const header = rawHeaders[index] as string
    if (header.length !== name.length || (header !== name && header.toLowerCase() !== name)) continue
    const next = rawHeaders[index + 1] as string
    value = value === null ? next : value + separator + next
  }
  return value
}

/** Reads a body. Throws `body_too_large` at the byte that exceeds, or at once where the length is declared. */
export function readNodeBody(request: IncomingMessage, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // Read to its end, and there was nothing.
    if (request.readableEnded && !request.readableDidRead) return resolve(new Uint8Array())
    if (request.readableEnded || request.destroyed) {
      return reject(new Problem('invalid_body', { message: 'Body was read already' }))
    }
    if (Number(request.headers['content-length'] ?? 0) > limit) return reject(new Problem('body_too_large'))
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= limit) chunks.push(chunk)
      else {
        request.removeAllListeners('data')
        reject(new Problem('body_too_large'))
      }
    })
    request.once('end', () => resolve(Buffer.concat(chunks)))
    request.once('error', cause => reject(new Problem('invalid_body', { message: 'Body ended early', cause })))
    request.once('close', () => reject(new Problem('invalid_body', { message: 'Body ended early' })))
  })
}

/** Throws away what is left of a request's body, up to a limit, and then calls `done`. */
function discardBody(request: IncomingMessage, done: () => void): void {
  let size = 0
  const end = () => {
    request.removeAllListeners('data')
    done()
  }
  request.once('end', end)
  request.once('error', end)
  request.once('close', end)
  request.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > MOST_DISCARDED) end()
  })
  request.resume()
}

/** True for an answer that must not end before its request's body did: an unread one resets the connection. */
function mustDiscard(request: IncomingMessage, { status }: Answer): boolean {
  return status === 413 && !request.complete
}

/**
 * An answer as a host gives it in its own words: headers for it to add, and the body; as a stream where the response
 * must not end before the request did.
 */
export function answerFor(
  request: IncomingMessage,
  answer: Answer,
): { readonly headers: Readonly<Record<string, string | string[]>>; readonly body: string | Readable } {
  const { headers, body, cookies } = answer
  const own = cookies ? { ...headers, 'set-cookie': [...cookies] } : headers
  if (!mustDiscard(request, answer)) return { headers: own, body: body ?? '' }
  const late = new PassThrough()
  late.write(body ?? '')
  discardBody(request, () => late.end())
  return {
    headers: { ...own, connection: 'close', 'content-length': String(Buffer.byteLength(body ?? '')) },
    body: late,
  }
}

/** Forgets what an app's handler said about the body it did not send. */
export function clearContent(response: ServerResponse): void {
  for (const name of response.getHeaderNames()) if (isContentHeader(name)) response.removeHeader(name)
}

/** How an answer goes out: counted, and as one byte a character where that is all it needs. */
interface Prepared {
  readonly headers: Readonly<Record<string, string | number>>
  readonly encoding: 'latin1' | 'utf8'
}

/** For answers that never change, made once: what is frozen. */
const known = new WeakMap<Answer, Prepared>()

function prepare(answer: Answer): Prepared {
  const before = known.get(answer)
  if (before) return before
  const { headers, body } = answer
  const length = body === null ? 0 : Buffer.byteLength(body)
  const prepared: Prepared = {
    headers: { ...headers, 'content-length': length },
    encoding: length === (body?.length ?? 0) ? 'latin1' : 'utf8',
  }
  if (Object.isFrozen(answer)) known.set(answer, prepared)
  return prepared
}

/** Writes an answer. Cuts the response off when another is under way: part of two answers is none. */
export function sendAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if (response.headersSent) return void (response.writableEnded || response.destroy())
  const { status, body, cookies } = answer
  const { headers, encoding } = prepare(answer)
  clearContent(response)
  if (cookies) response.appendHeader('set-cookie', cookies)
  if (!mustDiscard(request, answer)) {
    response.writeHead(status, headers)
    return void response.end(body, encoding)
  }
  response.writeHead(status, { ...headers, connection: 'close' })
  response.write(body, encoding)
  discardBody(request, () => response.end())
}
