import { Problem } from '../../base/problem.js'
import type { Context } from '../../sessions/context.js'
import type { UserInput } from '../../users/fields.js'
import type { BaseUser } from '../../users/user.js'
import { tableOf } from '../beside.js'
import type { Extension } from '../extension.js'
import { createAccepting } from './accepting.js'
import type { InvitationInput } from './invitation-input.js'
import { checkInvitationOptions, type InvitationOptions } from './invitation-options.js'
import { invitationRoutes } from './invitation-routes.js'
import { INVITATIONS, type Invitation, type InvitationRow } from './invitation-row.js'
import { createInviters } from './inviters.js'
import { createInviting, type InvitationList, type InvitationPage } from './inviting.js'

export type { Invitation, InvitationInput, InvitationList, InvitationOptions, InvitationPage }

/** The same without a request: nobody's right to it is asked, and nothing is counted. */
export interface InvitationSystem {
  /** The same among the users of a tenant. Needed where there are tenants. */
  of(tenant: string): InvitationSystem
  invite(input: InvitationInput): Promise<Invitation>
  list(page?: InvitationPage): Promise<InvitationList>
  resend(id: string): Promise<Invitation>
  withdraw(id: string): Promise<void>
}

/**
 * What custom controllers call. All but `accept` throw `not_authenticated`, and `forbidden` for somebody who may not
 * invite. An invitation that is not theirs to see is `not_found`.
 */
export interface InvitationVerbs<out User extends BaseUser = BaseUser> {
  /**
   * Mails a link to an address. One that was invited before and has not accepted gets a new link; the old one dies.
   * The answer is the same for somebody who has an account: they are mailed that there was no need.
   * Throws `invitation.invalid` with `errors`, `invitation.role_not_allowed`, `invitation.too_many`.
   */
  invite(ctx: Context<User>, input: InvitationInput): Promise<Invitation>
  /** Throws `invalid_request` for a page that there cannot be. */
  list(ctx: Context<User>, page?: InvitationPage): Promise<InvitationList>
  find(ctx: Context<User>, id: string): Promise<Invitation>
  /** Mails a new link, which works as long as a first one. Throws as `invite` does. */
  resend(ctx: Context<User>, id: string): Promise<Invitation>
  withdraw(ctx: Context<User>, id: string): Promise<void>
  /**
   * Makes an account of what was sent, with the address and the role of the invitation, and signs in.
   * Throws `invitation.invalid_token`, `invitation.invalid_user` with `errors`, what a `signingIn` hook throws.
   */
  accept(ctx: Context<User>, token: unknown, input: UserInput): Promise<User>
  readonly system: InvitationSystem
}

/** People come in because somebody who may do so invited them. Throws `TypeError` for wrong options. */
export function invitation<User extends BaseUser = BaseUser>(
  options: InvitationOptions<User> = {},
): Extension<User, InvitationVerbs<User>> {
  const settings = checkInvitationOptions(options)
  return {
    name: 'invitation',
    requires: ['mail'],
    migrations: [INVITATIONS.migration],
    setup(tools) {
      const table = tableOf<InvitationRow>(tools, INVITATIONS)
      const inviters = createInviters(tools, settings)
      const inviting = createInviting(tools, table, settings)
      const { accept, savingUser } = createAccepting(tools, table, inviters, settings)

      function systemOf(tenant: string): InvitationSystem {
        const { ctx, inviter } = inviters.trusted(tenant)
        return {
          of: systemOf,
          invite: input => inviting.invite(ctx, inviter, input),
          list: page => inviting.list(inviter, page),
          resend: id => inviting.resend(ctx, inviter, id),
          withdraw: id => inviting.withdraw(ctx, inviter, id),
        }
      }

      const verbs: InvitationVerbs<User> = {
        invite: async (ctx, input) => inviting.invite(ctx, await inviters.asking(ctx), input),
        list: async (ctx, page) => inviting.list(await inviters.asking(ctx), page),
        find: async (ctx, id) => inviting.find(await inviters.asking(ctx), id),
        resend: async (ctx, id) => inviting.resend(ctx, await inviters.asking(ctx), id),
        withdraw: async (ctx, id) => inviting.withdraw(ctx, await inviters.asking(ctx), id),
        accept,
        system: systemOf(''),
      }

      return {
        verbs,
        routes: invitationRoutes(verbs, tools),
        hooks: {
          savingUser,
          registering() {
            if (options.registration !== 'invited') return
            throw new Problem('invitation.required', { status: 403, message: 'Registration needs an invitation' })
          },
          // Whose address it was is gone, and so are those that nobody could see or send any more.
          async deletedUser({ ctx, user: { id } }) {
            const { sees } = inviters.trusted(ctx.tenant).inviter
            try {
              await table.delete({ where: { ...sees, user_id: id } })
              if (settings.inviters === 'authenticated') await table.delete({ where: { ...sees, invited_by: id } })
            } catch (error) {
              // The account is deleted, whatever becomes of these: they go when they are old.
              tools.onError(error, ctx.id)
            }
          },
        },
      }
    },
  }
}
