/** What an app may write, and what it may not: this file is compiled with the tests and never run. */
import { type } from 'arktype'
import * as v from 'valibot'
import { z } from 'zod'
import {
  type Account,
  type Auth,
  type BaseUser,
  bearerOrCookieSessions,
  cookieSessions,
  createAuth,
  type Extension,
  type FieldsSchema,
  memoryUsers,
  requireRole,
  type Sessions,
  type SqlDatabase,
  type UserRepository,
} from '../../src/index.js'
import { type FieldKind, type SqlUsersOptions, sqlUsers } from '../../src/users/sql.js'

const secret = 'a secret for tests, and for tests alone'

interface Person extends BaseUser {
  readonly name: string
  readonly age?: number | null
}

interface Staff extends BaseUser {
  readonly badge: number
}

const people = memoryUsers<Person>({ fields: ['name', 'age'] })

// The user is that of `users`, and known wherever it comes from.
export const auth: Auth<Person> = createAuth({ secret, users: people })
export const names: Promise<string | undefined> = auth.system.findUser('1').then(user => user?.name)
auth.accounts satisfies object
export const role: string | undefined = (await auth.system.setRole('1', 'admin')).role
export const suspendedAt: number | null | undefined = (await auth.system.suspend('1')).suspendedAt
auth.system.of('acme') satisfies Auth<Person>['system']

// Any Standard Schema whose output fits the user.
createAuth({ secret, users: people, fields: z.object({ name: z.string(), age: z.number().optional() }) })
createAuth({ secret, users: people, fields: z.object({ name: z.string().transform(name => name.trim()) }) })
createAuth({ secret, users: people, fields: z.object({ name: z.string(), age: z.number().nullish() }) })
createAuth({ secret, users: people, fields: v.object({ name: v.string(), age: v.optional(v.number()) }) })
createAuth({ secret, users: people, fields: type({ name: 'string', 'age?': 'number' }) })
export const plain: FieldsSchema<Person> = {
  '~standard': { version: 1, vendor: 'own', validate: value => ({ value: value as { name: string } }) },
}

// @ts-expect-error a number is no name
createAuth({ secret, users: people, fields: z.object({ name: z.number() }) })
// @ts-expect-error nor is a list of them
createAuth({ secret, users: people, fields: v.object({ name: v.array(v.string()) }) })
// @ts-expect-error nor what a transformation makes of one
createAuth({ secret, users: people, fields: z.object({ name: z.string().transform(name => name.length) }) })
// @ts-expect-error null is no name
createAuth({ secret, users: people, fields: type({ name: 'string | null' }) })
// @ts-expect-error a function is no schema
createAuth({ secret, users: people, fields: (input: unknown) => input })

// An extension for any user fits, one for another user does not.
const anybody: Extension = { name: 'anybody', setup: () => ({}) }
const own: Extension<Person> = {
  name: 'own',
  setup: () => ({ hooks: { signedIn: ({ user }) => console.assert(user.name) } }),
}
const badges: Extension<Staff> = {
  name: 'badges',
  setup: () => ({ hooks: { signedIn: ({ user }) => console.assert(user.badge) } }),
}
createAuth({ secret, users: people, extensions: [own] })
createAuth({ secret, users: memoryUsers(), extensions: [anybody] })
// @ts-expect-error its users have no badge
createAuth({ secret, users: people, extensions: [badges] })

// Sessions are of the same users.
createAuth({ secret, users: people, sessions: cookieSessions() })
createAuth({ secret, users: people, sessions: bearerOrCookieSessions({ rotateAfter: '5m' }) })
// @ts-expect-error its users have no badge
createAuth({ secret, users: people, sessions: null as unknown as Sessions<Staff> })

// Five functions, and no less.
const { findByIdentifier: _, ...four } = people
// @ts-expect-error nobody could sign in
createAuth({ secret, users: four })
// @ts-expect-error a user has an address, and times
export type NoUser = UserRepository<{ readonly id: string }>
// @ts-expect-error what is found must be a user
export const wrong: UserRepository<Person> = { ...people, findById: () => ({ user: { id: '1' } }) }
export const right: UserRepository<Person> = { ...people, findById: async () => null as Account<Person> | null }

// Options by their names and values.
createAuth({ secret, users: people, identifiers: ['email', 'username'], realm: 'admin', tenant: () => null })
createAuth({ secret, users: people, tenant: async ({ header }) => header('x-tenant') })
// @ts-expect-error people have no phone
createAuth({ secret, users: people, identifiers: ['phone'] })
// @ts-expect-error a tenant is named
createAuth({ secret, users: people, tenant: () => 7 })
// @ts-expect-error or there is none, which is null
createAuth({ secret, users: people, tenant: () => undefined })

// Tables.
declare const database: SqlDatabase
const kinds: Readonly<Record<string, FieldKind>> = { name: 'text', age: 'number' }
sqlUsers<Person>(database, { table: 'people', columns: { id: 'person_id', email: null }, fields: kinds })
sqlUsers(database, { ids: 'integer', times: 'timestamp' } satisfies SqlUsersOptions)
// @ts-expect-error such a column is called passwordHash
sqlUsers(database, { columns: { password_hash: 'hash' } })
// @ts-expect-error a text is 'text'
sqlUsers(database, { fields: { name: 'string' } })
// @ts-expect-error numbers are integers
sqlUsers(database, { ids: 'number' })

const ctx = await auth.open(null as never)
requireRole(ctx, 'admin')
requireRole(ctx, ['admin', 'editor'] as const)
// @ts-expect-error a role has a name
requireRole(ctx, 7)
// @ts-expect-error trusted code says a role as text
auth.system.setRole('1', null)
// @ts-expect-error a role is no field
auth.system.createUser({ email: 'a@example.com', role: 1 })
