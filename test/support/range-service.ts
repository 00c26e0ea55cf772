import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RangeService {
  readonly url: string
  /** What was asked: paths and headers, in order. */
  readonly asked: { readonly path: string; readonly headers: IncomingMessage['headers'] }[]
  /** Most requests that were open at once. */
  most: number
  close(): Promise<void>
}

type Respond = (prefix: string, response: ServerResponse) => void

export const digestOf = (password: string): string => createHash('sha1').update(password).digest('hex').toUpperCase()

/** Lines as the service pads them: hashes that were never seen. */
const padding = Array.from({ length: 800 }, (_, index) => `${index.toString(16).toUpperCase().padStart(35, '0')}:0`)

/** Answers as the public service does: these passwords have leaked, so many times. */
export function leaked(counts: Readonly<Record<string, number>>): Respond {
  const digests = Object.entries(counts).map(([password, count]) => [digestOf(password), count] as const)
  return (prefix, response) => {
    const lines = digests
      .filter(([digest]) => digest.startsWith(prefix))
      .map(([digest, n]) => `${digest.slice(5)}:${n}`)
    response.end([...padding, ...lines, 'F'.repeat(35).concat(':3')].join('\r\n'))
  }
}

/** A stand-in for the service of leaked passwords, on this machine. */
export async function rangeService(respond: Respond): Promise<RangeService> {
  let open = 0
  const server = createServer((request, response) => {
    service.asked.push({ path: request.url ?? '', headers: request.headers })
    service.most = Math.max(service.most, ++open)
    response.on('close', () => open--)
    respond((request.url ?? '').slice('/range/'.length), response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const service: RangeService = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/range/`,
    asked: [],
    most: 0,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return service
}
