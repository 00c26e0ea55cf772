import type { Notice } from '../../accounts/hooks.js'
import type { Context } from '../../sessions/context.js'
import { type Allowance, isWithin } from '../../stores/budget.js'
import type { RowBeside } from '../../stores/table.js'
import { keyedHash } from '../../tokens/digest.js'
import { writeRows } from '../beside.js'
import type { ExtensionTools } from '../extension.js'
import { type OneTimeTokens, oneTimeTokens } from '../one-time.js'

/** What a link stands for: an address, and whose it is to be. */
export type Link = {
  /** The row it belongs to. Empty for the address that its user has. */
  readonly row: string
  /** Empty where the row says it: it is written before its user has an id. */
  readonly user: string
  readonly email: string
}

/** What a message says besides its link. */
export type Letter = Pick<Notice, 'kind' | 'to' | 'user' | 'facts'>

/** Why a message goes to an address. A decoy goes nowhere, so that whoever is tried by others keeps their own. */
type Purpose = 'link' | 'new_address' | 'change_requested' | 'registration_taken' | 'decoy'

/** Links, and the messages they travel in. */
export interface Links {
  readonly tokens: OneTimeTokens<Link>
  /** The rows of a message with a link, to be written beside a user. */
  rows(ctx: Context, letter: Letter, token: string): readonly RowBeside[]
  /** Sends a link; for null a decoy that goes nowhere, with the same work. */
  send(ctx: Context, letter: (Letter & { readonly link: Link }) | null, of: string): Promise<void>
  /** Tells an address without a link, as often as it may be told; to null, nobody. */
  tell(ctx: Context, letter: Letter, of: string): Promise<void>
  /** True for an address whose accounts come and go: to bury it in links of registrations. */
  isOftenClosed(ctx: Context, email: string): Promise<boolean>
  noteClosed(ctx: Context, email: string): Promise<void>
  /** True while one more message of a purpose may go to an address. */
  may(ctx: Context, purpose: Purpose, email: string): Promise<boolean>
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** How many messages an address gets on somebody's word, so that nobody is buried in them. */
const ALLOWANCES: Readonly<Record<Purpose, readonly Allowance[]>> = {
  link: [
    { most: 1, windowMs: MINUTE },
    { most: 5, windowMs: HOUR },
  ],
  new_address: [{ most: 5, windowMs: HOUR }],
  change_requested: [{ most: 5, windowMs: HOUR }],
  registration_taken: [
    { most: 1, windowMs: MINUTE },
    { most: 5, windowMs: HOUR },
  ],
  decoy: [
    { most: 1, windowMs: MINUTE },
    { most: 5, windowMs: HOUR },
  ],
}

/** Accounts of an address that may be closed in an hour before another is mailed no link. It may ask for one. */
const MOST_CLOSED = 3

const NOWHERE: Link = { row: '', user: '', email: '' }

export function confirmationLinks(tools: ExtensionTools, ttlMs: number): Links {
  const { values, rowsOf, now } = tools
  const [key] = tools.keys('email_confirmation') as [Uint8Array]
  const tokens = oneTimeTokens<Link>(values, 'email_confirmation', ttlMs)
  /** They cost what a link costs, and are not kept for days. */
  const decoys = oneTimeTokens<Link>(values, 'email_confirmation', MINUTE)

  const placeOf = (ctx: Context, purpose: string, email: string) =>
    `email_confirmation:${purpose}:${keyedHash(key, `${ctx.tenant}\n${email}`)}`

  const links: Links = {
    tokens,
    rows: (ctx, letter, token) =>
      rowsOf('noticing', {
        ...letter,
        ctx,
        facts: { ...letter.facts, token },
        expiresAt: now() + ttlMs,
      }),
    async isOftenClosed(ctx, email) {
      return Number((await values.get(placeOf(ctx, 'closed', email))) ?? 0) >= MOST_CLOSED
    },
    async noteClosed(ctx, email) {
      await values.increment(placeOf(ctx, 'closed', email), HOUR)
    },
    may: (ctx, purpose, email) => isWithin(values, placeOf(ctx, purpose, email), ALLOWANCES[purpose]),
    async send(ctx, letter, of) {
      const may = await links.may(ctx, letter ? 'link' : 'decoy', of)
      const { kind, link, ...rest } =
        may && letter ? letter : { kind: 'confirm_email', link: NOWHERE, to: null, user: null }
      const token = await (link === NOWHERE ? decoys : tokens).issue(ctx.tenant, link)
      await writeRows(tools, links.rows(ctx, { kind, ...rest }, token))
    },
    async tell(ctx, letter, of) {
      const may = await links.may(ctx, letter.to === null ? 'decoy' : 'registration_taken', of)
      await writeRows(tools, rowsOf('noticing', { ...letter, ...(!may && { to: null, user: null }), ctx }))
    },
  }
  return links
}
