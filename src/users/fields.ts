import type { FieldErrors } from '../base/problem.js'
import { isEmail, normalizeEmail } from './email.js'
import { isCommonPassword } from './guessable.js'
import { graphemes, normalizePassword } from './password.js'
import { isUsername, normalizeUsername } from './username.js'

/** What a person sent about themselves: untrusted, of any shape. */
export type UserInput = Readonly<Record<string, unknown>>

/** What people are known by. */
export type Identifier = 'email' | 'username'

/** What a new password must be. */
export interface PasswordRules {
  readonly minLength: number
  readonly maxLength: number
  /** True takes even the commonest passwords and the person's own address. */
  readonly allowCommon: boolean
}

/** The one spelling of each, and which spellings are taken. */
export const IDENTIFIERS: Readonly<
  Record<Identifier, { normalize(text: string): string; isRight(normal: string): boolean }>
> = {
  email: { normalize: normalizeEmail, isRight: isEmail },
  username: { normalize: normalizeUsername, isRight: isUsername },
}

const BLANK = "can't be blank"
const INVALID = 'is invalid'

/** Collects messages by field while input is read. */
export interface FieldReader {
  /** The address or username in its normal form, or null with a message noted. */
  identifier(name: Identifier): string | null
  /** The new password, NFC, or null with a message noted. Its confirmation is looked at only when it is there. */
  password(): string | null
  note(field: string, message: string): void
  /** Notes messages of another reader. */
  noteAll(errors: FieldErrors): void
  /** All messages so far; null when there are none. */
  errors(): FieldErrors | null
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}

/** Reads the core fields with the guide's rules and messages. Only fields named here are ever taken from input. */
export function readFields(input: UserInput, { minLength, maxLength, allowCommon }: PasswordRules): FieldReader {
  const noted: Record<string, string[]> = Object.create(null)

  function note(field: string, message: string): void {
    noted[field] = [...(noted[field] ?? []), message]
  }

  function refuse(field: string, message: string): null {
    note(field, message)
    return null
  }

  /** The first a guesser tries: what everybody takes, and the address or the name that comes with it. */
  function isGuessable(password: string): boolean {
    const isOwn = (name: unknown) => typeof name === 'string' && normalizeEmail(name) === normalizeEmail(password)
    return isCommonPassword(password) || isOwn(input.email) || isOwn(input.username)
  }

  function confirm(password: string): void {
    const confirmation = input.password_confirmation
    if (confirmation === undefined) note('password_confirmation', BLANK)
    else if (typeof confirmation !== 'string' || normalizePassword(confirmation) !== password) {
      note('password_confirmation', 'does not match confirmation')
    }
  }

  return {
    note,
    noteAll(errors) {
      for (const [field, messages] of Object.entries(errors)) for (const message of messages) note(field, message)
    },
    identifier(name) {
      const sent = input[name]
      if (isMissing(sent)) return refuse(name, BLANK)
      if (typeof sent !== 'string') return refuse(name, INVALID)
      const { normalize, isRight } = IDENTIFIERS[name]
      const normal = normalize(sent)
      return isRight(normal) ? normal : refuse(name, 'has invalid format')
    },
    password() {
      const { password: sent } = input
      if (isMissing(sent) || (typeof sent === 'string' && sent.trim() === '')) return refuse('password', BLANK)
      const password = typeof sent === 'string' ? normalizePassword(sent) : null
      if (password === null) return refuse('password', INVALID)
      const length = graphemes(password, maxLength)
      if (length < minLength) note('password', `should be at least ${minLength} character(s)`)
      if (length > maxLength) note('password', `should be at most ${maxLength} character(s)`)
      if (!allowCommon && isGuessable(password)) note('password', 'is too common')
      confirm(password)
      return password
    },
    errors() {
      return Object.keys(noted).length > 0 ? noted : null
    },
  }
}
