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
  'remember_me',
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

/** The field an issue is about; the first one for an issue of the whole. */
function fieldOf({ path = [] }: StandardSchemaV1.Issue, names: readonly string[]): string {
  const first = path[0]
  return String(typeof first === 'object' ? first.key : (first ?? names[0]))
}

/** A value as JSON with its names in order: a database and a schema each have an order of their own. */
function ordered(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const plain: unknown = JSON.parse(JSON.stringify(value))
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain)) {
    return Array.isArray(plain) ? plain.map(ordered) : plain
  }
  return Object.entries(plain)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, each]) => [name, ordered(each)])
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(ordered(one ?? null)) === JSON.stringify(ordered(other ?? null))
}

/**
 * Reads input with the app's schema. What was not sent is as it was, so that the whole is judged, not the part; but only
 * what was sent, or comes out as something else, is among what it gives: of two changes at once neither undoes the other.
 */
export async function readOwnFields(
  schema: StandardSchemaV1 | undefined,
  names: readonly string[],
  input: object,
  before: object,
): Promise<ReadFields> {
  if (!schema) return { fields: {}, errors: null }
  const sent = pick(input, names)
  const kept = pick(before, names)
  const whole: Record<string, unknown> = { ...kept, ...sent }
  let result = await schema['~standard'].validate(whole)
  // A table says null where nothing was given, and what a schema lets be left out it may not let be null.
  const unset = new Set(names.filter(name => !Object.hasOwn(sent, name) && whole[name] === null))
  const disliked = (result.issues ?? []).map(issue => fieldOf(issue, names)).filter(name => unset.has(name))
  if (disliked.length > 0) {
    for (const name of disliked) delete whole[name]
    result = await schema['~standard'].validate(whole)
  }
  if (!result.issues) {
    const given = pick(result.value as object, names)
    const changed = names.filter(name => Object.hasOwn(sent, name) || !isSame(given[name], kept[name]))
    return { fields: pick(given, changed), errors: null }
  }
  const errors: Record<string, string[]> = Object.create(null)
  for (const issue of result.issues) {
    const field = fieldOf(issue, names)
    errors[field] = [...(errors[field] ?? []), issue.message]
  }
  return { fields: null, errors }
}
