import { Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'
import { readFields, type UserInput } from '../users/fields.js'
import type { Account, AccountChange, BaseUser } from '../users/user.js'
import type { Accounts, AccountsParts } from './accounts.js'
import { textField, type VerifyPassword } from './authentication.js'

/** What people do with the account they are signed in to. */
export function ownAccount<User extends BaseUser>(
  { users, sessions, hasher, passwordRules, run, emit, now }: AccountsParts<User>,
  verify: VerifyPassword<User>,
): Pick<Accounts<User>, 'update' | 'delete' | 'reauthenticate' | 'endSessions'> {
  async function accountOf(ctx: Context<User>): Promise<Account<User>> {
    const id = ctx.user?.id ?? ctx.session?.userId
    const account = id === undefined ? null : await users.findById(id)
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
    const proven = await verify(ctx, account, password)
    if (proven) return proven
    emit(ctx, 'sign_in.failed', { userId: account.user.id, detail: 'current_password' })
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
  function readChange(input: UserInput): { email: string | null; password: string | null } {
    const fields = readFields(input, passwordRules)
    const email = input.email === undefined ? null : fields.email()
    const password = input.password === undefined ? null : fields.password()
    if (input.current_password === undefined || input.current_password === null || input.current_password === '') {
      fields.note('current_password', "can't be blank")
    }
    const errors = fields.errors()
    if (errors) throw refuse(errors)
    return { email, password }
  }

  /** Brings the request's own session to where its user is, after a change that was expected to raise it by one. */
  async function settleOwn(ctx: Context<User>, id: string, before: number, saved: Account<User> | null): Promise<void> {
    if (saved && saved.credentialEpoch > before + 1) await sessions.own?.keep(ctx, saved.credentialEpoch)
    // Nothing was saved: a session above its user would outlive the next raise.
    if (!saved && (await users.findById(id))?.credentialEpoch === before) await sessions.own?.keep(ctx, before)
  }

  /**
   * Saves a change that ends every session so far. The request's own, where it shall live on, is raised first.
   * Null when the account's hash is not the one that was compared any more.
   */
  async function saveAndRaise(
    ctx: Context<User>,
    { user: { id }, passwordHash }: Account<User>,
    change: AccountChange,
    keepsOwn: boolean,
  ): Promise<Account<User> | null> {
    // Looked at anew: hashing takes a while, and somebody may have raised it.
    const { credentialEpoch } = await accountOf(ctx)
    if (keepsOwn) await sessions.own?.keep(ctx, credentialEpoch + 1)
    let saved: Account<User> | null = null
    try {
      saved = await users.update(id, { ...change, raiseEpoch: true }, passwordHash)
      return saved
    } finally {
      if (keepsOwn) await settleOwn(ctx, id, credentialEpoch, saved)
    }
  }

  return {
    async update(ctx, input) {
      const { email, password } = readChange(input)
      const current = typeof input.current_password === 'string' ? input.current_password : null
      const account = await provePassword(ctx, current, () => refuse({ current_password: ['is invalid'] }))
      const changesEmail = email !== null && email !== account.user.email
      if (!changesEmail && password === null) return account.user

      const change: AccountChange = {
        ...(changesEmail && { email }),
        ...(password !== null && { passwordHash: await hasher.hash(password) }),
        updatedAt: now(),
      }
      await run('savingUser', { ctx, user: account.user, values: change })
      const saved = await saveAndRaise(ctx, account, change, true).catch(error => {
        throw Problem.is(error, 'email_taken') ? refuse({ email: ['has already been taken'] }) : error
      })
      // The password changed since it was compared: what was proven is no longer so.
      if (!saved) throw refuse({ current_password: ['is invalid'] })
      const { user } = saved
      ctx.user = user
      await sessions.own?.endAll(ctx, user, { exceptCurrent: true })
      emit(ctx, 'account.updated', { userId: user.id, detail: password === null ? 'email' : 'password' })
      await run('savedUser', { ctx, before: account.user, user })
      await run('credentialsChanged', { ctx, user })
      return user
    },

    async delete(ctx, input) {
      const { user, passwordHash } = await provePassword(
        ctx,
        sentPassword(input),
        () => new Problem('invalid_password'),
      )
      if (!(await users.delete(user.id, passwordHash))) throw new Problem('invalid_password')
      await sessions.own?.endAll(ctx, user)
      emit(ctx, 'account.deleted', { userId: user.id })
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
        const change = { updatedAt: account.user.updatedAt }
        if (!(await saveAndRaise(ctx, account, change, exceptCurrent))) continue
        return sessions.own.endAll(ctx, account.user, { exceptCurrent })
      }
      throw new Problem('unavailable')
    },
  }
}
