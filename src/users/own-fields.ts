import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { FieldErrors } from '../base/problem.js'
import type { BaseUser, OwnFields } from './user.js'

/** A Standard Schema of the app's own fields: what it gives must fit the user. */
export type FieldsSchema<User extends BaseUser> = StandardSchemaV1<
  unknown,
  { readonly [Name in keyof User]?: User[Name] | undefined }
>

/** Names that are never taken from input, whatever a schema says. */
const RESERVED: ReadonlySet<string> = new Set([
  'id',
  'email',
  'username',
  'password',
  'password_confirmation',
  'current_password',
  'passwordHash',
  'password_hash',
  'credentialEpoch',
  'credential_epoch',
  'role',
  'tenant',
  'suspendedAt',
  'suspended_at',
  'createdAt',
  'created_at',
  'updatedAt',
  'updated_at',
  '__proto__',
])

/** Throws `TypeError` for a field that is Pawl's own, and for fields without a schema or a place to be kept. */
export function checkFields(names: readonly string[], schema: unknown): void {
  const reserved = names.find(name => RESERVED.has(name))
  if (reserved !== undefined) {
    throw new TypeError(`\`${reserved}\` is no field of the app's own: take it out of the \`fields\` of \`users\``)
  }
  if (schema === undefined) return
  if (typeof (schema as StandardSchemaV1)?.['~standard']?.validate !== 'function') {
    throw new TypeError('`fields` must be a Standard Schema: an object schema of Zod, Valibot, ArkType or the like')
  }
  if (names.length === 0) {
    throw new TypeError("`users` keep no `fields`: name them there as well, `memoryUsers({ fields: ['name'] })`")
  }
}

function pick(from: object, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.filter(name => Object.hasOwn(from, name)).map(name => [name, (from as Record<string, unknown>)[name]]),
  )
}

/** The app's own fields, as its schema gives them, or messages by field. */
export type ReadFields =
  | { readonly fields: OwnFields; readonly errors: null }
  | { readonly fields: null; readonly errors: FieldErrors }

/** Reads input with the app's schema. What was not sent is as it was, so that the whole is judged, not the part. */
export async function readOwnFields(
  schema: StandardSchemaV1 | undefined,
  names: readonly string[],
  input: object,
  before: object,
): Promise<ReadFields> {
  if (!schema) return { fields: {}, errors: null }
  const sent = { ...pick(before, names), ...pick(input, names) }
  const result = await schema['~standard'].validate(sent)
  if (!result.issues) return { fields: pick(result.value as object, names), errors: null }
  const errors: Record<string, string[]> = Object.create(null)
  for (const { path = [], message } of result.issues) {
    const first = path[0]
    const field = String(typeof first === 'object' ? first.key : (first ?? names[0]))
    errors[field] = [...(errors[field] ?? []), message]
  }
  return { fields: null, errors }
}
