import { type Duration, milliseconds } from '../../base/duration.js'
import { refuseUnknown } from '../../base/options.js'
import type { BaseUser } from '../../users/user.js'
import type { Extension } from '../extension.js'
import { resetRoutes } from './routes.js'
import { type ResetPassword, resetVerbs } from './verbs.js'

export interface ResetPasswordOptions {
  /** How long a link is good. Default: `'1h'`. */
  ttl?: Duration
}

function ttlOf({ ttl = '1h' }: ResetPasswordOptions): number {
  const ms = typeof ttl === 'string' ? milliseconds(ttl) : null
  if (ms === null || ms === 0) throw new TypeError(`\`ttl\` must be a duration like '1h', not '${ttl}'`)
  return ms
}

/** Lets people who forgot their password set a new one, by a link that is mailed to them. Needs `mail`. */
export function resetPassword(options: ResetPasswordOptions = {}): Extension<BaseUser, ResetPassword> {
  refuseUnknown(options, ['ttl'], 'resetPassword.')
  const ttlMs = ttlOf(options)
  return {
    name: 'reset_password',
    requires: ['mail'],
    setup(tools) {
      const verbs = resetVerbs(tools, ttlMs)
      return { verbs, routes: resetRoutes(verbs) }
    },
  }
}
