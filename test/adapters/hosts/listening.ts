import { once } from 'node:events'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { Host, HostAnswer, HostController } from '../../../src/testing/index.js'

/** A host that listens on a free port. */
export function hostOf(server: Server, close?: () => unknown): Host {
  const { port } = server.address() as AddressInfo
  return {
    fetch: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init),
    async close() {
      server.closeAllConnections()
      await (close ? close() : new Promise(resolve => server.close(resolve)))
    },
  }
}

/** Serves a listener on a free port. */
export async function listening(listener: RequestListener): Promise<Host> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return hostOf(server)
}

/** The body of an answer as Node's own streams and text. */
export function bodyOf({ body }: HostAnswer): string | Readable | undefined {
  return typeof body === 'object' ? Readable.from(body) : body
}

/** Writes an answer on Node's own response. */
export function write(response: ServerResponse, answer: HostAnswer): void {
  response.writeHead(answer.status, answer.headers)
  const body = bodyOf(answer)
  if (typeof body === 'object') body.pipe(response)
  else response.end(body)
}

/** The controller of a request: HEAD is answered as GET is. */
export function controllerOf(
  controllers: readonly HostController[],
  method: string | undefined,
  url: string,
): HostController | undefined {
  const path = new URL(url, 'http://localhost').pathname
  return controllers.find(each => each.path === path && each.method === (method === 'HEAD' ? 'GET' : method))
}

/** An answer as a Web response. */
export function webResponse({ status, headers = {}, body }: HostAnswer): Response {
  const stream = typeof body === 'object' ? ReadableStream.from(body.map(part => new TextEncoder().encode(part))) : body
  return new Response(stream ?? null, { status, headers: { ...headers } })
}

/** What a runtime sends of a response to HEAD. */
export function withoutBody(response: Response, { method }: RequestInit): Response {
  return method === 'HEAD' ? new Response(null, response) : response
}
