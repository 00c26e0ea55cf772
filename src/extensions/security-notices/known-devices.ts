import type { Json } from '../../base/json.js'
import type { Context } from '../../sessions/context.js'
import type { Device } from '../../stores/session-store.js'
import { keyedHash } from '../../tokens/digest.js'
import type { BaseUser } from '../../users/user.js'
import type { ExtensionTools } from '../extension.js'
import { addressBlock } from './address-block.js'

/** From where people have signed in of late. Kept as keyed hashes: nobody reads a list of addresses out of it. */
export interface KnownDevices {
  /** Remembers the request's device. True where its user agent or its network was known before. */
  meet(ctx: Context, user: BaseUser): Promise<boolean>
  /** Remembers a device without a look whether it was known. */
  learn(ctx: Context, user: BaseUser): Promise<void>
  forget(ctx: Context, user: BaseUser): Promise<void>
}

/** What was seen, and when last. */
type Seen = readonly [hash: string, at: number]

/** User agents and networks together; the latest stay. */
const MOST_SEEN = 40
/** A device that is used daily is written down once a day. */
const FRESH_MS = 86_400_000

/** What a device shows of itself. No network is no trait; no user agent is one. */
function traitsOf({ userAgent, address }: Device): readonly string[] {
  const block = addressBlock(address)
  return [`agent ${userAgent ?? ''}`, ...(block === null ? [] : [`block ${block}`])]
}

function readSeen(value: Json | null): readonly Seen[] {
  return Array.isArray(value) ? (value as unknown as readonly Seen[]) : []
}

export function knownDevices<User extends BaseUser>(
  { values, sessions, keys, now }: ExtensionTools<User>,
  memoryMs: number,
): KnownDevices {
  const secrets = keys('security_notices.devices')
  const keyOf = ({ tenant }: Context, { id }: BaseUser) =>
    `security_notices:devices:${tenant === '' ? '' : `${tenant}:`}${id}`

  /** The hashes of a device under each secret, the one to write first. Of a user: two of one network share none. */
  function hashesOf(device: Device, id: string): readonly (readonly string[])[] {
    return traitsOf(device).map(trait => secrets.map(secret => keyedHash(secret, `${id}\n${trait}`)))
  }

  async function seenOf(ctx: Context, user: BaseUser): Promise<readonly Seen[]> {
    const time = now()
    return readSeen(await values.get(keyOf(ctx, user))).filter(([, at]) => time < at + memoryMs)
  }

  async function remember(ctx: Context, user: BaseUser, seen: readonly Seen[]): Promise<void> {
    const time = now()
    const hashes = hashesOf(ctx.device, user.id)
    const current = hashes.map(([hash]) => hash as string)
    const isFresh = current.every(hash => seen.some(([other, at]) => other === hash && time < at + FRESH_MS))
    if (isFresh) return
    const others = seen.filter(([hash]) => !hashes.flat().includes(hash))
    const latest = [...current.map(hash => [hash, time] as const), ...others].slice(0, MOST_SEEN)
    await values.put(keyOf(ctx, user), latest, memoryMs)
  }

  /** Where nothing was written down yet, as on the first day: sessions that live still began somewhere. */
  async function hasSession(ctx: Context, user: User): Promise<boolean> {
    const traits = new Set(traitsOf(ctx.device))
    const others = ((await sessions.own?.list(user)) ?? []).filter(({ id }) => id !== ctx.session?.id)
    return others.some(({ createdBy }) => traitsOf(createdBy).some(trait => traits.has(trait)))
  }

  return {
    async meet(ctx, user) {
      const seen = await seenOf(ctx, user)
      const isSeen = hashesOf(ctx.device, user.id)
        .flat()
        .some(hash => seen.some(([other]) => other === hash))
      const isKnown = isSeen || (await hasSession(ctx, user as User))
      await remember(ctx, user, seen)
      return isKnown
    },
    learn: async (ctx, user) => remember(ctx, user, await seenOf(ctx, user)),
    async forget(ctx, user) {
      await values.delete(keyOf(ctx, user))
    },
  }
}
