import { Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'
import { readFields, type UserInput } from '../users/fields.js'
import type { Account, AccountChange, BaseUser } from '../users/user.js'
import type { Accounts, AccountsParts } from './accounts.js'
import { textField, type VerifyPassword } from './authentication.js'

/** What people do with the account they are signed in to. */
export function ownAccount<User extends BaseUser>(
  { users, sessions, hasher, passwordLength, run, emit, now }: AccountsParts<User>,
  verify: VerifyPassword<User>,
): Pick<Accounts<User>, 'update' | 'delete' | 'reauthenticate' | 'endSessions'> {
  async function accountOf(ctx: Context<User>): Promise<Account<User>> {
    const id = ctx.user?.id ?? ctx.session?.userId
    const account = id === undefined ? null : await users.findById(id)
    if (!account) throw new Problem('not_authenticated')
    return account
  }

  async function provePassword(ctx: Context<User>, input: UserInput): Promise<Account<User>> {
    const password = textField(input, 'current_password') ?? textField(input, 'password')
    const account = await accountOf(ctx)
    const proven = await verify(ctx, account, password)
    if (proven) return proven
    emit(ctx, 'sign_in.failed', { userId: account.user.id, detail: 'current_password' })
    throw new Problem('invalid_password')
  }

  function refuse(errors: Readonly<Record<string, readonly string[]>>): Problem {
    return new Problem('invalid_change', { errors })
  }

  /** What the input asks to change, with every rule but the current password's checked. */
  function readChange(input: UserInput): { email: string | null; password: string | null } {
    const fields = readFields(input, passwordLength)
    const email = input.email === undefined ? null : fields.email()
    const password = input.password === undefined ? null : fields.password()
    if (input.current_password === undefined || input.current_password === null || input.current_password === '') {
      fields.note('current_password', "can't be blank")
    }
    const errors = fields.errors()
    if (errors) throw refuse(errors)
    return { email, password }
  }

  /** Raises the epoch so that every session so far ends; the request's own is raised first and lives on. */
  async function save(ctx: Context<User>, account: Account<User>, change: AccountChange): Promise<Account<User>> {
    const credentialEpoch = account.credentialEpoch + 1
    await sessions.own?.keep(ctx, credentialEpoch)
    const saved = await users.update(account.user.id, { ...change, credentialEpoch }, account.passwordHash)
    // The password changed since it was compared: what was proven is no longer so.
    if (!saved) throw refuse({ current_password: ['is invalid'] })
    return saved
  }

  return {
    async update(ctx, input) {
      const { email, password } = readChange(input)
      const before = await accountOf(ctx)
      const current = typeof input.current_password === 'string' ? input.current_password : null
      const account = await verify(ctx, before, current)
      if (!account) {
        emit(ctx, 'sign_in.failed', { userId: before.user.id, detail: 'current_password' })
        throw refuse({ current_password: ['is invalid'] })
      }
      const changesEmail = email !== null && email !== account.user.email
      if (!changesEmail && password === null) return account.user

      const change: AccountChange = {
        ...(changesEmail && { email }),
        ...(password !== null && { passwordHash: await hasher.hash(password) }),
        updatedAt: now(),
      }
      await run('savingUser', { ctx, user: account.user, values: change })
      const { user } = await save(ctx, account, change).catch(error => {
        throw Problem.is(error, 'email_taken') ? refuse({ email: ['has already been taken'] }) : error
      })
      ctx.user = user
      await sessions.own?.endAll(ctx, user, { exceptCurrent: true })
      emit(ctx, 'account.updated', { userId: user.id, detail: password === null ? 'email' : 'password' })
      await run('savedUser', { ctx, before: account.user, user })
      await run('credentialsChanged', { ctx, user })
      return user
    },

    async delete(ctx, input) {
      const { user } = await provePassword(ctx, input)
      await users.delete(user.id)
      await sessions.own?.endAll(ctx, user)
      emit(ctx, 'account.deleted', { userId: user.id })
      await run('deletedUser', { ctx, user })
      ctx.user = null
      ctx.session = null
    },

    async reauthenticate(ctx, input) {
      await provePassword(ctx, input)
      await sessions.own?.change(ctx, { authenticated: 'pwd' })
    },

    async endSessions(ctx, { exceptCurrent = false } = {}) {
      const account = await accountOf(ctx)
      const credentialEpoch = account.credentialEpoch + 1
      if (exceptCurrent) await sessions.own?.keep(ctx, credentialEpoch)
      const change = { credentialEpoch, updatedAt: account.user.updatedAt }
      await users.update(account.user.id, change, account.passwordHash)
      await sessions.own?.endAll(ctx, account.user, { exceptCurrent })
    },
  }
}
