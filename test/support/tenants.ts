import { type Exchange, memoryStore, memoryUsers, type Store, type UserRepository } from '../../src/index.js'
import { type TestRequest, testAuth, testClock } from '../../src/testing/index.js'

export const password = 'secret1234'
export const ann = { email: 'ann@example.com', password, password_confirmation: password }
const TENANTS = ['a', 'b']

const tenant = ({ header }: Exchange) => {
  const named = header('x-tenant') ?? ''
  return TENANTS.includes(named) ? named : null
}

/** The same object, each of whose functions writes down that it was called, and with what. */
function recorded<T extends object>(of: string, target: T, calls: [name: string, args: unknown[]][]): T {
  const record =
    (name: string, verb: (...args: unknown[]) => unknown) =>
    (...args: unknown[]) => {
      calls.push([`${of}.${name}`, args])
      return verb(...args)
    }
  return Object.fromEntries(
    Object.entries(target).map(([name, value]) => [name, typeof value === 'function' ? record(name, value) : value]),
  ) as T
}

type Options = NonNullable<Parameters<typeof testAuth>[0]>

/** An auth with tenants, and everything it asked its store and its users. */
export function withTenants(options: Options = {}) {
  const clock = testClock()
  const calls: [name: string, args: unknown[]][] = []
  const kept = memoryStore(clock)
  const store: Store = {
    ...kept,
    sessions: recorded('sessions', kept.sessions, calls),
    values: recorded('values', kept.values, calls),
  }
  const users = recorded('users', options.users ?? memoryUsers(), calls) as UserRepository
  const made = testAuth({ now: clock.now, store, tenant, ...options, users })
  const at =
    (name: string) =>
    (method: string, path: string, request: TestRequest = {}) =>
      made.request(method, path, { ...request, headers: { ...request.headers, 'x-tenant': name } })
  return { ...made, clock, calls, a: at('a'), b: at('b'), at }
}

export type At = ReturnType<typeof withTenants>['a']

export async function register(at: At, user: object = ann) {
  const { body } = await at('POST', '/registration', { json: { user } })
  return { access: body.data.access_token as string, renewal: body.data.renewal_token as string }
}

export const GUARDED: readonly [method: string, path: string, json?: object][] = [
  ['GET', '/session'],
  ['GET', '/sessions'],
  ['DELETE', '/sessions'],
  ['DELETE', '/sessions', { include_current: true }],
  ['DELETE', '/sessions/00000000-0000-4000-8000-000000000000'],
  ['POST', '/session/reauthenticate', { user: { password } }],
  ['PATCH', '/registration', { user: { current_password: password, email: 'eve@example.com' } }],
  ['DELETE', '/registration', { user: { current_password: password } }],
]
