import { Agent, request } from 'node:http'

export interface Reply {
  readonly status: number
  readonly text: string
}

export interface ReplyOptions {
  token?: string
  headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  json?: unknown
}

export interface KeepAliveClient {
  /** Rejects when the connection fails; with its `code`, like ECONNRESET, only while nothing of an answer is there. */
  send(base: string, method: string, path: string, options?: ReplyOptions): Promise<Reply>
  close(): void
}

/** Sends requests over connections that stay open. With `fetch` the client would be the slow one. */
export function keepAliveClient({ maxSockets = Number.POSITIVE_INFINITY } = {}): KeepAliveClient {
  const agent = new Agent({ keepAlive: true, maxSockets, maxFreeSockets: 1024 })
  return {
    send: (base, method, path, { token, headers = {}, json } = {}) =>
      new Promise((resolve, reject) => {
        const { hostname, port, pathname } = new URL(base)
        const body = json === undefined ? undefined : JSON.stringify(json)
        const outgoing = request(
          {
            agent,
            host: hostname,
            port,
            method,
            path: (pathname === '/' ? '' : pathname) + path,
            headers: {
              ...(token !== undefined && { authorization: token }),
              ...(body === undefined
                ? { 'content-length': 0 }
                : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
              ...headers,
            },
          },
          response => {
            let text = ''
            response.setEncoding('utf8')
            response.on('data', chunk => {
              text += chunk
            })
            response.once('end', () => resolve({ status: response.statusCode ?? 0, text }))
            response.once('error', cause => reject(new Error('the answer broke off', { cause })))
          },
        )
        outgoing.once('error', reject)
        outgoing.end(body)
      }),
    close: () => agent.destroy(),
  }
}
