import { type AuditLogOptions, auditLog } from '../../src/extensions/audit/audit.js'
import { memoryStore, memoryUsers, type SqlDatabase } from '../../src/index.js'
import { migrate } from '../../src/migrations.js'
import { testAuth, testClock } from '../../src/testing/index.js'
import { sqlUsers } from '../../src/users/sql.js'
import { ENGINES } from './tables.js'

type Options = NonNullable<Parameters<typeof testAuth>[0]>

export interface Place {
  readonly name: string
  /** Options of an auth whose users are there, and the database where there is one: empty, with all tables. */
  open(clock: ReturnType<typeof testClock>): Promise<{ readonly options: Options; readonly database?: SqlDatabase }>
}

/** Where users and their audit log may be. */
export const PLACES: readonly Place[] = [
  { name: 'memory', open: async ({ now }) => ({ options: { users: memoryUsers(), store: memoryStore({ now }) } }) },
  ...ENGINES.map(engine => ({
    name: engine.name,
    async open({ now }: ReturnType<typeof testClock>) {
      const own = await engine.open()
      const { database } = own
      await migrate(database, { extensions: [auditLog()] })
      for (const table of ['audit_events', 'users', 'pawl_sessions']) {
        await database.prepare(`delete from ${table}`).run()
      }
      return { database, options: { users: sqlUsers(database), store: own.storeWith({ now }), deadlineMs: 20_000 } }
    },
  })),
]

export const PASSWORD = 'secret1234'
export const credentials = { email: 'ann@example.com', password: PASSWORD }
export const ann = { ...credentials, password_confirmation: PASSWORD }

/** An auth with an audit log in a place, and what it wrote. */
export async function audited(place: Place, given: Options = {}, audit: AuditLogOptions = {}) {
  const clock = testClock()
  const { options, database } = await place.open(clock)
  const extension = auditLog(audit)
  const { extensions = [], ...rest } = given
  const made = testAuth({ now: clock.now, ...options, ...rest, extensions: [extension, ...extensions] })
  const log = made.auth.extension(extension)
  /** Oldest first. */
  const all = async (query: Parameters<typeof log.find>[0] = {}) => [...(await log.find(query))].reverse()
  const names = async () => (await all()).map(({ name }) => name)
  const register = async (user: object = ann) =>
    (await made.request('POST', '/registration', { json: { user } })).body.data
  const signIn = async (user: object = credentials) =>
    (await made.request('POST', '/session', { json: { user } })).body.data
  return { ...made, clock, database, extension, log, all, names, register, signIn }
}

export const fifty = <T>(run: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: 50 }, (_, index) => run(index)))
