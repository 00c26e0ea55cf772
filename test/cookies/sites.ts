import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'
import { authListener } from '../../src/adapters/node.js'
import type { TestAuth } from '../../src/testing/index.js'
import { cookieAuth, NAME } from './visitor.js'

const closing: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  closing.push(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

/** A page that does nothing by itself, on a server of another, with the cookies it sets. */
export async function elsewhere(cookies: readonly string[] = []): Promise<number> {
  return listening(
    createServer((_, response) => {
      response.setHeader('content-type', 'text/html').setHeader('set-cookie', cookies).end('<!doctype html>')
    }),
  )
}

interface Seen {
  readonly method: string
  readonly path: string
  readonly hasCookie: boolean
  readonly status: number
}

export interface Site extends TestAuth {
  readonly url: string
  readonly seen: readonly Seen[]
  /** Whether a WebSocket that was asked for was anybody's. */
  readonly sockets: readonly boolean[]
  /** Lets the answer of `/slow` go, once somebody asked for it. */
  readonly asked: Promise<void>
  letGo(): void
}

/** An app with sessions in a cookie, in this process, with a clock to advance. */
export async function site(): Promise<Site> {
  const made = cookieAuth()
  const seen: Seen[] = []
  const sockets: boolean[] = []
  let noteAsked = () => {}
  let letGo = () => {}
  const asked = new Promise<void>(resolve => {
    noteAsked = resolve
  })
  const gate = new Promise<void>(resolve => {
    letGo = resolve
  })
  const listener = authListener(made.auth, async (request, response) => {
    if (request.url === '/slow') {
      noteAsked()
      await gate
    }
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>home</title>')
  })
  const server = createServer((request, response) => {
    const { method = '', url: path = '', headers } = request
    const hasCookie = headers.cookie?.includes(NAME) ?? false
    response.once('finish', () => seen.push({ method, path, hasCookie, status: response.statusCode }))
    listener(request, response)
  })
  server.on('upgrade', async (request, socket) => {
    const header = (name: string) => (request.headers[name] as string | undefined) ?? null
    const readBody = async () => new Uint8Array()
    const ctx = await made.auth.open({ method: 'GET', target: '/live', address: null, header, readBody })
    sockets.push(ctx.authenticated)
    socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n')
  })
  const url = `http://localhost:${await listening(server)}`
  return { ...made, url, seen, sockets, asked, letGo }
}

/** Starts the example with its one command. */
export async function startExample(): Promise<string> {
  const file = fileURLToPath(new URL('../../examples/cookie-browser/server.js', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [file], { env: { PATH: process.env.PATH ?? '', PORT: '0' } })
  closing.push(() => child.kill())
  let errors = ''
  child.stderr?.on('data', chunk => {
    errors += chunk
  })
  return new Promise((resolve, reject) => {
    child.once('exit', code => reject(new Error(`the example exited with ${code}: ${errors}`)))
    child.stdout?.on('data', chunk => {
      const found = /listening on (\S+)/.exec(String(chunk))?.[1]
      if (found) resolve(found)
    })
  })
}
