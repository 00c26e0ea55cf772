import type { Awaitable } from '../../base/awaitable.js'
import { type Duration, milliseconds } from '../../base/duration.js'
import { refuseUnknown } from '../../base/options.js'
import type { Context } from '../../sessions/context.js'
import type { BaseUser } from '../../users/user.js'
import type { Invitation } from './invitation-row.js'

/** How much one inviter, and all of them to one address, may do. */
export interface InvitationLimits {
  /** Open invitations of one inviter. Default: 100. */
  open?: number
  /** Mails that one inviter causes in 24 hours. Default: 200. */
  daily?: number
  /** Mails to one address in 24 hours, whoever causes them. Default: 10. */
  address?: number
}

export interface InvitationOptions<User extends BaseUser = BaseUser> {
  /** Roles of those who may invite, or `'authenticated'` for everybody. Default: `['admin']`. */
  inviters?: readonly string[] | 'authenticated'
  /**
   * Roles that may be given, or who may give which. Asked again when the invitation is accepted. Default: none but the
   * one that everybody gets who registers.
   */
  roles?: readonly string[] | ((inviter: User, role: string) => Awaitable<boolean>)
  /** `'invited'` closes the open registration. Default: `'open'`. */
  registration?: 'open' | 'invited'
  /** How long a link works. Default: `'7d'`. */
  lifetime?: Duration
  /** How long after its link expired an invitation stays listed. Default: `'30d'`. */
  keep?: Duration
  limits?: InvitationLimits
  /**
   * Called with the new account before it is signed in: put it into its team. What it throws is the answer; then there is
   * no account, and the link still works.
   */
  accepted?: (ctx: Context<User>, user: User, invitation: Invitation) => Awaitable<void>
}

/** The options, checked and completed. */
export interface InvitationSettings<User extends BaseUser> {
  readonly inviters: readonly string[] | 'authenticated'
  readonly mayGive: (inviter: User, role: string) => Awaitable<boolean>
  readonly lifetimeMs: number
  readonly keepMs: number
  readonly limits: Required<InvitationLimits>
  readonly accepted: NonNullable<InvitationOptions<User>['accepted']>
}

function isRoles(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(role => typeof role === 'string' && role !== '')
}

function durationMs(name: string, duration: string): number {
  const ms = milliseconds(duration)
  if (ms === null || ms === 0) throw new TypeError(`\`${name}\` must be a duration like '7d', not '${duration}'`)
  return ms
}

function checkLimits(limits: InvitationLimits): Required<InvitationLimits> {
  refuseUnknown(limits, ['open', 'daily', 'address'], 'limits.')
  const all = { open: 100, daily: 200, address: 10, ...limits }
  const wrong = Object.entries(all).find(([, most]) => !Number.isSafeInteger(most) || most < 1 || most > 1_000_000)
  if (wrong) throw new TypeError(`\`limits.${wrong[0]}\` must be a whole number from 1 to 1000000`)
  return all
}

/** Throws `TypeError`, naming the option and what to write instead. */
export function checkInvitationOptions<User extends BaseUser>(
  options: InvitationOptions<User>,
): InvitationSettings<User> {
  const known = ['inviters', 'roles', 'registration', 'lifetime', 'keep', 'limits', 'accepted']
  refuseUnknown(options, known, 'invitation.')
  const { inviters = ['admin'], roles = [], registration = 'open', lifetime = '7d', keep = '30d' } = options
  const { limits = {}, accepted = () => {} } = options
  if (inviters !== 'authenticated' && (!isRoles(inviters) || inviters.length === 0)) {
    throw new TypeError("`inviters` must be roles like ['admin'], or 'authenticated'")
  }
  if (typeof roles !== 'function' && !isRoles(roles)) {
    throw new TypeError("`roles` must be roles like ['editor'], or a function of the inviter and a role")
  }
  if (registration !== 'open' && registration !== 'invited') {
    throw new TypeError("`registration` must be 'open' or 'invited'")
  }
  if (typeof accepted !== 'function') throw new TypeError('`accepted` must be a function')
  return {
    inviters,
    mayGive: typeof roles === 'function' ? roles : (_, role) => roles.includes(role),
    lifetimeMs: durationMs('lifetime', lifetime),
    keepMs: durationMs('keep', keep),
    limits: checkLimits(limits),
    accepted,
  }
}
