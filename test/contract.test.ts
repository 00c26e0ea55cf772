// Replays the exchanges captured from the system of the guide against the real server process.

import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ServerProcess, startServer } from './support/server.js'

interface Exchange {
  readonly name: string
  readonly group: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string | { readonly base64: string } | null
  }
  readonly expect: { readonly status: number | readonly number[]; readonly body?: unknown }
  readonly captures?: Readonly<Record<string, string>>
}

const FILE = new URL('./contract/exchanges.json', import.meta.url)
const exchanges: readonly Exchange[] = JSON.parse(readFileSync(FILE, 'utf8'))

let server: ServerProcess
/** Accounts the exchanges use and do not make, or make in a way that is refused here. */
const ACCOUNTS = { 'query@example.com': 'secret1234', 'spaces@example.com': '  secret12  ' }

beforeAll(async () => {
  server = await startServer()
  for (const [email, password] of Object.entries(ACCOUNTS)) {
    const body = JSON.stringify({ user: { email, password, password_confirmation: password } })
    const headers = { 'content-type': 'application/json' }
    await fetch(`${server.url}/api/v1/registration`, { method: 'POST', headers, body })
  }
})
afterAll(() => server.stop())

/** Tokens by the names that later requests use. */
const captured = new Map<string, string>()

function changed(token: string, at: number): string {
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
}

function tokenNamed(name: string): string {
  const a4 = captured.get('A4') ?? ''
  const derived: Record<string, string> = {
    TAMP_SIG_MID: changed(a4, a4.length - 20),
    TAMP_PAY: changed(a4, 30),
    TRUNC: a4.slice(0, -1),
    EXTRA: `${a4}A`,
    PADDED: `${a4}=`,
    // Never captured: the newest renewal token stands for it.
    R7: captured.get('R6') ?? '',
  }
  return captured.get(name) ?? derived[name] ?? `<${name}>`
}

/** `<A4>` is a captured token, `<20000 a>` that many letters. */
function expand(text: string): string {
  return text
    .replace(/<(\d+) (\S+)>/g, (_, count, letter) => letter.repeat(Number(count)))
    .replace(/<([A-Z][A-Z0-9_]*)>/g, (_, name) => tokenNamed(name))
}

function send({ request }: Exchange): Promise<{ status: number; body: unknown; headers: Record<string, unknown> }> {
  const body = request.body === null ? null : typeof request.body === 'string' ? expand(request.body) : null
  const bytes = body === null ? Buffer.from((request.body as { base64: string } | null)?.base64 ?? '', 'base64') : body
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, expand(value)]))
  return new Promise((resolve, reject) => {
    const length = Buffer.byteLength(bytes)
    const outgoing = httpRequest({
      port: server.port,
      method: request.method,
      path: encodeURI(request.path).replaceAll('%25', '%'),
      headers: {
        ...headers,
        ...(request.method !== 'GET' && request.method !== 'HEAD' && { 'content-length': length }),
      },
    })
    outgoing.on('error', reject)
    outgoing.on('response', response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode as number,
          body: text === '' ? null : JSON.parse(text),
          headers: response.headers,
        }),
      )
    })
    outgoing.end(bytes)
  })
}

/** The answer in the file's own words: tokens by kind of thing, and without the member that may be added. */
function comparable(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body), (name, value) => {
    if (name === 'access_token' || name === 'renewal_token') return /^pw[ar]1_/.test(value) ? '<token>' : value
    return name === 'reason' ? undefined : value
  })
}

async function replay(exchange: Exchange): Promise<void> {
  const { status, body, headers } = await send(exchange)
  const statuses = [exchange.expect.status].flat()
  expect(statuses, `${exchange.name}: ${JSON.stringify(body)}`).toContain(status)
  if (exchange.expect.body !== undefined) expect(comparable(body), exchange.name).toEqual(exchange.expect.body)
  if (status === 401) expect(headers['www-authenticate'], exchange.name).toBe('Bearer')
  const data = (body as { data?: Record<string, string> } | null)?.data ?? {}
  if (data.access_token) expect(headers['cache-control'], exchange.name).toBe('no-store')
  for (const [field, name] of Object.entries(exchange.captures ?? {})) captured.set(name, data[field] ?? '')
}

test('every captured exchange answers as the contract expects, in order', async () => {
  expect(exchanges.length).toBeGreaterThan(150)
  for (const exchange of exchanges) await replay(exchange)
})
