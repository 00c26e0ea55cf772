import type { Saving } from '../../accounts/hooks.js'
import type { Context } from '../../sessions/context.js'
import type { BaseUser } from '../../users/user.js'
import { addRows } from '../beside.js'
import type { ExtensionTools } from '../extension.js'
import { type Addresses, lastPosition } from './addresses.js'
import type { Links } from './links.js'

/** What becomes of an address that is about to be written. */
export interface Pending {
  savingUser(saving: Saving<BaseUser>): Promise<void>
  savedUser(saved: { readonly ctx: Context; readonly user: BaseUser }): Promise<void>
  /** Runs what makes an address a user's that was confirmed before. */
  applying<T>(ctx: Context, run: () => Promise<T>): Promise<T>
}

export function pendingAddresses(
  { rowsOf, emit, now }: ExtensionTools,
  addresses: Addresses,
  links: Links,
  isRegistering: (ctx: Context) => boolean,
): Pending {
  const applied = new WeakSet<Context>()
  /** Where a request has asked for an address: its position. */
  const asked = new WeakMap<Context, number>()

  /** A new user. Who registers gets a link; whom trusted code makes gets one when they need it. */
  async function register(saving: Saving<BaseUser>, email: string): Promise<void> {
    const { ctx } = saving
    const row = addresses.make(ctx.tenant, email)
    const link = { row: row.id, user: '', email }
    // Written before the user: the answer takes as long where the address is taken.
    const token = isRegistering(ctx) ? await links.tokens.issue(ctx.tenant, link) : null
    const to = (await links.isOftenClosed(ctx, email)) ? null : email
    addRows(saving, ({ user }) => [
      addresses.beside({ ...row, user_id: user.id }),
      ...(token === null ? [] : links.rows(ctx, { kind: 'confirm_email', to, user }, token)),
    ])
  }

  /** People ask for an address: it becomes theirs when they have shown that they read its mail. */
  async function ask(saving: Saving<BaseUser>, user: BaseUser, email: string): Promise<void> {
    const { ctx, values } = saving
    const rows = await addresses.of(ctx.tenant, user.id)
    const last = lastPosition(rows)
    const row = addresses.make(ctx.tenant, email, { user_id: user.id, position: last + 2 })
    const may = await links.may(ctx, 'new_address', email)
    const tells = user.email !== '' && (await links.may(ctx, 'change_requested', user.email))
    const token = await links.tokens.issue(ctx.tenant, { row: row.id, user: '', email })
    // Of somebody who was here before this extension, something is known from now on.
    const isUnknown = rows.length === 0 && user.email !== '' && (await addresses.isConfirmed(user, rows))
    const own = { user_id: user.id, position: last + 1, confirmed_at: now() }

    const { email: _, ...rest } = values as typeof values & { readonly updatedAt?: number }
    const isAll = Object.keys(rest).every(name => name === 'updatedAt' || name === 'rows')
    saving.values = { ...rest, ...(isAll && { updatedAt: user.updatedAt }) } as typeof values
    addRows(saving, account => [
      ...(isUnknown ? [addresses.beside(addresses.make(ctx.tenant, user.email, own))] : []),
      addresses.beside({ ...row, epoch: account.credentialEpoch }),
      ...links.rows(ctx, { kind: 'confirm_new_email', to: may ? email : null, user, facts: { email } }, token),
      ...(tells
        ? rowsOf('noticing', { ctx, kind: 'email_change_requested', to: user.email, user, facts: { email } })
        : []),
    ])
    asked.set(ctx, row.position)
  }

  /** Trusted code changes an address at once. It is not confirmed by that. */
  async function replace(saving: Saving<BaseUser>, user: BaseUser, email: string): Promise<void> {
    const { ctx } = saving
    const rows = await addresses.of(ctx.tenant, user.id)
    if (rows.some(row => row.email === email && row.confirmed_at !== null)) return
    const position = lastPosition(rows) + 1
    const row = addresses.make(ctx.tenant, email, { user_id: user.id, position })
    const token = await links.tokens.issue(ctx.tenant, { row: row.id, user: '', email })
    addRows(saving, () => [
      addresses.beside(row),
      ...links.rows(ctx, { kind: 'confirm_email', to: email, user }, token),
    ])
  }

  return {
    async savingUser(saving) {
      const { ctx, user, values } = saving
      const { email } = values
      if (!email || applied.has(ctx)) return
      if (!user) return register(saving, email)
      const isOwn = (ctx.session?.userId ?? ctx.user?.id) === user.id
      return isOwn ? ask(saving, user, email) : replace(saving, user, email)
    },
    async savedUser({ ctx, user }) {
      const position = asked.get(ctx)
      if (position === undefined) return
      asked.delete(ctx)
      await addresses.dropAskedBefore(ctx.tenant, user.id, position)
      await emit(ctx, 'email_confirmation.change_requested', { userId: user.id })
    },
    async applying(ctx, run) {
      applied.add(ctx)
      try {
        return await run()
      } finally {
        applied.delete(ctx)
      }
    },
  }
}
