import { createHash, timingSafeEqual } from 'node:crypto'
import { type Auth, createAuth } from '../auth.js'
import type { Exchange } from '../http/exchange.js'
import type { AuthOptions } from '../options.js'
import type { AuthEvent } from '../sessions/event.js'
import { memoryStore } from '../stores/memory.js'
import { memoryUsers } from '../users/memory.js'
import type { PasswordHasher } from '../users/password-hasher.js'
import type { BaseUser } from '../users/user.js'
import { type TestClock, testClock } from './suite.js'

/** A hash that costs nothing. For tests alone: `createAuth` has no option that reads this well. */
export function cheapHasher(): PasswordHasher {
  const digest = (password: string) => `$cheap$${createHash('sha256').update(password).digest('base64')}`
  return {
    hash: async password => digest(password),
    async verify(password, hash) {
      const expected = Buffer.from(hash ?? digest(''))
      const actual = Buffer.from(digest(password))
      const matches = hash !== null && expected.length === actual.length && timingSafeEqual(expected, actual)
      return { matches, outdated: false, unreadable: hash !== null && !hash.startsWith('$cheap$') }
    },
  }
}

export interface TestRequest {
  /** Goes into `Authorization` as it is. */
  token?: string
  headers?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  json?: unknown
  /** Sent as a form, as it is. */
  form?: string
  address?: string
}

export interface TestResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  // biome-ignore lint/suspicious/noExplicitAny: a test reads into it and fails where it is wrong
  readonly body: any
}

export interface TestAuth<User extends BaseUser = BaseUser> {
  readonly auth: Auth<User>
  readonly clock: TestClock
  /** Everything `onEvent` heard. */
  readonly events: readonly AuthEvent[]
  /** Everything `onError` heard. */
  readonly errors: readonly unknown[]
  /** Sends a request; paths are below the base path. */
  request(method: string, path: string, request?: TestRequest): Promise<TestResponse>
}

/** An exchange without a server: what a test sends through `auth.open` or `auth.respond`. */
export function testExchange(method: string, target: string, request: TestRequest = {}): Exchange {
  const { token, json, form, address = '192.0.2.1' } = request
  const body = json === undefined ? form : JSON.stringify(json)
  const type = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json'
  const headers: Record<string, string> = {
    ...(body !== undefined && { 'content-type': type }),
    ...(token !== undefined && { authorization: token }),
    ...Object.fromEntries(Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
  }
  return {
    method,
    target,
    address,
    header: name => headers[name] ?? null,
    readBody: async () => new TextEncoder().encode(body ?? ''),
  }
}

/** An auth with a clock you advance, users and sessions in memory, and hashing that costs nothing. */
export function testAuth<User extends BaseUser = BaseUser>(options: Partial<AuthOptions<User>> = {}): TestAuth<User> {
  const clock = testClock()
  const events: AuthEvent[] = []
  const errors: unknown[] = []
  const { basePath = '/api/v1' } = options
  const auth = createAuth<User>({
    secret: 'a secret for tests, and for tests alone',
    users: memoryUsers(),
    store: memoryStore({ now: clock.now }),
    hasher: cheapHasher(),
    now: clock.now,
    onEvent: event => events.push(event),
    onError: error => errors.push(error),
    ...options,
  })
  return {
    auth,
    clock,
    events,
    errors,
    async request(method, path, request) {
      const { status, headers, body } = await auth.respond(testExchange(method, basePath + path, request))
      return { status, headers, body: body === null ? null : JSON.parse(body) }
    },
  }
}
