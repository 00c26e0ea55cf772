import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll } from 'vitest'
import type { TestAuth } from '../../src/testing/index.js'
import { type ServerProcess, type ServerProcessOptions, startServer } from './server.js'

const BASE = '/api/v1'
/** Long enough for any answer; a server that says nothing fails the test that waits for it. */
const SILENCE_MS = 5000

export interface WireRequest {
  /** Goes into `Authorization` as it is. */
  token?: string
  headers?: Record<string, string>
  json?: unknown
  form?: string
  /** Sent as it is, with no `Content-Type` but that of `headers`. */
  body?: string | Uint8Array<ArrayBuffer>
}

export interface WireAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test reads into it and fails where it is wrong
  readonly body: any
}

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly text: string
}

export interface Tokens {
  readonly access: string
  readonly renewal: string
}

export interface Person extends Tokens {
  readonly email: string
  readonly password: string
}

export interface Wire {
  readonly server: ServerProcess
  /** Sends a request; paths are below the base path. */
  request(method: string, path: string, request?: WireRequest): Promise<WireAnswer>
  /** Registers somebody new. Throws when that is refused. */
  signUp(details?: { email?: string; password?: string }): Promise<Person>
  signIn(person: { email: string; password: string }): Promise<WireAnswer>
  /** Sends bytes as they are on one connection, and reads answers until it closes. */
  raw(bytes: string | Uint8Array): Promise<RawAnswer[]>
}

let people = 0

export function newEmail(): string {
  return `person-${++people}@example.com`
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function bodyOf({ json, form, body }: WireRequest): Uint8Array<ArrayBuffer> | undefined {
  const text = json === undefined ? (form ?? body) : JSON.stringify(json)
  // Bytes, because for text the client would add a type of its own.
  return typeof text === 'string' ? new Uint8Array(Buffer.from(text)) : text
}

function headersOf({ token, json, form, headers }: WireRequest): Record<string, string> {
  return {
    ...(json !== undefined && { 'content-type': 'application/json' }),
    ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
    ...(token !== undefined && { authorization: token }),
    ...headers,
  }
}

async function send(url: string, method: string, request: WireRequest): Promise<WireAnswer> {
  const body = bodyOf(request)
  const response = await fetch(url, { method, headers: headersOf(request), ...(body && { body }) })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: parseJson(text) }
}

/** The answers in a stream of bytes, in order; the last may have been cut off. */
function parseAnswers(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let rest = bytes; rest.length > 0; ) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) throw new Error(`no answer: ${rest}`)
    const head = rest.subarray(0, end).toString('latin1')
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? rest.length)
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1])
    answers.push({ status, head, text: rest.subarray(end + 4, end + 4 + length).toString() })
    rest = rest.subarray(end + 4 + length)
  }
  return answers
}

export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

async function exchange(port: number, bytes: string | Uint8Array): Promise<RawAnswer[]> {
  const socket = await openSocket(port)
  const chunks: Buffer[] = []
  socket.on('data', chunk => chunks.push(chunk))
  // A reset after the answer is the server's way of closing; one instead of it leaves no answer to look at.
  socket.on('error', () => {})
  socket.setTimeout(SILENCE_MS, () => socket.destroy())
  socket.write(bytes)
  await once(socket, 'close')
  return parseAnswers(Buffer.concat(chunks))
}

export function registrationOf(email: string, password: string): { user: Record<string, unknown> } {
  return { user: { email, password, password_confirmation: password } }
}

export function tokensOf({ body }: Pick<WireAnswer, 'body'>): Tokens {
  return { access: body.data.access_token, renewal: body.data.renewal_token }
}

/** The real server, one for the tests of a file. */
export function useServer(options: ServerProcessOptions = {}): Wire {
  let server: ServerProcess | undefined
  const running = () => {
    if (!server) throw new Error('the server runs in tests only')
    return server
  }
  beforeAll(async () => {
    server = await startServer(options)
  })
  afterAll(async () => {
    await server?.stop()
  })

  const request: Wire['request'] = (method, path, sent = {}) => send(running().url + BASE + path, method, sent)
  return {
    get server() {
      return running()
    },
    request,
    async signUp({ email = newEmail(), password = 'secret1234' } = {}) {
      const answer = await request('POST', '/registration', { json: registrationOf(email, password) })
      if (answer.status !== 200) throw new Error(`registration was refused: ${answer.text}`)
      return { email, password, ...tokensOf(answer) }
    },
    signIn: ({ email, password }) => request('POST', '/session', { json: { user: { email, password } } }),
    raw: bytes => exchange(running().port, bytes),
  }
}

/** Registers somebody new with an auth in this process. */
export async function signUpWith({ request }: TestAuth, password = 'secret1234'): Promise<Person> {
  const email = newEmail()
  const answer = await request('POST', '/registration', { json: registrationOf(email, password) })
  if (answer.status !== 200) throw new Error(`registration was refused: ${JSON.stringify(answer.body)}`)
  return { email, password, ...tokensOf(answer) }
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
}

/** How surely two samples differ: the rank sum of Mann and Whitney in standard deviations. */
export function rankSumDeviation(a: readonly number[], b: readonly number[]): number {
  const ranked = [...a.map(value => ({ value, first: true })), ...b.map(value => ({ value, first: false }))]
  ranked.sort((x, y) => x.value - y.value)
  const sum = ranked.reduce((total, { first }, index) => total + (first ? index + 1 : 0), 0)
  const expected = (a.length * (ranked.length + 1)) / 2
  return Math.abs(sum - expected) / Math.sqrt((a.length * b.length * (ranked.length + 1)) / 12)
}

export async function millisecondsOf(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await run()
  return performance.now() - started
}
