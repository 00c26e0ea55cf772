import { type Duration, milliseconds } from '../../base/duration.js'
import { refuseUnknown } from '../../base/options.js'
import type { Context } from '../../sessions/context.js'
import type { BaseUser } from '../../users/user.js'
import type { Extension } from '../extension.js'
import { ADDRESSES, addressesOf } from './addresses.js'
import { confirmationLinks } from './links.js'
import { pendingAddresses } from './pending.js'
import { confirmationRoutes } from './routes.js'
import { confirmationRule } from './rule.js'
import { confirmationVerbs, type EmailConfirmation } from './verbs.js'
import { waysIn } from './ways-in.js'

export interface EmailConfirmationOptions {
  /** True lets nobody in whose address is not confirmed. Default: false, where `status` and `isConfirmed` tell it. */
  required?: boolean
  /** With `required`: how long after registration somebody may still come in. Default: not at all. */
  grace?: Duration
  /** How long a link is good. Default: `'3d'`, so that a mail of Friday works on Monday: a link signs nobody in. */
  ttl?: Duration
  /** What people are who registered before this extension was added. Default: `'confirmed'`, which locks nobody out. */
  existing?: 'confirmed' | 'unconfirmed'
  /**
   * True answers a registration alike whether the address is taken or not, and mails its owner instead. Goes with
   * `required`, without a `grace`: whoever is signed in by registering learns that the address was free. Default: false.
   */
  enumerationSafe?: boolean
}

interface Config {
  readonly required: boolean
  readonly graceMs: number
  readonly ttlMs: number
  readonly existing: 'confirmed' | 'unconfirmed'
  readonly enumerationSafe: boolean
}

const NAMES = ['required', 'grace', 'ttl', 'existing', 'enumerationSafe']

function durationOf(name: string, duration: Duration): number {
  const ms = typeof duration === 'string' ? milliseconds(duration) : null
  if (ms === null || ms === 0) throw new TypeError(`\`${name}\` must be a duration like '3d', not '${duration}'`)
  return ms
}

function flagOf(name: string, flag: boolean): boolean {
  if (typeof flag !== 'boolean') throw new TypeError(`\`${name}\` must be true or false`)
  return flag
}

function resolveOptions(options: EmailConfirmationOptions): Config {
  refuseUnknown(options, NAMES, 'emailConfirmation.')
  const { grace, ttl = '3d', existing = 'confirmed', enumerationSafe = false } = options
  const isSafe = flagOf('enumerationSafe', enumerationSafe)
  const required = flagOf('required', options.required ?? isSafe)
  if (isSafe && !required) throw new TypeError('`enumerationSafe` needs `required`: leave `required` out')
  if (isSafe && grace !== undefined) {
    throw new TypeError(
      '`enumerationSafe` and `grace` exclude each other: who is signed in learns that an address was free',
    )
  }
  if (grace !== undefined && !required) throw new TypeError('`grace` needs `required: true`')
  if (existing !== 'confirmed' && existing !== 'unconfirmed') {
    throw new TypeError("`existing` must be 'confirmed' or 'unconfirmed'")
  }
  return {
    required,
    graceMs: grace === undefined ? 0 : durationOf('grace', grace),
    ttlMs: durationOf('ttl', ttl),
    existing,
    enumerationSafe: isSafe,
  }
}

/**
 * Has people confirm their address by a link that is mailed there, at registration and before another one takes its
 * place. Needs `mail`. Throws `TypeError` for options that are wrong or exclude each other.
 */
export function emailConfirmation(options: EmailConfirmationOptions = {}): Extension<BaseUser, EmailConfirmation> {
  const config = resolveOptions(options)
  return {
    name: 'email_confirmation',
    requires: ['mail'],
    migrations: [ADDRESSES.migration],
    setup(tools) {
      const addresses = addressesOf(tools, config.existing)
      const links = confirmationLinks(tools, config.ttlMs)
      const rule = confirmationRule(config, addresses, tools.now)
      const registering = new WeakSet<Context>()
      const pending = pendingAddresses(tools, addresses, links, ctx => registering.has(ctx))
      const verbs = confirmationVerbs({ tools, addresses, links, pending, rule })
      return {
        verbs,
        routes: confirmationRoutes(verbs),
        hooks: {
          ...waysIn({ tools, addresses, links, rule, registering, ...config }),
          savingUser: pending.savingUser,
          savedUser: pending.savedUser,
          emailProven: ({ user }) => addresses.confirm(user),
          async deletedUser({ ctx, user }) {
            await addresses.dropAll(user)
            await links.noteClosed(ctx, user.email)
          },
        },
      }
    },
  }
}
