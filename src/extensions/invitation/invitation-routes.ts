import type { Json } from '../../base/json.js'
import type { Exchange } from '../../http/exchange.js'
import type { Input } from '../../http/form.js'
import { userInput } from '../../http/input.js'
import type { Route } from '../../http/route.js'
import type { BaseUser } from '../../users/user.js'
import type { ExtensionTools } from '../extension.js'
import type { InvitationVerbs } from './invitation.js'
import type { Invitation } from './invitation-row.js'
import type { InvitationPage } from './inviting.js'

const iso = (ms: number): string => new Date(ms).toISOString()

/** What an inviter is shown. */
function invitationView(invitation: Invitation): Json {
  const { id, email, role, data, status, invitedBy, createdAt, sentAt, expiresAt, acceptedAt } = invitation
  return {
    id,
    email,
    role,
    data,
    status,
    invited_by: invitedBy,
    created_at: iso(createdAt),
    sent_at: iso(sentAt),
    expires_at: iso(expiresAt),
    accepted_at: acceptedAt === null ? null : iso(acceptedAt),
  }
}

function pageOf({ target }: Exchange): InvitationPage {
  const query = new URLSearchParams(target.includes('?') ? target.slice(target.indexOf('?')) : '')
  const before = query.get('before')
  const limit = query.get('limit')
  return {
    ...(before !== null && { before }),
    ...(limit !== null && { limit: /^\d+$/.test(limit) ? Number(limit) : 0 }),
  }
}

/** The token may stand beside the `user` or in it. */
function tokenIn(input: Input, user: Input): unknown {
  return (Object.hasOwn(input, 'token') ? input.token : undefined) ?? user.token
}

/** `/invitations`. Who may do what is the verbs' to say. */
export function invitationRoutes<User extends BaseUser>(
  verbs: InvitationVerbs<User>,
  { users, sessions, identifiers }: ExtensionTools<User>,
): readonly Route<User>[] {
  const own = [...(users.fields ?? []).map(name => `${name}?`), ...(sessions.cookie ? ['remember_me?'] : [])]
  const names = identifiers.filter(name => name !== 'email')
  return [
    {
      method: 'POST',
      path: '/invitations',
      guard: 'authenticated',
      needsInput: true,
      description: {
        summary: 'Invite an address',
        user: ['email', 'role?', 'data?'],
        answers: 'Anything',
        refusals: [403, 422, 429],
      },
      async handle(ctx, input) {
        const { email, role, data } = userInput(input)
        const beside = Object.hasOwn(input, 'data') ? input.data : undefined
        return { invitation: invitationView(await verbs.invite(ctx, { email, role, data: data ?? beside })) }
      },
    },
    {
      method: 'GET',
      path: '/invitations',
      guard: 'authenticated',
      description: {
        summary: 'List invitations, the newest first; `before` and `limit` of the query say which',
        answers: 'Anything',
        refusals: [400, 403],
      },
      async handle(ctx) {
        const { invitations, next } = await verbs.list(ctx, pageOf(ctx.request))
        return { invitations: invitations.map(invitationView), next }
      },
    },
    {
      method: 'GET',
      path: '/invitations/:id',
      guard: 'authenticated',
      description: { summary: 'Show an invitation', answers: 'Anything', refusals: [403, 404] },
      handle: async ctx => ({ invitation: invitationView(await verbs.find(ctx, ctx.params.id ?? '')) }),
    },
    {
      method: 'DELETE',
      path: '/invitations/:id',
      guard: 'authenticated',
      description: { summary: 'Withdraw an invitation; its link dies', refusals: [403, 404] },
      async handle(ctx) {
        await verbs.withdraw(ctx, ctx.params.id ?? '')
        return {}
      },
    },
    {
      method: 'POST',
      path: '/invitations/:id/resend',
      guard: 'authenticated',
      description: {
        summary: 'Mail a new link; the old one dies',
        answers: 'Anything',
        refusals: [403, 404, 429],
      },
      handle: async ctx => ({ invitation: invitationView(await verbs.resend(ctx, ctx.params.id ?? '')) }),
    },
    {
      method: 'POST',
      path: '/invitations/accept',
      needsInput: true,
      description: {
        summary: 'Make an account of an invitation and sign in',
        user: ['token', ...names, 'password', 'password_confirmation', ...own],
        answers: 'Tokens',
        refusals: [403, 422],
      },
      async handle(ctx, input) {
        const user = userInput(input)
        await verbs.accept(ctx, tokenIn(input, user), user)
        return undefined
      },
    },
  ]
}
