import { Problem } from '../../base/problem.js'
import { isUuid } from '../../base/uuid.js'
import type { Context } from '../../sessions/context.js'
import type { Table } from '../../stores/table.js'
import { newOneTimeToken, oneTimeHash } from '../../tokens/one-time.js'
import type { BaseUser } from '../../users/user.js'
import { writeRows } from '../beside.js'
import type { ExtensionTools } from '../extension.js'
import { type InvitationInput, readInvitation } from './invitation-input.js'
import { createLimits } from './invitation-limits.js'
import type { InvitationSettings } from './invitation-options.js'
import { type Invitation, type InvitationRow, invitationOf, isClaimed, newInvitationId } from './invitation-row.js'
import { type Inviter, placeOf } from './inviters.js'

/** Which part of a list. */
export interface InvitationPage {
  /** The id that the page before ended with. Left out for the newest. */
  readonly before?: string
  /** At most 100. Default: 100. */
  readonly limit?: number
}

export interface InvitationList {
  /** The newest first. */
  readonly invitations: readonly Invitation[]
  /** `before` of the next page; null on the last. */
  readonly next: string | null
}

/** What an inviter does, once it is known who that is. */
export interface Inviting<User extends BaseUser> {
  invite(ctx: Context<User>, inviter: Inviter, input: InvitationInput): Promise<Invitation>
  list(inviter: Inviter, page?: InvitationPage): Promise<InvitationList>
  find(inviter: Inviter, id: string): Promise<Invitation>
  resend(ctx: Context<User>, inviter: Inviter, id: string): Promise<Invitation>
  withdraw(ctx: Context<User>, inviter: Inviter, id: string): Promise<void>
}

const MOST_LISTED = 100
/** Each is lost to another that was applied. */
const MOST_ATTEMPTS = 10

export function createInviting<User extends BaseUser>(
  tools: ExtensionTools<User>,
  table: Table<InvitationRow>,
  { lifetimeMs, keepMs, limits }: InvitationSettings<User>,
): Inviting<User> {
  const { users, rowsOf, emit, onError, now } = tools
  const { checkOpen, countMail } = createLimits(tools, table, limits)

  async function rowOf({ sees }: Inviter, id: string): Promise<InvitationRow> {
    const [row] = isUuid(id) ? await table.find({ where: { ...sees, id } }) : []
    if (!row) throw new Problem('not_found')
    return row
  }

  async function refuseRole({ mayGive }: Inviter, role: string | null): Promise<void> {
    // A function of the app's own that forgets to answer has not agreed.
    if (role === null || (await mayGive(role)) === true) return
    throw new Problem('invitation.role_not_allowed', { status: 403, message: 'This role is not yours to give' })
  }

  /** Changes one that nobody is accepting or has accepted. Null where it is not as it was any more. */
  async function swap(row: InvitationRow, change: Partial<InvitationRow>): Promise<InvitationRow | null> {
    if (row.accepted_at !== null || isClaimed(row, now())) return null
    const where = { id: row.id, claimed_at: row.claimed_at, accepted_at: null }
    const [changed] = await table.update({ where }, change)
    return changed ?? null
  }

  /** Writes it, or makes the open one of that address anew: its old link dies. */
  async function keep(row: InvitationRow): Promise<InvitationRow> {
    const { id: _, created_at: __, place: ___, open_for, ...change } = row
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      if (await table.insert(row)) return row
      const [open] = await table.find({ where: { open_for } })
      const renewed = open && (await swap(open, change))
      if (renewed) return renewed
    }
    throw new Problem('unavailable')
  }

  /** A new link and until when it works; all of it that is stored. */
  function newLink() {
    const token = newOneTimeToken()
    const time = now()
    const stored = {
      token_hash: oneTimeHash(token) as string,
      sent_at: time,
      expires_at: time + lifetimeMs,
      claimed_at: null,
    }
    return { token, stored }
  }

  /**
   * Mails the link, or tells the owner of an account that there was no need. The same writes for both: whoever invites
   * must not learn who has an account.
   */
  async function tell(ctx: Context<User>, { name }: Inviter, row: InvitationRow, token: string): Promise<void> {
    const { email: to, expires_at: expiresAt } = row
    const user = (await users.findByIdentifier(to, ctx.tenant))?.user ?? null
    const notice = user
      ? { kind: 'invitation_taken', user, facts: {} }
      : { kind: 'invitation', user, facts: { token, inviter: name } }
    await writeRows(tools, rowsOf('noticing', { ctx, to, expiresAt, ...notice }))
  }

  /** Removes those that ended long ago. */
  async function prune(): Promise<void> {
    try {
      await table.delete({ below: { expires_at: now() - keepMs } })
    } catch (error) {
      onError(error, '')
    }
  }

  return {
    async invite(ctx, inviter, input) {
      const details = readInvitation(input)
      await refuseRole(inviter, details.role)
      const place = placeOf(tools, ctx)
      const open_for = `${place}\n${inviter.circle}\n${details.email}`
      await prune()
      await checkOpen(inviter, place, open_for)
      await countMail(inviter, place, details.email)
      const { token, stored } = newLink()
      const { sent_at: time } = stored
      const fresh = { id: newInvitationId(time), created_at: time, accepted_at: null, user_id: null }
      const row = await keep({ ...fresh, ...details, ...stored, place, open_for, invited_by: inviter.id })
      await tell(ctx, inviter, row, token)
      await emit(ctx, 'invitation.sent', { ...(inviter.id !== null && { userId: inviter.id }), detail: row.id })
      return invitationOf(row, time)
    },

    async list({ sees }, { before, limit = MOST_LISTED } = {}) {
      const isRight = Number.isSafeInteger(limit) && limit >= 1 && limit <= MOST_LISTED
      if (!isRight || (before !== undefined && !isUuid(before))) throw new Problem('invalid_request')
      const page = { where: sees, order: 'id', descending: true, limit: limit + 1 } as const
      const found = await table.find({ ...page, ...(before !== undefined && { below: { id: before } }) })
      const invitations = found.slice(0, limit).map(row => invitationOf(row, now()))
      return { invitations, next: found.length > limit ? (invitations.at(-1)?.id ?? null) : null }
    },

    find: async (inviter, id) => invitationOf(await rowOf(inviter, id), now()),

    async resend(ctx, inviter, id) {
      const row = await rowOf(inviter, id)
      await refuseRole(inviter, row.role)
      if (row.accepted_at !== null) throw new Problem('not_found')
      await countMail(inviter, row.place, row.email)
      const { token, stored } = newLink()
      // Whoever sends it answers for it from then on.
      const sent = await swap(row, { ...stored, invited_by: inviter.id })
      if (!sent) throw new Problem('not_found')
      await tell(ctx, inviter, sent, token)
      await emit(ctx, 'invitation.resent', { ...(inviter.id !== null && { userId: inviter.id }), detail: id })
      return invitationOf(sent, stored.sent_at)
    },

    async withdraw(ctx, inviter, id) {
      const row = await rowOf(inviter, id)
      const where = { id, claimed_at: row.claimed_at, accepted_at: null }
      const isLost = row.accepted_at !== null || isClaimed(row, now())
      const withdrawn = isLost ? [] : await table.delete({ where })
      if (withdrawn.length === 0) throw new Problem('not_found')
      await emit(ctx, 'invitation.withdrawn', { ...(inviter.id !== null && { userId: inviter.id }), detail: id })
    },
  }
}
