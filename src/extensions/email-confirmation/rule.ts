import { Problem } from '../../base/problem.js'
import type { BaseUser } from '../../users/user.js'
import type { ExtensionTools } from '../extension.js'
import type { Addresses } from './addresses.js'

/** Who may come in. */
export interface Rule {
  /** True for somebody who may not come in before their address is confirmed. */
  isBlocked(user: BaseUser): Promise<boolean>
  /** Until when somebody unconfirmed may come in; null where nothing asks for it. */
  deadlineOf(user: BaseUser): number | null
}

export function confirmationRule(
  { required, graceMs }: { readonly required: boolean; readonly graceMs: number },
  addresses: Addresses,
  now: ExtensionTools['now'],
): Rule {
  // Somebody known by a username alone has nothing to confirm.
  const deadlineOf = ({ email, createdAt }: BaseUser) => (required && email !== '' ? createdAt + graceMs : null)
  return {
    deadlineOf,
    async isBlocked(user) {
      const deadline = deadlineOf(user)
      return deadline !== null && now() >= deadline && !(await addresses.isConfirmed(user))
    },
  }
}

/** Said to somebody whose address must be confirmed first. */
export function notConfirmed(message: string): Problem {
  return new Problem('email_confirmation.required', { status: 403, message })
}
