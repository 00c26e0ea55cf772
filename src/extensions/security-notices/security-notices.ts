import { type Duration, milliseconds } from '../../base/duration.js'
import { refuseUnknown } from '../../base/options.js'
import type { Hooks } from '../../accounts/hooks.js'
import type { AccountChange, BaseUser } from '../../users/user.js'
import type { Extension, ExtensionTools } from '../extension.js'
import { changeNotices } from './change-notices.js'
import { deviceNotices } from './device-notices.js'
import { reuseNotices } from './reuse-notices.js'

export interface SecurityNoticesOptions {
  /** A sign-in from a device and a network that this person did not use of late. Default: true. */
  newDevice?: boolean
  /** Default: true. */
  passwordChanged?: boolean
  /** Told to the old address. Default: true. */
  emailChanged?: boolean
  /** A session was ended because a replaced token of it came back. Default: true. */
  sessionReused?: boolean
  /** How long a device is known after it was used last. Default: `'90d'`. */
  deviceMemory?: Duration
}

/** Mails people what may be somebody else's doing. Throws `TypeError` for wrong options. */
export function securityNotices(options: SecurityNoticesOptions = {}): Extension {
  return null as never
}
