import type { Attempt } from '../../accounts/hooks.js'
import type { Context } from '../../sessions/context.js'
import type { EventFacts } from '../../sessions/event.js'
import type { BaseUser } from '../../users/user.js'
import type { ExtensionTools } from '../extension.js'
import { addressBlock } from './address-block.js'
import type { Slot } from './counters.js'
import { type Gate, within } from './gate.js'
import { knownPlaces, type Places } from './places.js'

const RULE = 'sign_in.account'

/** What one try was counted in, to be forgotten when it succeeds. */
interface Tried {
  readonly userId: string
  readonly places: Places
  readonly slots: readonly Slot[]
}

/** Counts who tries to sign in to an account: strangers by its name, its owner by where they signed in before. */
export interface SignIns<out User extends BaseUser> {
  pass(attempt: Attempt<User>): Promise<'mismatch' | undefined>
  succeeded(ctx: Context, user: BaseUser): Promise<void>
  /** Forgets the places of an account but for the one of this request, if any. */
  forgetPlaces(ctx: Context, user: BaseUser, keepsOwn: boolean): Promise<void>
  /** The windows that count strangers' tries under a name. */
  named(tenant: string, identifier: string): readonly Slot[]
  /** Everything that is counted against an account. */
  against(tenant: string, user: BaseUser): Promise<readonly Slot[]>
}

export function signIns<User extends BaseUser>(
  { counters, bucket, check, tell, pass, passFrom }: Gate,
  { values, identifiers, keys, now }: ExtensionTools<User>,
): SignIns<User> {
  const places = knownPlaces(values, now, keys('rate_limits')[0] as Uint8Array)
  const tries = new WeakMap<Context, Tried>()
  /** Where nobody has a second name, the first says all. */
  const haveTwoNames = identifiers.length > 1

  const ownerOf = (tenant: string, { id }: BaseUser) => within(tenant, 'user', id)
  const named = (tenant: string, identifier: string) => bucket('n', RULE, within(tenant, identifier))
  const accounted = (tenant: string, user: BaseUser) => bucket('a', RULE, ownerOf(tenant, user), { places: 'own' })
  const placed = (place: string) => bucket('p', RULE, place, { places: 'own' })

  /** The place of a request, for an account; null where addresses are not known: then nobody's is theirs. */
  function placeOf(ctx: Context, who: string): string | null {
    const { block } = addressBlock(ctx.address)
    return block === 'none' ? null : places.nameOf(who, block)
  }

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
    const decoys = bucket('d', RULE, within(ctx.tenant, identifier), { places: 'few' })
    let isOver = false
    for (const [index, slot] of names.entries()) {
      const account = (isOver || !user ? decoys[index] : shared[index]) as Slot
      const [count, total] = await Promise.all([counters.count(slot), counters.count(account)])
      await check(ctx, RULE, slot, count, facts)
      if (!user || isOver || total <= account.limit) continue
      isOver = true
      await tell(ctx, RULE, account, total, facts)
    }
    return isOver ? 'mismatch' : undefined
  }

  return {
    named,
    async pass(attempt) {
      const { ctx, identifier, user } = attempt
      const { tenant } = ctx
      tries.delete(ctx)
      const who = user ? ownerOf(tenant, user) : within(tenant, 'nobody', identifier)
      const [known] = await Promise.all([places.of(who), passFrom(ctx, 'sign_in')])
      // People type passwords into the wrong field: only an address, or a name somebody has, is told.
      const facts = { ...((user || identifier.includes('@')) && { identifier }), ...(user && { userId: user.id }) }
      const place = placeOf(ctx, who)
      if (user && place !== null && known[place] !== undefined) {
        const slots = placed(place)
        tries.set(ctx, { userId: user.id, places: known, slots })
        await pass(ctx, RULE, slots, facts)
        return undefined
      }
      const names = named(tenant, identifier)
      const shared = user && haveTwoNames ? accounted(tenant, user) : []
      if (user) tries.set(ctx, { userId: user.id, places: known, slots: [...names, ...shared] })
      if (haveTwoNames) return passEitherName(attempt, names, shared, facts)
      await pass(ctx, RULE, names, facts)
      return undefined
    },
    async succeeded(ctx, user) {
      const tried = tries.get(ctx)
      tries.delete(ctx)
      // A controller may try one account and sign another in.
      const own = tried?.userId === user.id ? tried : null
      if (own) await counters.forget(own.slots)
      const who = ownerOf(ctx.tenant, user)
      const place = placeOf(ctx, who)
      if (place !== null) await places.add(who, place, own?.places ?? (await places.of(who)))
    },
    async forgetPlaces(ctx, user, keepsOwn) {
      const who = ownerOf(ctx.tenant, user)
      await places.reset(who, keepsOwn ? placeOf(ctx, who) : null)
    },
    async against(tenant, user) {
      const names = [user.email, user.username ?? ''].filter(name => name !== '')
      const known = Object.keys(await places.of(ownerOf(tenant, user)))
      return [...names.flatMap(name => named(tenant, name)), ...accounted(tenant, user), ...known.flatMap(placed)]
    },
  }
}
