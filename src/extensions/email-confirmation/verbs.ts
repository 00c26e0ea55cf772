import { Problem } from '../../base/problem.js'
import { requireAuthenticated } from '../../http/guards.js'
import { userOf } from '../../http/session.js'
import type { Context } from '../../sessions/context.js'
import { readEmail } from '../../users/email.js'
import type { UserInput } from '../../users/fields.js'
import type { Account, BaseUser } from '../../users/user.js'
import type { ExtensionTools } from '../extension.js'
import { type Addresses, type AddressRow, pendingOf } from './addresses.js'
import type { Link, Links } from './links.js'
import type { Pending } from './pending.js'
import type { Rule } from './rule.js'

/** How the request's user stands. Times are ms since 1970. */
export interface ConfirmationStatus {
  readonly confirmed: boolean
  /** Null for somebody known by a username alone. */
  readonly email: string | null
  /** The address they asked for and have not confirmed. */
  readonly pendingEmail: string | null
  /** Until when they may come in unconfirmed. Null where they are confirmed, or nothing asks for it. */
  readonly confirmBy: number | null
}

/** What your own controllers and jobs call. */
export interface EmailConfirmation {
  /**
   * Uses a link's token: the address is confirmed, or becomes the user's. Signs nobody in. Throws
   * `email_confirmation.invalid_token`, and `email_confirmation.email_taken` where somebody else has the address by now.
   */
  confirm(ctx: Context, token: unknown): Promise<BaseUser>
  /**
   * Sends a new link to `email`, or without one to the request's user: for the address they asked for, if there is one.
   * Says nothing about who there is. Throws `email_confirmation.invalid_email`, `not_authenticated`.
   */
  resend(ctx: Context, input?: UserInput): Promise<void>
  /** Throws `not_authenticated`. */
  status(ctx: Context): Promise<ConfirmationStatus>
  /** Forgets the address that the request's user asked for. Throws `not_authenticated`. */
  cancel(ctx: Context): Promise<void>
  isConfirmed(user: BaseUser): Promise<boolean>
  /** Confirms the address a user has, on your word. */
  setConfirmed(user: BaseUser): Promise<void>
}

interface Parts {
  readonly tools: ExtensionTools
  readonly addresses: Addresses
  readonly links: Links
  readonly pending: Pending
  readonly rule: Rule
}

/** An attempt is lost to a hash that a sign-in replaces, so this many are enough. */
const MOST_ATTEMPTS = 3

function invalidToken(): Problem {
  const errors = { token: ['is invalid or has expired'] }
  return new Problem('email_confirmation.invalid_token', { status: 422, message: 'Invalid token', errors })
}

function invalidEmail(message: string): Problem {
  const errors = { email: [message] }
  return new Problem('email_confirmation.invalid_email', { status: 422, message: "Couldn't send a link", errors })
}

