import type { Context } from '../sessions/context.js'
import type { Account, AccountChange, BaseUser } from '../users/user.js'
import type { AccountsParts } from './accounts.js'

/** A change of a user, and what its hooks and events call it. */
export interface Change {
  readonly values: AccountChange
  /** True ends all sessions but the request's own. */
  readonly raises: boolean
  readonly detail: string
}

/** How a change of a user is written, whoever makes it. */
export interface Changes<User extends BaseUser> {
  /** The change as it is to be written, once the hooks of that moment have seen it. */
  prepare(ctx: Context<User>, user: User, values: Omit<AccountChange, 'updatedAt'>): Promise<Change>
  /**
   * Null when the account's hash is not what it was any more. One that raises the epoch lets the request's own session
   * live on, where it is the user's.
   */
  save(ctx: Context<User>, account: Account<User>, change: Change): Promise<Account<User> | null>
  /** Ends the sessions that shall end, and tells everybody. */
  finish(ctx: Context<User>, before: User, user: User, change: Change): Promise<void>
  /** All three. Null when the account is not what it was any more. */
  apply(
    ctx: Context<User>,
    account: Account<User>,
    values: Omit<AccountChange, 'updatedAt'>,
  ): Promise<Account<User> | null>
}

/** What a change is about, by the names events know. */
function detailOf({ passwordHash, email, username, role, suspendedAt }: AccountChange): string {
  const names = [
    passwordHash !== undefined && 'password',
    email !== undefined && 'email',
    username !== undefined && 'username',
    role !== undefined && 'role',
    suspendedAt !== undefined && (suspendedAt === null ? 'unsuspended' : 'suspended'),
  ]
  return names.filter(name => name !== false).join(' ') || 'fields'
}

export function accountChanges<User extends BaseUser>({
  users,
  sessions,
  run,
  emit,
  now,
}: AccountsParts<User>): Changes<User> {
  const isOwn = (ctx: Context<User>, { id }: User) => (ctx.session?.userId ?? ctx.user?.id) === id

  /** Brings the request's own session to where its user is, after a change that was expected to raise it by one. */
  async function settleOwn(ctx: Context<User>, id: string, before: number, saved: Account<User> | null): Promise<void> {
    if (saved && saved.credentialEpoch > before + 1) await sessions.own?.keep(ctx, saved.credentialEpoch)
    // Nothing was saved: a session above its user would outlive the next raise.
    if (!saved && (await users.findById(id, ctx.tenant))?.credentialEpoch === before)
      await sessions.own?.keep(ctx, before)
  }

  const changes: Changes<User> = {
    async prepare(ctx, user, values) {
      const saving = { ctx, user, values: { ...values, updatedAt: now() }, detail: detailOf(values as AccountChange) }
      await run('savingUser', saving)
      const altered: AccountChange = saving.values
      const { passwordHash, email, username, raiseEpoch } = altered
      const raises = [passwordHash, email, username, raiseEpoch].some(value => value !== undefined)
      return {
        values: { ...altered, ...(raises && { raiseEpoch: true }) },
        raises,
        detail: detailOf(altered),
      }
    },

    async save(ctx, { user, passwordHash }, { values, raises }) {
      const update = () => users.update(user.id, values, passwordHash, ctx.tenant)
      if (!raises || !isOwn(ctx, user)) return update()
      // Looked at anew: hashing takes a while, and somebody may have raised it.
      const { credentialEpoch = 0 } = (await users.findById(user.id, ctx.tenant)) ?? {}
      await sessions.own?.keep(ctx, credentialEpoch + 1)
      let saved: Account<User> | null = null
      try {
        saved = await update()
        return saved
      } finally {
        await settleOwn(ctx, user.id, credentialEpoch, saved)
      }
    },

    async finish(ctx, before, user, { values, raises, detail }) {
      if (isOwn(ctx, user)) ctx.user = user
      if (raises) await sessions.own?.endAll(ctx, user, { exceptCurrent: isOwn(ctx, user) })
      await emit(ctx, 'account.updated', { userId: user.id, detail })
      await run('savedUser', { ctx, before, user })
      const { passwordHash, email, username } = values
      if ([passwordHash, email, username].some(value => value !== undefined)) {
        await run('credentialsChanged', { ctx, before, user, detail })
      }
    },

    async apply(ctx, account, values) {
      const change = await changes.prepare(ctx, account.user, values)
      const saved = await changes.save(ctx, account, change)
      if (saved) await changes.finish(ctx, account.user, saved.user, change)
      return saved
    },
  }
  return changes
}
