import type { JsonObject } from '../../base/json.js'
import { defineTable, type TableDefinition } from '../../stores/table.js'
import { newId } from '../../tokens/random.js'

export type InvitationRow = {
  /** A UUID of version 7: the order of ids is the order in which they were made. */
  readonly id: string
  /** The realm and the tenant. */
  readonly place: string
  readonly email: string
  readonly role: string | null
  /** JSON of an object. */
  readonly data: string
  readonly token_hash: string
  /** Whose open invitation of which address: there is one. Null once it is accepted. */
  readonly open_for: string | null
  /** Null: trusted code. */
  readonly invited_by: string | null
  readonly created_at: number
  readonly sent_at: number
  readonly expires_at: number
  /** When an acceptance began. It holds for `CLAIM_MS`, so that one that was cut off leaves the link working. */
  readonly claimed_at: number | null
  readonly accepted_at: number | null
  /** The account that it became. */
  readonly user_id: string | null
}

export const INVITATIONS: TableDefinition<InvitationRow> = defineTable<InvitationRow>('invitation_0001', {
  name: 'invitation_invitations',
  columns: {
    id: 'text',
    place: 'text',
    email: 'text',
    role: 'text?',
    data: 'text',
    token_hash: 'text',
    open_for: 'text?',
    invited_by: 'text?',
    created_at: 'integer',
    sent_at: 'integer',
    expires_at: 'integer',
    claimed_at: 'integer?',
    accepted_at: 'integer?',
    user_id: 'text?',
  },
  key: ['id'],
  indexes: [
    { columns: ['token_hash'], unique: true },
    { columns: ['open_for'], unique: true },
    { columns: ['place', 'id'] },
    { columns: ['place', 'invited_by'] },
    { columns: ['expires_at'] },
    { columns: ['user_id'] },
  ],
})

/** Longer than an account takes to be made, and shorter than a person takes to try again. */
const CLAIM_MS = 60_000

/** An invitation as it is told. Times are ms since 1970. There is no token in it, and nothing to make one of. */
export interface Invitation {
  readonly id: string
  readonly email: string
  /** Null: that of everybody who registers. */
  readonly role: string | null
  /** The application's own. */
  readonly data: JsonObject
  /** The inviter's id; null where trusted code invited. */
  readonly invitedBy: string | null
  readonly status: 'open' | 'expired' | 'accepted'
  readonly createdAt: number
  /** When the link that works was made. */
  readonly sentAt: number
  readonly expiresAt: number
  readonly acceptedAt: number | null
  /** The account that it became; null until then. */
  readonly userId: string | null
}

/** A new id, later in order than those of before. */
export function newInvitationId(time: number): string {
  const digits = time.toString(16).padStart(12, '0')
  return `${digits.slice(0, 8)}-${digits.slice(8)}-7${newId().slice(15)}`
}

/** True while somebody is accepting it. */
export function isClaimed({ claimed_at }: InvitationRow, time: number): boolean {
  return claimed_at !== null && time < claimed_at + CLAIM_MS
}

/** True for one that may be accepted now. */
export function isOpen(row: InvitationRow, time: number): boolean {
  return row.accepted_at === null && time < row.expires_at && !isClaimed(row, time)
}

export function invitationOf(row: InvitationRow, time: number): Invitation {
  const { id, email, role, data, invited_by, created_at, sent_at, expires_at, accepted_at, user_id } = row
  const ended = time < expires_at ? 'open' : 'expired'
  return {
    id,
    email,
    role,
    data: JSON.parse(data),
    invitedBy: invited_by,
    status: accepted_at === null ? ended : 'accepted',
    createdAt: created_at,
    sentAt: sent_at,
    expiresAt: expires_at,
    acceptedAt: accepted_at,
    userId: user_id,
  }
}
