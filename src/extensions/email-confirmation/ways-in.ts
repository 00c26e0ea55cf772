import type { Hooks } from '../../accounts/hooks.js'
import { Problem } from '../../base/problem.js'
import type { Context } from '../../sessions/context.js'
import type { BaseUser } from '../../users/user.js'
import type { ExtensionTools } from '../extension.js'
import type { Addresses } from './addresses.js'
import type { Links } from './links.js'
import { notConfirmed, type Rule } from './rule.js'
import { sendConfirmation } from './verbs.js'

// Made once: making an error takes long enough to be measured.
const HIDDEN = Object.freeze(new Problem('invalid_credentials'))

interface Parts {
  readonly tools: ExtensionTools
  readonly addresses: Addresses
  readonly links: Links
  readonly rule: Rule
  /** Requests in which somebody registers. */
  readonly registering: WeakSet<Context>
  readonly required: boolean
  readonly enumerationSafe: boolean
}

/** Holds the rule on every way in, and keeps answers alike where they shall not tell who exists. */
export function waysIn({ tools, addresses, links, rule, registering, required, enumerationSafe }: Parts): Hooks {
  const { users, emit } = tools
  /** Requests in which a password is tried. */
  const trying = new WeakSet<Context>()
  /** Who gave the right password in a request that must not tell it. */
  const hidden = new WeakMap<Context, BaseUser>()

  return {
    registering({ ctx }) {
      registering.add(ctx)
    },

    async registered({ ctx, user }) {
      registering.delete(ctx)
      if (!(await rule.isBlocked(user))) return
      // What is counted for an address that is taken is counted for a new one.
      if (enumerationSafe) await links.may(ctx, 'decoy', user.email)
      return 'signed_out'
    },

    async registrationTaken({ ctx, email, username }) {
      registering.delete(ctx)
      // A retry, by its `Idempotency-Key`, of a registration that was answered so.
      const isRetry = hidden.delete(ctx)
      if (!enumerationSafe || email === null) return isRetry ? 'hidden' : undefined
      if (!isRetry && username !== null && (await users.findByIdentifier(username, ctx.tenant))) {
        // Names are public. Which of two is taken is told of them alone, whatever the database met first.
        throw new Problem('invalid_user', { errors: { username: ['has already been taken'] } })
      }
      const owner = (await users.findByIdentifier(email, ctx.tenant))?.user ?? null
      const told = isRetry ? null : owner
      const letter = { kind: 'registration_taken', to: told?.email ?? null, user: told }
      await links.tell(ctx, letter, email)
      await emit(ctx, 'email_confirmation.registration_taken', owner ? { userId: owner.id } : {})
      return 'hidden'
    },

    authenticating({ ctx, purpose }) {
      if (purpose === 'sign_in') trying.add(ctx)
    },

    async signingIn({ ctx, user }) {
      const isTried = trying.delete(ctx)
      if (!(await rule.isBlocked(user))) return
      if (registering.has(ctx) || (enumerationSafe && isTried)) {
        hidden.set(ctx, user)
        throw HIDDEN
      }
      await sendConfirmation(links, ctx, user, user.email)
      await emit(ctx, 'email_confirmation.requested', { userId: user.id })
      throw notConfirmed('Confirm your email address first: a link was sent to it')
    },

    // Whoever registers and then signs in must not learn whether the address was free.
    async authenticationFailed({ ctx, identifier, purpose }) {
      trying.delete(ctx)
      if (!enumerationSafe || purpose !== 'sign_in') return
      const user = hidden.get(ctx) ?? null
      if (!registering.has(ctx)) hidden.delete(ctx)
      if (!user) await addresses.of(ctx.tenant, null)
      await sendConfirmation(links, ctx, user, identifier)
    },

    ...(required && {
      async renewing({ user }) {
        if (await rule.isBlocked(user)) throw notConfirmed('Confirm your email address first')
      },
    }),
  }
}
