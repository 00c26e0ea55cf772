import { expect, test } from 'vitest'
import { compileApp } from '../support/type-project.js'

const SECRET = 'secret: process.env.AUTH_SECRET'
const PERSON = `
interface Person extends BaseUser { readonly name: string }
const users = memoryUsers<Person>({ fields: ['name'] })`

/** Each is a mistake, and what the compiler says of it in one error. */
const MISTAKES: readonly [what: string, code: string, message: RegExp][] = [
  [
    'a schema whose output does not fit the user',
    `import { createAuth, memoryUsers, type BaseUser } from 'pawl'
import { z } from 'zod'
${PERSON}
createAuth({ ${SECRET}, users, fields: z.object({ name: z.number() }) })`,
    /^TS2322: Type 'ZodObject<\{ name: ZodNumber; \}, \$strip>' is not assignable to type 'FieldsSchema<NoInfer<Person>>'/,
  ],
  [
    'an extension that needs another user',
    `import { createAuth, memoryUsers, type BaseUser, type Extension } from 'pawl'
interface Staff extends BaseUser { readonly badge: number }
const badges: Extension<Staff> = { name: 'badges', setup: () => ({ hooks: { signingIn: ({ user }) => console.log(user.badge) } }) }
${PERSON}
createAuth({ ${SECRET}, users, extensions: [badges] })`,
    /^TS2375: Type 'Extension<Staff, unknown>' is not assignable to type 'Extension<NoInfer<Person>, unknown>'/,
  ],
  [
    'users without a needed function',
    `import { createAuth, memoryUsers } from 'pawl'
const { delete: _, ...users } = memoryUsers()
createAuth({ ${SECRET}, users })`,
    /^TS2741: Property 'delete' is missing in type .* but required in type 'UserRepository<BaseUser>'/,
  ],
  [
    'a user without a needed member',
    `import { createAuth, memoryUsers, type UserRepository } from 'pawl'
interface Person { readonly id: string; readonly name: string }
export const users = {} as UserRepository<Person>`,
    /^TS2739: Type 'Person' is missing the following properties from type 'BaseUser': email, createdAt, updatedAt$/,
  ],
  [
    'an option that there is not',
    `import { createAuth, memoryUsers } from 'pawl'
createAuth({ ${SECRET}, users: memoryUsers(), identifier: ['email'] })`,
    /'identifier' does not exist in type 'AuthOptions<BaseUser>'. Did you mean to write 'identifiers'\?$/,
  ],
  [
    'an identifier that there is not',
    `import { createAuth, memoryUsers } from 'pawl'
createAuth({ ${SECRET}, users: memoryUsers(), identifiers: ['phone'] })`,
    /^TS2322: Type '"phone"' is not assignable to type 'Identifier'.$/,
  ],
  [
    'sessions of another user',
    `import { createAuth, memoryUsers, type BaseUser, type Sessions } from 'pawl'
interface Staff extends BaseUser { readonly badge: number }
${PERSON}
createAuth({ ${SECRET}, users, sessions: {} as Sessions<Staff> })`,
    /^TS2322: Type 'Sessions<Staff>' is not assignable to type 'Sessions<NoInfer<Person>> /,
  ],
  [
    'a field of a table whose kind there is not',
    `import { openSqlite } from 'pawl/sqlite'
import { sqlUsers } from 'pawl/users/sql'
sqlUsers(await openSqlite('x'), { fields: { name: 'string' } })`,
    /^TS2322: Type '"string"' is not assignable to type .*FieldKind/,
  ],
  [
    'a tenant that is a number',
    `import { createAuth, memoryUsers } from 'pawl'
createAuth({ ${SECRET}, users: memoryUsers(), tenant: () => 7 })`,
    /^TS2322: Type '\(\) => number' is not assignable to type '\(exchange: Exchange\) => Awaitable<string \| null>'.$/,
  ],
]

test('each mistake is one error, and its first line says what is wrong', async () => {
  const files = Object.fromEntries(MISTAKES.map(([, code], index) => [`mistake-${index}.ts`, `${code}\nexport {}\n`]))
  const { errors } = await compileApp(files)
  expect(errors).toHaveLength(MISTAKES.length)
  for (const [index, [what, , message]] of MISTAKES.entries()) expect(errors[index], what).toMatch(message)
})
