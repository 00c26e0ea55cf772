import { Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'
import type { UserInput } from '../users/fields.js'
import type { Account, BaseUser } from '../users/user.js'
import type { Accounts, AccountsParts } from './accounts.js'
import { textField, type VerifyPassword } from './authentication.js'
import type { Change, Changes } from './changes.js'
import { type Details, readDetails, takenErrors } from './details.js'

/** Text, or null for anything else. */
function sentText(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

/** What people do with the account they are signed in to. */
export function ownAccount<User extends BaseUser>(
  parts: AccountsParts<User>,
  changes: Changes<User>,
  verify: VerifyPassword<User>,
): Pick<Accounts<User>, 'update' | 'delete' | 'reauthenticate' | 'endSessions'> {
  const { users, sessions, hasher, identifiers, run, rowsOf, emit } = parts

  async function accountOf(ctx: Context<User>): Promise<Account<User>> {
    const id = ctx.user?.id ?? ctx.session?.userId
    const account = id === undefined ? null : await users.findById(id, ctx.tenant)
    // Where checks read the session alone, this is where a session below its user's epoch is found out.
    const isOver = account && ctx.session && sessions.own && !(await sessions.own.confirm(ctx, account))
    if (!account || isOver) throw new Problem('not_authenticated')
    return account
  }

  /** The account as it is stored, once `password` has been compared with it; else what `refusal` makes is thrown. */
  async function provePassword(
    ctx: Context<User>,
    password: string | null,
    refusal: () => Problem,
  ): Promise<Account<User>> {
    const account = await accountOf(ctx)
    const { user } = account
    const attempt = { ctx, identifier: user.email || (user.username ?? ''), user, purpose: 'current_password' } as const
    const answer = await run('authenticating', attempt)
    const proven = await verify(ctx, answer === 'mismatch' ? null : account, password)
    if (proven) {
      await run('passwordProven', attempt)
      return proven
    }
    await emit(ctx, 'sign_in.failed', { userId: user.id, detail: 'current_password' })
    await run('authenticationFailed', attempt)
    throw refusal()
  }

  /** The password in input that proves and changes nothing: under either name. */
  function sentPassword(input: UserInput): string | null {
    return textField(input, 'current_password') ?? textField(input, 'password')
  }

  function refuse(errors: Readonly<Record<string, readonly string[]>>): Problem {
    return new Problem('invalid_change', { errors })
  }

  /** What the input asks to change, with every rule but the current password's checked. */
  async function readChange(
    ctx: Context<User>,
    before: User,
    input: UserInput,
  ): Promise<Details & { readonly needsPassword: boolean }> {
    const { details, reader } = await readDetails(parts, ctx, input, before, name => input[name] !== undefined)
    const asks = [...identifiers, 'password'].some(name => input[name] !== undefined)
    const needsPassword = asks || !(users.fields ?? []).some(name => Object.hasOwn(input, name))
    const { current_password: sent } = input
    if (needsPassword && (sent === undefined || sent === null || sent === '')) {
      reader.note('current_password', "can't be blank")
    }
    const errors = reader.errors()
    if (errors) throw refuse(errors)
    return { ...details, needsPassword }
  }

  /** Saves a change that proves nothing, whatever became of the password meanwhile. */
  async function saveFields(ctx: Context<User>, account: Account<User>, change: Change): Promise<Account<User> | null> {
    return (await changes.save(ctx, account, change)) ?? changes.save(ctx, await accountOf(ctx), change)
  }

  return {
    async update(ctx, input) {
      const before = ctx.user ?? (await accountOf(ctx)).user
      const { needsPassword, email, username, password, fields } = await readChange(ctx, before, input)
      const wrong = () => refuse({ current_password: ['is invalid'] })
      const proves = () => provePassword(ctx, sentText(input.current_password), wrong)
      const account = needsPassword ? await proves() : await accountOf(ctx)
      const changesEmail = email !== undefined && email !== account.user.email
      const changesUsername = username !== undefined && username !== account.user.username
      if (!changesEmail && !changesUsername && password === null && !fields) return account.user

      const change = await changes.prepare(ctx, account.user, {
        ...(changesEmail && { email }),
        ...(changesUsername && { username }),
        ...(password !== null && { passwordHash: await hasher.hash(password) }),
        ...(fields && { fields }),
      })
      const save = (proven: Account<User>) => {
        const saving = change.raises ? changes.save(ctx, proven, change) : saveFields(ctx, proven, change)
        return saving.catch(error => {
          const errors = takenErrors(error)
          throw errors ? refuse(errors) : error
        })
      }
      // The hash changed since it was compared, as a sign-in may do. What was proven may be so still, or be no longer.
      const saved = (await save(account)) ?? (needsPassword ? await save(await proves()) : null)
      if (!saved) throw wrong()
      ctx.user = saved.user
      await changes.finish(ctx, account.user, saved.user, change)
      return saved.user
    },

    async delete(ctx, input) {
      const wrong = () => new Problem('invalid_password')
      const remove = async () => {
        const { user, passwordHash } = await provePassword(ctx, sentPassword(input), wrong)
        const rows = rowsOf('deletingUser', { ctx, user })
        return (await users.delete(user.id, passwordHash, ctx.tenant, rows)) ? user : null
      }
      const user = (await remove()) ?? (await remove())
      if (!user) throw wrong()
      await sessions.own?.endAll(ctx, user)
      await emit(ctx, 'account.deleted', { userId: user.id })
      await run('deletedUser', { ctx, user })
      ctx.user = null
      ctx.session = null
    },

    async reauthenticate(ctx, input) {
      await provePassword(ctx, sentPassword(input), () => new Problem('invalid_password'))
      await sessions.own?.change(ctx, { authenticated: 'pwd' })
    },

    async endSessions(ctx, { exceptCurrent = false } = {}) {
      if (!sessions.own) throw new TypeError('these `sessions` cannot end others: give them `own`')
      // A hash that is replaced meanwhile, as sign-in may do, must not stop it.
      for (let attempt = 0; attempt < 3; attempt++) {
        const account = await accountOf(ctx)
        const values = { updatedAt: account.user.updatedAt, raiseEpoch: true } as const
        const change = { values, raises: exceptCurrent, detail: '' }
        if (!(await changes.save(ctx, account, change))) continue
        return sessions.own.endAll(ctx, account.user, { exceptCurrent })
      }
      throw new Problem('unavailable')
    },
  }
}
