import { randomUUID } from 'node:crypto'
import { Problem } from '../base/problem.js'
import type { Identifier } from '../users/fields.js'
import type { NewAccount, OwnFields } from '../users/user.js'
import type { SuiteOptions } from './suite.js'

/** What the repository is meant to keep: what is left out is not tested. */
export interface UsersSuiteOptions extends SuiteOptions {
  /** What people are known by. Default: `['email']`. */
  identifiers?: readonly Identifier[]
  /** Values of the app's own fields, and others to change all of them to. Default: there are none. */
  fields?: { readonly given: OwnFields; readonly changed: OwnFields }
  /** True where it keeps whose users they are. Default: false. */
  tenants?: boolean
  /** Default: false. */
  roles?: boolean
  /** True where it keeps `suspendedAt`. Default: false. */
  suspension?: boolean
  /** False where it keeps no `createdAt` and `updatedAt`. Default: true. */
  times?: boolean
}

/** A new account as the suite asks for one. */
export interface SuiteAccounts {
  /** What everybody has. */
  readonly name: Identifier
  /** Somebody of a name of their own, or of this one. */
  make(now: number, word?: string): NewAccount
  /** The change to another name. */
  named(word: string): { readonly email?: string; readonly username?: string }
  /** The name a user is looked up by. */
  spelled(word: string): string
  isTaken(error: unknown): boolean
}

export function suiteAccounts(identifiers: readonly Identifier[]): SuiteAccounts {
  const name = identifiers.includes('email') ? 'email' : 'username'
  const emailOf = (word: string) => `${word}@example.com`
  return {
    name,
    make(createdAt, word = randomUUID().replaceAll('-', '')) {
      const email = name === 'email' ? emailOf(word) : null
      const username = identifiers.includes('username') && { username: word }
      return { id: randomUUID(), email, ...username, passwordHash: '$hash$1', createdAt }
    },
    named: word => (name === 'email' ? { email: emailOf(word) } : { username: word }),
    spelled: word => (name === 'email' ? emailOf(word) : word),
    isTaken: error => Problem.is(error, `${name}_taken`),
  }
}
