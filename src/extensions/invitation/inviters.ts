import type { Awaitable } from '../../base/awaitable.js'
import { Problem } from '../../base/problem.js'
import { requireAuthenticated } from '../../http/guards.js'
import { Context } from '../../sessions/context.js'
import type { BaseUser } from '../../users/user.js'
import type { ExtensionTools } from '../extension.js'
import type { InvitationSettings } from './invitation-options.js'
import type { InvitationRow } from './invitation-row.js'

/** Somebody who invites, and what they may. */
export interface Inviter {
  /** Null for trusted code. */
  readonly id: string | null
  /** What the invited are told. Empty for trusted code. */
  readonly name: string
  /** Which invitations are theirs to see. */
  readonly sees: Partial<InvitationRow>
  /** Whose open invitation of an address is one and the same. */
  readonly circle: string
  mayGive(role: string): Awaitable<boolean>
}

export interface Inviters<User extends BaseUser> {
  /** Who asks. Throws `not_authenticated`, `forbidden`. */
  asking(ctx: Context<User>): Promise<Inviter>
  /** Trusted code, and the context it acts in. */
  trusted(tenant: string): { readonly ctx: Context<User>; readonly inviter: Inviter }
  /** True where whoever invited might still do so: an invitation is worth no more than that. */
  stand(ctx: Context<User>, row: InvitationRow): Promise<boolean>
}

/** No request was the occasion. */
const NOBODY = { id: '', method: '', header: () => null, address: null }

/** Where the rows of a request are: two auths may share a table. */
export function placeOf({ realm }: Pick<ExtensionTools, 'realm'>, { tenant }: Context): string {
  return realm === '' ? tenant : `${realm}:${tenant}`
}

export function createInviters<User extends BaseUser>(
  tools: ExtensionTools<User>,
  { inviters, mayGive }: InvitationSettings<User>,
): Inviters<User> {
  const { users, sessions } = tools
  const isInviter = ({ role }: User) => inviters === 'authenticated' || (role !== undefined && inviters.includes(role))

  async function userAsking(ctx: Context<User>): Promise<User> {
    requireAuthenticated(ctx)
    if (ctx.user) return ctx.user
    const account = ctx.session && (await users.findById(ctx.session.userId, ctx.tenant))
    // Where checks read the session alone, this is where one is found out that its user has left behind.
    const isOver = account && sessions.own && !(await sessions.own.confirm(ctx, account))
    if (!account || isOver) throw new Problem('not_authenticated')
    return account.user
  }

  return {
    async asking(ctx) {
      const user = await userAsking(ctx)
      if (!isInviter(user)) throw new Problem('forbidden')
      const place = placeOf(tools, ctx)
      const isOwn = inviters === 'authenticated'
      return {
        id: user.id,
        name: user.email || (user.username ?? ''),
        sees: isOwn ? { place, invited_by: user.id } : { place },
        circle: isOwn ? user.id : '',
        mayGive: role => mayGive(user, role),
      }
    },
    trusted(tenant) {
      const ctx = new Context<User>(NOBODY)
      ctx.tenant = tenant
      const inviter = { id: null, name: '', sees: { place: placeOf(tools, ctx) }, circle: '', mayGive: () => true }
      return { ctx, inviter }
    },
    async stand(ctx, { invited_by, role }) {
      if (invited_by === null) return true
      const inviter = (await users.findById(invited_by, ctx.tenant))?.user
      if (!inviter || (inviter.suspendedAt ?? null) !== null || !isInviter(inviter)) return false
      return role === null || (await mayGive(inviter, role)) === true
    },
  }
}
