import type { IncomingMessage, ServerResponse } from 'node:http'
import { Problem } from '../base/problem.js'
import type { Answer } from '../http/exchange.js'

/** How much of a refused body is thrown away so that its sender can read the refusal. */
const MOST_DISCARDED = 64 * 1024 * 1024

/** Reads a body. Throws `body_too_large` at the byte that exceeds, or at once where the length is declared. */
export function readNodeBody(request: IncomingMessage, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
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

/** Throws away what is left of a request's body, up to a limit, and then ends the response. */
function endAfterDiscarding(request: IncomingMessage, response: ServerResponse): void {
  let size = 0
  const end = () => {
    request.removeAllListeners('data')
    response.end()
  }
  request.once('end', end)
  request.once('error', end)
  request.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > MOST_DISCARDED) end()
  })
  request.resume()
}

/** Writes an answer. Does nothing when the response is under way already. */
export function sendAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if (response.headersSent || response.destroyed) return void response.end()
  const { status, headers, body } = answer
  const bytes = body === null ? null : Buffer.from(body)
  const unread = !request.complete && Number(request.headers['content-length'] ?? 1) > 0 && status === 413
  response.writeHead(status, {
    ...headers,
    'content-length': bytes?.length ?? 0,
    ...(unread && { connection: 'close' }),
  })
  if (!unread) return void response.end(bytes)
  // Closing with unread bytes resets the connection, and the client never sees why.
  if (bytes) response.write(bytes)
  endAfterDiscarding(request, response)
}
