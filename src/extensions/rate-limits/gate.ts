import { Problem } from '../../base/problem.js'
import type { Context } from '../../sessions/context.js'
import type { EventFacts } from '../../sessions/event.js'
import type { ExtensionTools } from '../extension.js'
import { addressBlock } from './address-block.js'
import { type Bucket, type Counters, createCounters, type Slot } from './counters.js'
import type { RuleName, Rules } from './rules.js'

/** What can be done from an address by anybody. */
export type Door = 'sign_in' | 'registration' | 'mail'

/** Networks of 65,536 IPv6 blocks have so many times what one has. */
const NETWORK_FACTOR = 4

export const secondsLeft = ({ msLeft }: Slot): number => Math.max(1, Math.ceil(msLeft / 1000))

/** Whose, among the users of a tenant. */
export function within(tenant: string, ...names: readonly string[]): string {
  return [tenant, ...names].join('\n')
}

/** Counts tries and refuses those that are too many. */
export interface Gate {
  readonly counters: Counters
  /** The windows of a rule for one of those it counts. */
  bucket(tag: string, rule: RuleName, text: string, rest?: Partial<Bucket>): readonly Slot[]
  /** Tells that a window has been filled. Once: a flood of refusals must not become a flood of news. */
  tell(ctx: Context, rule: RuleName, slot: Slot, count: number, facts?: EventFacts): Promise<void>
  /** Throws `rate_limits.exceeded` where the count is over. */
  check(ctx: Context, rule: RuleName, slot: Slot, count: number, facts?: EventFacts): Promise<void>
  /** Counts in each window in turn: what one refuses is not counted in the next. */
  pass(ctx: Context, rule: RuleName, slots: readonly Slot[], facts?: EventFacts): Promise<void>
  /** Counts what is done from an address, and then by all: what an address is refused uses up nobody else's tries. */
  passFrom(ctx: Context, door: Door): Promise<void>
  addressSlots(door: Door, tenant: string, address: string | null): readonly Slot[]
}

export function createGate(rules: Rules, { values, keys, emit, now }: ExtensionTools): Gate {
  const [key] = keys('rate_limits') as readonly [Uint8Array]
  const counters = createCounters(values, now, key)

  const gate: Gate = {
    counters,
    bucket: (tag, rule, text, rest = {}) => counters.slotsOf({ tag, windows: rules[rule], text, ...rest }),
    async tell(ctx, rule, slot, count, facts = {}) {
      if (count === slot.limit + 1) await emit(ctx, 'rate_limits.exceeded', { ...facts, detail: rule })
    },
    async check(ctx, rule, slot, count, facts) {
      if (count <= slot.limit) return
      await gate.tell(ctx, rule, slot, count, facts)
      const retryAfter = secondsLeft(slot)
      throw new Problem('rate_limits.exceeded', { status: 429, message: 'Too many tries, try again later', retryAfter })
    },
    async pass(ctx, rule, slots, facts) {
      for (const slot of slots) await gate.check(ctx, rule, slot, await counters.count(slot), facts)
    },
    async passFrom(ctx, door) {
      await gate.pass(ctx, `${door}.address`, gate.addressSlots(door, ctx.tenant, ctx.address))
      await gate.pass(
        ctx,
        `${door}.global`,
        gate.bucket(`${door[0]}g`, `${door}.global`, ctx.tenant, { places: 'own' }),
      )
    },
    addressSlots(door, tenant, address) {
      const { block, network } = addressBlock(address)
      const rule = `${door}.address` as const
      const near = gate.bucket(`${door[0]}b`, rule, within(tenant, block), { spread: true })
      if (network === null) return near
      const windows = rules[rule].map(({ count, ms }) => ({ count: count * NETWORK_FACTOR, ms }))
      return [...near, ...gate.bucket(`${door[0]}w`, rule, within(tenant, network), { windows, spread: true })]
    },
  }
  return gate
}
