import { Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'
import type { UserInput } from '../users/fields.js'
import type { Account, AccountChange, BaseUser, RowsBeside } from '../users/user.js'
import type { AccountsParts } from './accounts.js'
import type { Changes } from './changes.js'
import { readDetails, takenErrors } from './details.js'
import type { InsertUser } from './registration.js'

/** What is known of a new user, whatever the input says. */
export interface Known {
  /** In its normal form. */
  readonly email?: string
  readonly role?: string
  readonly rows?: RowsBeside
}

/** What extensions and trusted code do with accounts, by the rules everybody follows. Nobody's right to it is asked. */
export interface Enrolment<out User extends BaseUser = BaseUser> {
  /**
   * Makes a user of what was sent, or of what is known instead, even where registration is closed. Signs nobody in.
   * Left out, a password is no fault. Throws `invalid_user` with `errors`.
   */
  add(ctx: Context<User>, input: UserInput, known?: Known): Promise<Account<User>>
  /** The hash of a new `password`, given with its confirmation. Throws `invalid_change` with `errors`. */
  hashNew(ctx: Context<User>, user: User, input: UserInput): Promise<string>
  /**
   * Changes a user. With a password, an address or a username all sessions end, but for the request's own.
   * Null when the account is not what it was any more. Throws `email_taken`, `username_taken`.
   */
  change(
    ctx: Context<User>,
    account: Account<User>,
    values: Omit<AccountChange, 'updatedAt'>,
  ): Promise<Account<User> | null>
}

export function accountEnrolment<User extends BaseUser>(
  parts: AccountsParts<User>,
  changes: Changes<User>,
  insert: InsertUser<User>,
): Enrolment<User> {
  const { hasher } = parts
  return {
    change: changes.apply,
    async add(ctx, input, { email: given, ...known } = {}) {
      const sent = { ...input, ...(given !== undefined && { email: given }) }
      const hasPassword = input.password !== undefined
      const { details, reader } = await readDetails(parts, ctx, sent, null, name => name !== 'password' || hasPassword)
      const errors = reader.errors()
      if (errors) throw new Problem('invalid_user', { errors })
      const { password, email = given ?? null, ...rest } = details
      const passwordHash = password === null ? null : await hasher.hash(password)
      return insert(ctx, { ...rest, email, passwordHash, ...known }).catch(error => {
        const taken = takenErrors(error)
        throw taken ? new Problem('invalid_user', { errors: taken }) : error
      })
    },
    async hashNew(ctx, user, input) {
      const { email, username } = user
      const { password, password_confirmation } = input
      const sent = { email, username, password, password_confirmation }
      const { details, reader } = await readDetails(parts, ctx, sent, user, name => name === 'password')
      const errors = reader.errors()
      if (errors || details.password === null) throw new Problem('invalid_change', { errors: errors ?? {} })
      return hasher.hash(details.password)
    },
  }
}
