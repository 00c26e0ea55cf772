import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach } from 'vitest'
import { authListener, type NodeHandler } from '../../src/adapters/node.js'
import type { Auth } from '../../src/index.js'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

/** Serves an auth and an app until the test ends, and gives the port. */
export function newPort(auth: Auth, app?: NodeHandler): Promise<number> {
  return portOf(authListener(auth, app))
}

/** The same for any listener. */
export async function portOf(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

export interface RawAnswer {
  readonly status: number
  /** By lower-case name, every value there is. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly text: string
}

/** Sends lines as they are, in Latin-1, and reads the one answer. */
export async function rawRequest(port: number, lines: readonly string[], body = ''): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  socket.setTimeout(5000, () => socket.destroy())
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]
  socket.write(Buffer.from([...lines, ...length, 'Connection: close', '', body].join('\r\n'), 'latin1'))
  await once(socket, 'close')
  const [head = '', ...rest] = Buffer.concat(chunks).toString('latin1').split('\r\n\r\n')
  const headers = new Map<string, string[]>()
  for (const line of head.split('\r\n').slice(1)) {
    const name = line.slice(0, line.indexOf(':')).toLowerCase()
    headers.set(name, [...(headers.get(name) ?? []), line.slice(line.indexOf(':') + 2)])
  }
  return { status: Number(head.split(' ')[1]), headers, text: rest.join('\r\n\r\n') }
}
