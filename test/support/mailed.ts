import { type AuthOptions, type BaseUser, cookieSessions, type Extension, type SqlDatabase } from '../../src/index.js'
import { migrate } from '../../src/migrations.js'
import { type TestAuth, type TestResponse, testAuth, testClock } from '../../src/testing/index.js'
import { type Letters, letters } from './letters.js'
import { STORES, type StoreKind } from './stores.js'

export const PASSWORD = 'secret1234'
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** The stores on which what is used once is used by fifty at a time. */
export const SINGLE_USE: readonly StoreKind[] = STORES.filter(({ name }) =>
  ['sqlite', 'postgres', 'redis', 'redis cluster'].includes(name),
)

const MEMORY = STORES[0] as StoreKind

export interface MailedAuth extends TestAuth {
  readonly letters: Letters
  /** What `auth.extension` takes. */
  readonly extensions: readonly Extension[]
  register(email: string, more?: Readonly<Record<string, unknown>>): Promise<TestResponse>
  signIn(email: string, password?: string): Promise<TestResponse>
  /** The token in the latest letter of a kind to an address. */
  tokenOf(kind: string, to: string): Promise<string>
  /** How many letters of a kind went to an address. */
  count(kind: string, to: string | null): Promise<number>
}

/** An auth whose letters are kept, with extensions that send some. */
export async function mailedAuth(
  added: readonly Extension[],
  options: Partial<AuthOptions<BaseUser>> = {},
  { make }: StoreKind = MEMORY,
): Promise<MailedAuth> {
  const kept = letters()
  const extensions = [kept.extension, ...added]
  const { now, advance } = testClock()
  const made = await make({ now })
  if (typeof made.users.tables === 'object') await migrate(made.users.tables as SqlDatabase, { extensions })
  const auth = testAuth({ ...made, now, deadlineMs: 20_000, extensions, ...options })
  const user = (email: string, password: string) => ({ email, password, password_confirmation: password })
  return {
    ...auth,
    clock: { now, advance },
    letters: kept,
    extensions,
    register: (email, more) =>
      auth.request('POST', '/registration', { json: { user: { ...user(email, PASSWORD), ...more } } }),
    signIn: (email, password = PASSWORD) => auth.request('POST', '/session', { json: { user: { email, password } } }),
    tokenOf: async (kind, to) => (await kept.last(kind, to)).facts.token as string,
    count: async (kind, to) => (await kept.all(kind)).filter(letter => letter.to === to).length,
  }
}

let people = 0

export const newAddress = (): string => `mailed-${++people}@example.com`

export const inCookies: Partial<AuthOptions<BaseUser>> = { sessions: cookieSessions() }
