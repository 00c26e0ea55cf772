import type { JsonObject } from '../../base/json.js'
import { type FieldErrors, Problem } from '../../base/problem.js'
import { IDENTIFIERS } from '../../users/fields.js'

/** What somebody says of an invitation: untrusted. */
export interface InvitationInput {
  readonly email?: unknown
  /** Left out or empty for the role of everybody who registers. */
  readonly role?: unknown
  /** The application's own: a JSON object of at most 4 KB. */
  readonly data?: unknown
}

/** The same, read. */
export interface InvitationDetails {
  readonly email: string
  readonly role: string | null
  /** JSON of an object. */
  readonly data: string
}

const MOST_BYTES = 4096
const ROLE = /^\P{C}{1,64}$/u

const isNothing = (value: unknown) => value === undefined || value === null || value === ''

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object as JSON. `__proto__` is left out: the application may copy what it is given. Null for what is none. */
function jsonOf(data: unknown): string | null {
  try {
    const text = JSON.stringify(data, (name, value) => (name === '__proto__' ? undefined : value))
    return isObject(JSON.parse(text)) ? text : null
  } catch {
    return null
  }
}

/** Throws `invitation.invalid` with `errors`. */
export function readInvitation({ email: sent, role, data }: InvitationInput): InvitationDetails {
  const errors: Record<string, string[]> = {}
  const { normalize, isRight } = IDENTIFIERS.email
  const email = typeof sent === 'string' ? normalize(sent) : ''
  if (isNothing(sent)) errors.email = ["can't be blank"]
  else if (typeof sent !== 'string') errors.email = ['is invalid']
  else if (!isRight(email)) errors.email = ['has invalid format']
  if (!isNothing(role) && (typeof role !== 'string' || !ROLE.test(role))) errors.role = ['is invalid']
  const text = isNothing(data) ? '{}' : jsonOf(data)
  if (text === null) errors.data = ['is invalid']
  else if (new TextEncoder().encode(text).length > MOST_BYTES) errors.data = [`should be at most ${MOST_BYTES} byte(s)`]
  if (Object.keys(errors).length > 0) {
    throw new Problem('invitation.invalid', { status: 422, message: "Couldn't invite", errors: errors as FieldErrors })
  }
  return { email, role: isNothing(role) ? null : (role as string), data: text as string }
}
