import { memoryStore } from '../stores/memory.js'
import type { Session } from '../stores/session-store.js'
import type { Store } from '../stores/store.js'
import type { BaseUser } from '../users/user.js'
import type { Host, HostApp, MakeHost } from './adapter-host.js'
import { type TestAuth, testExchange } from './test-auth.js'

export const PASSWORD = 'secret1234'

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test reads into it and fails where it is wrong
  readonly json: any
}

export interface Sent {
  readonly token?: string
  readonly json?: unknown
  /** As it is, with its type in `headers`; a form where it has none. */
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A running app and its auth. */
export interface Client extends TestAuth {
  call(method: string, path: string, sent?: Sent): Promise<Answered>
  newUser(): Promise<BaseUser>
  /** A new user with a session, straight through the core. */
  signedIn(role?: string): Promise<{ readonly user: BaseUser; readonly token: string }>
  /** The sessions of a user. */
  sessionsOf(user: BaseUser): Promise<readonly Session[]>
}

function initOf(method: string, { token, json, body, headers }: Sent): RequestInit {
  const content = json === undefined ? body : JSON.stringify(json)
  const type = json === undefined ? 'application/x-www-form-urlencoded' : 'application/json'
  return {
    method,
    redirect: 'manual',
    headers: {
      ...(content !== undefined && { 'content-type': type }),
      ...(token !== undefined && { authorization: token }),
      ...headers,
    },
    ...(content !== undefined && { body: content }),
  }
}

export async function callHost(host: Host, method: string, path: string, sent: Sent = {}): Promise<Answered> {
  const response = await host.fetch(path, initOf(method, sent))
  const text = await response.text()
  const json = /^[{[]/.test(text) ? JSON.parse(text) : null
  return { status: response.status, headers: response.headers, text, json }
}

/** A store in memory with other session verbs. */
export function storeWith(sessions: Partial<Store['sessions']>): Store {
  const store = memoryStore()
  return { ...store, sessions: { ...store.sessions, ...sessions } }
}

/** A store that is away, as one across a network. */
export function storeAway(): Store {
  const away = () => Promise.reject(new Error('connect ECONNREFUSED'))
  return storeWith({ find: away, insert: away, advance: away, delete: away })
}

/** A store that answers later, so that a response which does not wait is seen. */
export function slowStore(now: () => number): Store {
  const inner = memoryStore({ now })
  const turns = async () => {
    for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
  }
  return {
    ...inner,
    sessions: {
      ...inner.sessions,
      find: async id => {
        await turns()
        return inner.sessions.find(id)
      },
      insert: async session => {
        await turns()
        return inner.sessions.insert(session)
      },
    },
  }
}

async function newUser({ auth }: TestAuth, role?: string): Promise<BaseUser> {
  const id = crypto.randomUUID()
  const { user } = await auth.users.insert({ id, email: `${id}@example.com`, passwordHash: null, createdAt: 0 })
  return role === undefined ? user : Object.assign(user, { role })
}

async function signedIn(made: TestAuth, role?: string): Promise<{ user: BaseUser; token: string }> {
  const user = await newUser(made, role)
  const ctx = await made.auth.open(testExchange('POST', '/'))
  await made.auth.accounts.signIn(ctx, user, { methods: ['pwd'] })
  const token = ctx.tokens?.accessToken ?? ''
  await made.auth.send(ctx)
  return { user, token }
}

/** Starts an app on a host with an auth of its own. */
export async function startClient(
  makeHost: MakeHost,
  made: TestAuth,
  app: Partial<HostApp>,
): Promise<{ host: Host; client: Client }> {
  const host = await makeHost({ auths: [made.auth], controllers: [], parserFirst: false, unknown: 'present', ...app })
  const client: Client = {
    ...made,
    call: (method, path, sent) => callHost(host, method, path, sent),
    newUser: () => newUser(made),
    signedIn: role => signedIn(made, role),
    sessionsOf: async user => made.auth.store.sessions.listByUser(user.id),
  }
  return { host, client }
}