export function confirmationVerbs({ tools, addresses, links, pending, rule }: Parts): EmailConfirmation {
  const { users, enrolment, run, emit } = tools

  /** The request's user with what stands about their addresses. */
  async function own(ctx: Context): Promise<{ readonly account: Account; readonly rows: readonly AddressRow[] }> {
    requireAuthenticated(ctx)
    const { id } = await userOf(ctx, users)
    const account = await users.findById(id, ctx.tenant)
    if (!account) throw new Problem('not_authenticated')
    return { account, rows: await addresses.of(ctx.tenant, id) }
  }

  async function confirmed(ctx: Context, user: BaseUser): Promise<BaseUser> {
    await addresses.confirm(user)
    await emit(ctx, 'email_confirmation.confirmed', { userId: user.id })
    return user
  }

  /** Makes the address the user's. Its unique index decides whether it is free. */
  async function change(ctx: Context, account: Account, row: AddressRow): Promise<Account | null> {
    try {
      return await pending.applying(ctx, async () => enrolment.change(ctx, account, { email: row.email }))
    } catch (error) {
      if (!Problem.is(error, 'email_taken')) throw error
      await addresses.drop([row])
      const errors = { email: ['has already been taken'] }
      throw new Problem('email_confirmation.email_taken', { status: 422, message: error.message, errors })
    }
  }

  async function use(ctx: Context, link: Link): Promise<BaseUser> {
    const row = link.row === '' ? null : await addresses.byId(ctx.tenant, link.row)
    const id = row?.user_id ?? link.user
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const account = id === '' ? null : await users.findById(id, ctx.tenant)
      if (account?.user.email === link.email) return confirmed(ctx, account.user)
      const rows = await addresses.of(ctx.tenant, id)
      if (!account || !row || pendingOf(account, rows)?.id !== row.id) throw invalidToken()
      const saved = await change(ctx, account, row)
      if (!saved) continue
      const user = await confirmed(ctx, saved.user)
      await addresses.drop(rows.filter(other => other.id !== row.id))
      return user
    }
    throw new Problem('unavailable')
  }

  async function resendOwn(ctx: Context): Promise<void> {
    const { account, rows } = await own(ctx)
    const { user } = account
    const asked = pendingOf(account, rows)
    const isDone = user.email === '' || (await addresses.isConfirmed(user, rows))
    const letter = asked
      ? { kind: 'confirm_new_email', to: asked.email, facts: { email: asked.email }, link: linkOf(asked) }
      : isDone
        ? null
        : { kind: 'confirm_email', to: user.email, link: { row: '', user: user.id, email: user.email } }
    await links.send(ctx, letter && { user, ...letter }, asked?.email ?? user.email)
    await emit(ctx, 'email_confirmation.requested', { userId: user.id })
  }

  const linkOf = ({ id, email }: AddressRow): Link => ({ row: id, user: '', email })

  return {
    async confirm(ctx, token) {
      const link = await links.tokens.take(ctx.tenant, token)
      if (!link) throw invalidToken()
      try {
        return await use(ctx, link)
      } catch (error) {
        // What could not be done now can be done later, with the same link.
        const isFinal = Problem.is(error) && error.status === 422
        if (!isFinal) await Promise.resolve(links.tokens.giveBack(ctx.tenant, token as string, link)).catch(() => {})
        throw error
      }
    },

    async resend(ctx, input = {}) {
      await run('asking', { ctx, kind: 'confirm_email' })
      const { email: sent } = input
      if (sent === undefined || sent === null || sent === '') {
        if (ctx.authenticated) return resendOwn(ctx)
        // A token that is bad is told as everywhere.
        if (ctx.refusal !== null || ctx.failure !== null) requireAuthenticated(ctx)
        throw invalidEmail("can't be blank")
      }
      const email = readEmail(sent)
      if (email === null) throw invalidEmail('has invalid format')
      const user = (await users.findByIdentifier(email, ctx.tenant))?.user ?? null
      // The same reads for somebody there is not.
      const rows = await addresses.of(ctx.tenant, user?.id ?? null)
      const isOpen = user !== null && !(await addresses.isConfirmed(user, rows))
      await sendConfirmation(links, ctx, isOpen ? user : null, email)
      await emit(ctx, 'email_confirmation.requested', user ? { userId: user.id } : {})
    },

    async status(ctx) {
      const { account, rows } = await own(ctx)
      const { user } = account
      const isConfirmed = user.email !== '' && (await addresses.isConfirmed(user, rows))
      return {
        confirmed: isConfirmed,
        email: user.email || null,
        pendingEmail: pendingOf(account, rows)?.email ?? null,
        confirmBy: isConfirmed ? null : rule.deadlineOf(user),
      }
    },

    async cancel(ctx) {
      const { account, rows } = await own(ctx)
      await addresses.drop(rows.filter(row => row.epoch !== null && row.confirmed_at === null))
      await emit(ctx, 'email_confirmation.change_cancelled', { userId: account.user.id })
    },

    isConfirmed: async user => user.email !== '' && addresses.isConfirmed(user),
    setConfirmed: user => addresses.confirm(user),
  }
}

/** Sends a link for the address a user has; for null a decoy. */
export function sendConfirmation(links: Links, ctx: Context, user: BaseUser | null, of: string): Promise<void> {
  const letter = user && {
    kind: 'confirm_email',
    to: user.email,
    user,
    link: { row: '', user: user.id, email: user.email },
  }
  return links.send(ctx, letter, of)
}
