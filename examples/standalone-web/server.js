// A bridge from node:http to any `fetch`. Run it with `node examples/standalone-web/server.js`; see README.md.
// @ts-check
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import app from './app.js'

/** @param {import('node:http').IncomingMessage} incoming @param {import('node:stream/web').ReadableStream | null} body */
function requestOf({ method = 'GET', url = '/', headersDistinct }, body) {
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    for (const value of values) headers.append(name, value)
  }
  const init = /** @type {RequestInit} */ ({ method, headers, body, duplex: 'half' })
  return new Request(`http://localhost${url}`, init)
}

const server = createServer(async (incoming, outgoing) => {
  try {
    const hasBody = incoming.method !== 'GET' && incoming.method !== 'HEAD'
    const response = await app.fetch(requestOf(incoming, hasBody ? Readable.toWeb(incoming) : null))
    outgoing.writeHead(response.status, [...response.headers].flat())
    outgoing.end(Buffer.from(await response.arrayBuffer()))
  } catch {
    outgoing.writeHead(400).end()
  }
}).listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  console.log(`listening on http://127.0.0.1:${port}`)
})
