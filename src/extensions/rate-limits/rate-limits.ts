import type { Context } from '../../sessions/context.js'
import { IDENTIFIERS } from '../../users/fields.js'
import type { BaseUser } from '../../users/user.js'
import type { Added, Extension, ExtensionTools } from '../extension.js'
import { createGate, secondsLeft, within } from './gate.js'
import { type RateLimitsOptions, type RuleName, type Rules, resolveRules, weakerThanDefault } from './rules.js'
import { signIns } from './sign-ins.js'

/** What support staff and jobs call: `auth.extension(limits).clear('me@example.com')`. */
export interface RateLimits {
  /** Whether an identifier, in any spelling, is refused where its owner has not signed in before; seconds until it is not. */
  status(
    identifier: string,
    tenant?: string,
  ): Promise<{ readonly limited: boolean; readonly retryAfter: number | null }>
  /** Forgets all tries at an account, under each of its names. */
  clear(identifier: string, tenant?: string): Promise<void>
  /** Forgets all tries from an address, and from its /48. */
  clearAddress(address: string | null, tenant?: string): Promise<void>
  /** What is weaker than the default, a sentence each. */
  readonly weaker: readonly string[]
}

function createLimits<User extends BaseUser>(rules: Rules, tools: ExtensionTools<User>): Added<User, RateLimits> {
  const { users, onError } = tools
  const gate = createGate(rules, tools)
  const { counters, bucket, pass, passFrom, addressSlots } = gate
  const accounts = signIns(gate, tools)

  const proving = (tenant: string, { id }: BaseUser) =>
    bucket('c', 'current_password', within(tenant, id), { places: 'own' })
  const against = async (tenant: string, user: BaseUser) => [
    ...(await accounts.against(tenant, user)),
    ...proving(tenant, user),
  ]

  /** What changes nobody's answer any more: a counter that could not be forgotten ends by itself. */
  async function afterwards(ctx: Context, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      onError(error, ctx.id)
    }
  }

  async function lookUp(identifier: string, tenant: string) {
    const { normalize } = IDENTIFIERS[identifier.includes('@') ? 'email' : 'username']
    const name = normalize(identifier)
    return { name, user: (await users.findByIdentifier(name, tenant))?.user ?? null }
  }

  const isOn = (...names: readonly RuleName[]) => names.some(name => rules[name].length > 0)
  const limitsSignIn = isOn('sign_in.account', 'sign_in.address', 'sign_in.global')

  return {
    hooks: {
      async authenticating(attempt) {
        const { ctx, user, purpose } = attempt
        if (purpose === 'sign_in') return limitsSignIn ? accounts.pass(attempt) : undefined
        if (user) await pass(ctx, 'current_password', proving(ctx.tenant, user), { userId: user.id })
        return undefined
      },
      async passwordProven({ ctx, user, purpose }) {
        if (!user || purpose === 'sign_in') return
        await afterwards(ctx, () => counters.forget(proving(ctx.tenant, user)))
      },
      registering: ({ ctx }) => passFrom(ctx, 'registration'),
      asking: ({ ctx }) => passFrom(ctx, 'mail'),
      async signedIn({ ctx, user }) {
        if (isOn('sign_in.account')) await afterwards(ctx, () => accounts.succeeded(ctx, user))
      },
      async credentialsChanged({ ctx, before, user, detail }) {
        if (!isOn('sign_in.account', 'current_password') || !detail.split(' ').includes('password')) return
        await afterwards(ctx, async () => {
          await counters.forget([...(await against(ctx.tenant, before)), ...(await against(ctx.tenant, user))])
          // Whoever knew the old password may have signed in from elsewhere. Whoever set the new one did it here.
          await accounts.forgetPlaces(ctx, user, true)
        })
      },
      deletedUser: ({ ctx, user }) => afterwards(ctx, () => accounts.forgetPlaces(ctx, user, false)),
    },
    verbs: {
      weaker: weakerThanDefault(rules),
      async status(identifier, tenant = '') {
        const { name } = await lookUp(identifier, tenant)
        for (const slot of accounts.named(tenant, name).toReversed()) {
          if ((await counters.read(slot)) >= slot.limit) return { limited: true, retryAfter: secondsLeft(slot) }
        }
        return { limited: false, retryAfter: null }
      },
      async clear(identifier, tenant = '') {
        const { name, user } = await lookUp(identifier, tenant)
        await counters.forget([...accounts.named(tenant, name), ...(user ? await against(tenant, user) : [])])
      },
      async clearAddress(address, tenant = '') {
        const doors = ['sign_in', 'registration', 'mail'] as const
        await counters.forget(doors.flatMap(door => addressSlots(door, tenant, address)))
      },
    },
  }
}

/**
 * Limits how often passwords are tried, people register and messages are asked for. Counted before a password is looked
 * at. `'off'` limits nothing. Throws `TypeError` that names the option and what to write instead.
 */
export function rateLimits(options: RateLimitsOptions | 'off' = {}): Extension<BaseUser, RateLimits> {
  const rules = resolveRules(options)
  return {
    name: 'rate_limits',
    setup(tools) {
      const added = createLimits(rules, tools)
      for (const detail of added.verbs?.weaker ?? []) void tools.emit(null, 'rate_limits.weak', { detail })
      return added
    },
  }
}
