import { Problem } from '../../base/problem.js'
import type { Table } from '../../stores/table.js'
import { keyedHash } from '../../tokens/digest.js'
import type { ExtensionTools } from '../extension.js'
import type { InvitationLimits } from './invitation-options.js'
import type { InvitationRow } from './invitation-row.js'
import type { Inviter } from './inviters.js'

const DAY_MS = 86_400_000

const tooMany = () =>
  new Problem('invitation.too_many', { status: 429, message: 'Too many invitations', retryAfter: 3600 })

/** Keeps inviters from filling a table, and a stranger's mailbox. Trusted code is not counted. */
export interface Limits {
  /** Throws `invitation.too_many` for one more open invitation, but for the one that is made anew. */
  checkOpen(inviter: Inviter, place: string, openFor: string): Promise<void>
  /** Counts a mail. Throws `invitation.too_many`, alike whether or not the address has an account. */
  countMail(inviter: Inviter, place: string, email: string): Promise<void>
}

export function createLimits(
  { values, keys, now }: Pick<ExtensionTools, 'values' | 'keys' | 'now'>,
  table: Table<InvitationRow>,
  { open, daily, address }: Required<InvitationLimits>,
): Limits {
  const [key] = keys('invitation.limits') as [Uint8Array]
  const count = (kind: string, place: string, name: string) =>
    values.increment(`invitation:${kind}:${keyedHash(key, `${place}\n${name}`)}`, DAY_MS)

  return {
    async checkOpen({ id }, place, openFor) {
      if (id === null) return
      const where = { place, invited_by: id, accepted_at: null }
      const found = await table.find({ where, from: { expires_at: now() + 1 }, limit: open + 1 })
      if (found.filter(({ open_for }) => open_for !== openFor).length >= open) throw tooMany()
    },
    async countMail({ id }, place, email) {
      if (id === null) return
      if ((await count('by', place, id)) > daily) throw tooMany()
      if ((await count('to', place, email)) > address) throw tooMany()
    },
  }
}
