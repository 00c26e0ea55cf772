import { type Auth, type AuthOptions, bearerOrCookieSessions, cookieSessions } from '../../src/index.js'
import { type TestAuth, type TestRequest, testAuth, testClock, testExchange } from '../../src/testing/index.js'
import type { StoreKind } from '../support/stores.js'

export const PASSWORD = 'secret1234'
export const NAME = '__Host-session'
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Values of `Set-Cookie`, as they are. */
  readonly cookies: readonly string[]
  // biome-ignore lint/suspicious/noExplicitAny: a test reads into it and fails where it is wrong
  readonly body: any
}

export interface VisitorRequest extends TestRequest {
  /** In place of the cookie the visitor keeps: the token alone. Null sends none. */
  cookie?: string | null
}

/** A browser in miniature: keeps one cookie as it is told to, and sends it. */
export interface Visitor {
  /** What it keeps: the token alone. */
  cookie: string | null
  /** Sends its cookie, and keeps the one it gets. Paths are below the base path. */
  send(method: string, path: string, request?: VisitorRequest): Promise<Answered>
  /** The same for a request whose answer never arrives. */
  lose(method: string, path: string, request?: VisitorRequest): Promise<Answered>
  register(remember?: unknown): Promise<Answered>
  signIn(remember?: unknown): Promise<Answered>
  isSignedIn(): Promise<boolean>
}

export function registrationOf(email: string): { email: string; password: string; password_confirmation: string } {
  return { email, password: PASSWORD, password_confirmation: PASSWORD }
}

/** The token in a `Set-Cookie`; null for one that removes it, undefined where there is none of this name. */
export function tokenIn(cookies: readonly string[], name: string = NAME): string | null | undefined {
  const set = cookies.find(each => each.startsWith(`${name}=`))
  return set === undefined ? undefined : set.slice(name.length + 1, set.indexOf(';')) || null
}

/** Sends a request with what stands in `headers` and nothing more. */
export async function ask(auth: Auth, method: string, target: string, request: TestRequest = {}): Promise<Answered> {
  const { status, headers, cookies = [], body } = await auth.respond(testExchange(method, target, request))
  return { status, headers, cookies, body: body === null ? null : JSON.parse(body) }
}

let people = 0

/** Somebody with a browser of their own. */
export function visitor(
  { auth }: Pick<TestAuth, 'auth'>,
  { name = NAME, base = '/api/v1', headers = {} } = {},
): Visitor {
  const email = `visitor-${++people}@example.com`
  const lose: Visitor['lose'] = (method, path, { cookie = self.cookie, ...request } = {}) => {
    const sent = { ...headers, ...(cookie !== null && { cookie: `${name}=${cookie}` }), ...request.headers }
    return ask(auth, method, base + path, { ...request, headers: sent })
  }
  const enter = (path: string, remember: unknown) => {
    const user = { ...registrationOf(email), ...(remember !== undefined && { remember_me: remember }) }
    return self.send('POST', path, { json: { user } })
  }
  const self: Visitor = {
    cookie: null,
    lose,
    async send(...sent) {
      const answered = await lose(...sent)
      const token = tokenIn(answered.cookies, name)
      if (token !== undefined) self.cookie = token
      return answered
    },
    register: remember => enter('/registration', remember),
    signIn: remember => enter('/session', remember),
    isSignedIn: async () => (await self.send('GET', '/session')).status === 200,
  }
  return self
}

export const BOTH = { cookie: cookieSessions, 'bearer or cookie': bearerOrCookieSessions } as const
/** What a sign-in says to get a cookie where it may get tokens too. */
export const ASKING = { 'session-transport': 'cookie' }

/** An auth with a clock you advance whose sessions are in a cookie. */
export function cookieAuth(options: Partial<AuthOptions> = {}): TestAuth {
  return testAuth({ sessions: cookieSessions(), ...options })
}

/** The same on a store of a kind. Patient: a busy machine is no failure of a store. */
export async function cookieAuthOn(make: StoreKind['make'], options: Partial<AuthOptions> = {}): Promise<TestAuth> {
  const { now, advance } = testClock()
  const made = cookieAuth({ ...(await make({ now })), now, deadlineMs: 20_000, ...options })
  return { ...made, clock: { now, advance } }
}

export function named({ events }: Pick<TestAuth, 'events'>, name: string): TestAuth['events'] {
  return events.filter(event => event.name === name)
}
