import { type FieldErrors, Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'
import { type FieldReader, type Identifier, readFields, type UserInput } from '../users/fields.js'
import { readOwnFields } from '../users/own-fields.js'
import type { BaseUser, OwnFields } from '../users/user.js'
import type { AccountsParts } from './accounts.js'

/** What somebody says about themselves, in its normal form. */
export interface Details {
  readonly email?: string
  readonly username?: string
  readonly password: string | null
  /** Left out where nothing of the kind was sent. */
  readonly fields?: OwnFields
}

type Parts<User extends BaseUser> = Pick<
  AccountsParts<User>,
  'identifiers' | 'fields' | 'passwordRules' | 'users' | 'run'
>

/** Reads what `wanted` says of the core fields, and all of the app's own. Messages are in `fields.errors()`. */
export async function readDetails<User extends BaseUser>(
  parts: Parts<User>,
  ctx: Context<User>,
  input: UserInput,
  before: User | null,
  wanted: (name: Identifier | 'password') => boolean,
): Promise<{ readonly details: Details; readonly reader: FieldReader }> {
  const { identifiers, fields: schema, passwordRules, users, run } = parts
  const reader = readFields(input, passwordRules)
  const names: Partial<Record<Identifier, string>> = {}
  for (const name of identifiers) {
    const value = wanted(name) ? reader.identifier(name) : null
    if (value !== null) names[name] = value
  }
  const password = wanted('password') ? reader.password() : null
  if (password !== null && !reader.errors()?.password) {
    const { email = before?.email, username = before?.username } = names
    const known = { email: email || null, username: username ?? null }
    const message = await run('choosingPassword', { ctx, password, ...known })
    if (message !== undefined) reader.note('password', message)
  }
  const own = users.fields ?? []
  const isSent = before === null || own.some(name => Object.hasOwn(input, name))
  if (!schema || !isSent) return { details: { ...names, password }, reader }
  const { fields, errors } = await readOwnFields(schema, own, input, before ?? {})
  if (errors) reader.noteAll(errors)
  return { details: { ...names, password, ...(fields && { fields }) }, reader }
}

/** The messages for an identifier that another user has; null for another error. */
export function takenErrors(error: unknown): FieldErrors | null {
  const messages = ['has already been taken']
  if (Problem.is(error, 'email_taken')) return { email: messages }
  return Problem.is(error, 'username_taken') ? { username: messages } : null
}
