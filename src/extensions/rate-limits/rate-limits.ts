import type { Attempt } from '../../accounts/hooks.js'
import { Problem } from '../../base/problem.js'
import type { Context } from '../../sessions/context.js'
import type { EventFacts } from '../../sessions/event.js'
import { IDENTIFIERS } from '../../users/fields.js'
import type { BaseUser } from '../../users/user.js'
import type { Added, Extension, ExtensionTools } from '../extension.js'
import { addressBlock } from './address-block.js'
import { type Bucket, createCounters, type Slot } from './counters.js'
import { knownPlaces, type Places } from './places.js'
import { type RateLimitsOptions, type RuleName, type Rules, resolveRules, weakerThanDefault } from './rules.js'

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

/** Networks of 65,536 IPv6 blocks have so many times what one has. */
const NETWORK_FACTOR = 4

/** What one try was counted in, to be forgotten when it succeeds. */
interface Tried {
  readonly userId: string
  readonly places: Places
  readonly slots: readonly Slot[]
}

const secondsLeft = ({ msLeft }: Slot) => Math.max(1, Math.ceil(msLeft / 1000))

function createLimits<User extends BaseUser>(rules: Rules, tools: ExtensionTools<User>): Added<User, RateLimits> {
  const { values, users, identifiers, emit, onError, now } = tools
  const [key] = tools.keys('rate_limits') as readonly [Uint8Array]
  const counters = createCounters(values, now, key)
  const places = knownPlaces(values, now, key)
  const tries = new WeakMap<Context, Tried>()

  const bucket = (tag: string, rule: RuleName, text: string, rest: Partial<Bucket> = {}) =>
    counters.slotsOf({ tag, windows: rules[rule], text, ...rest })
  /** Whose, among the users of a tenant. */
  const within = (tenant: string, ...names: readonly string[]) => [tenant, ...names].join('\n')
  const named = (tenant: string, identifier: string) => bucket('n', 'sign_in.account', within(tenant, identifier))
  const accounted = (tenant: string, id: string) =>
    bucket('a', 'sign_in.account', within(tenant, 'user', id), { places: 'own' })
  const placed = (place: string) => bucket('p', 'sign_in.account', place, { places: 'own' })
  const proving = (tenant: string, id: string) => bucket('c', 'current_password', within(tenant, id), { places: 'own' })

  /** Once for each bucket and window: a flood of refusals must not become a flood of news. */
  async function tell(ctx: Context, rule: RuleName, slot: Slot, count: number, facts: EventFacts = {}): Promise<void> {
    if (count === slot.limit + 1) await emit(ctx, 'rate_limits.exceeded', { ...facts, detail: rule })
  }

  async function refuse(
    ctx: Context,
    rule: RuleName,
    slot: Slot,
    count: number,
    facts: EventFacts = {},
  ): Promise<never> {
    await tell(ctx, rule, slot, count, facts)
    const retryAfter = secondsLeft(slot)
    throw new Problem('rate_limits.exceeded', { status: 429, message: 'Too many tries, try again later', retryAfter })
  }

  /** Counts in each window in turn: what one refuses is not counted in the next. */
  async function pass(ctx: Context, rule: RuleName, slots: readonly Slot[], facts?: EventFacts): Promise<void> {
    for (const slot of slots) {
      const count = await counters.count(slot)
      if (count > slot.limit) await refuse(ctx, rule, slot, count, facts)
    }
  }

  type Place = 'sign_in' | 'registration' | 'mail'

  function addressSlots(place: Place, tenant: string, address: string | null): readonly Slot[] {
    const { block, network } = addressBlock(address)
    const rule = `${place}.address` as const
    const near = bucket(`${place[0]}b`, rule, within(tenant, block), { spread: true })
    if (network === null) return near
    const windows = rules[rule].map(({ count, ms }) => ({ count: count * NETWORK_FACTOR, ms }))
    return [...near, ...bucket(`${place[0]}w`, rule, within(tenant, network), { windows, spread: true })]
  }

  /** The address before all: what an address is refused must use up nobody else's tries. */
  async function passFrom(ctx: Context, place: Place): Promise<void> {
    await pass(ctx, `${place}.address`, addressSlots(place, ctx.tenant, ctx.address))
    await pass(ctx, `${place}.global`, bucket(`${place[0]}g`, `${place}.global`, ctx.tenant, { places: 'own' }))
  }

  /** Where nobody has a second name, the first says all. */
  const haveTwoNames = identifiers.length > 1

  /**
   * Counts a stranger's try under the name that was sent, and under the account, which may have another name. Only the
   * first is told: where the second is over, the try is a wrong password, or a pair of names would tell that they are one
   * person's. Nobody's name is counted in two places as well, so that it costs the same.
   */
  async function passEitherName(
    { ctx, user, identifier }: Attempt<User>,
    names: readonly Slot[],
    shared: readonly Slot[],
    facts: EventFacts,
  ): Promise<'mismatch' | undefined> {
    const decoys = bucket('d', 'sign_in.account', within(ctx.tenant, identifier), { places: 'few' })
    let isOver = false
    for (const [index, slot] of names.entries()) {
      const account = (isOver || !user ? decoys[index] : shared[index]) as Slot
      const [count, total] = await Promise.all([counters.count(slot), counters.count(account)])
      if (count > slot.limit) await refuse(ctx, 'sign_in.account', slot, count, facts)
      if (!user || isOver || total <= account.limit) continue
      isOver = true
      await tell(ctx, 'sign_in.account', account, total, facts)
    }
    return isOver ? 'mismatch' : undefined
  }

  async function passSignIn(attempt: Attempt<User>): Promise<'mismatch' | undefined> {
    const { ctx, identifier, user } = attempt
    const { tenant } = ctx
    tries.delete(ctx)
    const { block } = addressBlock(ctx.address)
    const who = within(tenant, user ? `user\n${user.id}` : identifier)
    const [known] = await Promise.all([places.of(who), passFrom(ctx, 'sign_in')])
    const place = places.nameOf(who, block)
    // People type passwords into the wrong field: only an address, or a name somebody has, is told.
    const facts = {
      ...((user || identifier.includes('@')) && { identifier }),
      ...(user && { userId: user.id }),
    }
    if (known[place] !== undefined && user) {
      const slots = placed(place)
      tries.set(ctx, { userId: user.id, places: known, slots })
      await pass(ctx, 'sign_in.account', slots, facts)
      return undefined
    }
    const names = named(tenant, identifier)
    const shared = user && haveTwoNames ? accounted(tenant, user.id) : []
    if (user) tries.set(ctx, { userId: user.id, places: known, slots: [...names, ...shared] })
    if (haveTwoNames) return passEitherName(attempt, names, shared, facts)
    await pass(ctx, 'sign_in.account', names, facts)
    return undefined
  }

  /** What concerns nobody's answer any more: it is told, and tried again with a later sign-in. */
  async function afterwards(ctx: Context, work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      onError(error, ctx.id)
    }
  }

  /** Everything that is counted against an account and its names. */
  async function slotsAgainst(tenant: string, user: User | null, names: readonly string[]): Promise<readonly Slot[]> {
    const sent = [...new Set(names.filter(name => name !== ''))].flatMap(name => named(tenant, name))
    if (!user) return sent
    const known = Object.keys(await places.of(within(tenant, `user\n${user.id}`)))
    return [...sent, ...accounted(tenant, user.id), ...known.flatMap(placed), ...proving(tenant, user.id)]
  }

  const namesOf = ({ email, username }: User) => [email, username ?? '']

  async function lookUp(identifier: string, tenant: string) {
    const { normalize } = IDENTIFIERS[identifier.includes('@') ? 'email' : 'username']
    const name = normalize(identifier)
    return { name, user: (await users.findByIdentifier(name, tenant))?.user ?? null }
  }

  const isWatched = (...names: readonly RuleName[]) => names.some(name => rules[name].length > 0)

  return {
    hooks: {
      ...(isWatched('sign_in.account', 'sign_in.address', 'sign_in.global', 'current_password') && {
        async authenticating(attempt) {
          const { ctx, user, purpose } = attempt
          if (purpose === 'sign_in') return passSignIn(attempt)
          const id = user?.id ?? ''
          await pass(ctx, 'current_password', proving(ctx.tenant, id), { userId: id })
          return undefined
        },
      }),
      async passwordProven({ ctx, user, purpose }) {
        if (user && purpose === 'current_password')
          await afterwards(ctx, () => counters.forget(proving(ctx.tenant, user.id)))
      },
      ...(isWatched('registration.address', 'registration.global') && {
        registering: ({ ctx }) => passFrom(ctx, 'registration'),
      }),
      ...(isWatched('mail.address', 'mail.global') && { asking: ({ ctx }) => passFrom(ctx, 'mail') }),
      ...(isWatched('sign_in.account') && {
        async signedIn({ ctx, user }) {
          const tried = tries.get(ctx)
          tries.delete(ctx)
          const own = tried?.userId === user.id ? tried : null
          const who = within(ctx.tenant, `user\n${user.id}`)
          const { block } = addressBlock(ctx.address)
          await afterwards(ctx, async () => {
            if (own) await counters.forget(own.slots)
            // Where addresses are not known, nobody's is theirs.
            if (block === 'none') return
            await places.add(who, places.nameOf(who, block), own?.places ?? (await places.of(who)))
          })
        },
      }),
      async credentialsChanged({ ctx, before, user, detail }) {
        if (!detail.split(' ').includes('password')) return
        await afterwards(ctx, async () => {
          await counters.forget(await slotsAgainst(ctx.tenant, user, [...namesOf(before), ...namesOf(user)]))
          const who = within(ctx.tenant, `user\n${user.id}`)
          // Whoever knew the old password may have signed in from elsewhere. Whoever set the new one did it here.
          const { block } = addressBlock(ctx.address)
          await places.reset(who, block === 'none' ? null : places.nameOf(who, block))
        })
      },
      async deletedUser({ ctx, user }) {
        await afterwards(ctx, () => places.reset(within(ctx.tenant, `user\n${user.id}`), null))
      },
    },
    verbs: {
      weaker: weakerThanDefault(rules),
      async status(identifier, tenant = '') {
        const { name } = await lookUp(identifier, tenant)
        for (const slot of named(tenant, name).toReversed()) {
          if ((await counters.read(slot)) >= slot.limit) return { limited: true, retryAfter: secondsLeft(slot) }
        }
        return { limited: false, retryAfter: null }
      },
      async clear(identifier, tenant = '') {
        const { name, user } = await lookUp(identifier, tenant)
        await counters.forget(await slotsAgainst(tenant, user, [name, ...(user ? namesOf(user) : [])]))
      },
      async clearAddress(address, tenant = '') {
        const all = (['sign_in', 'registration', 'mail'] as const).map(place => addressSlots(place, tenant, address))
        await counters.forget(all.flat())
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
