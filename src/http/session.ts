import { Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser, UserRepository } from '../users/user.js'
import { userInput } from './input.js'
import type { Route } from './route.js'
import type { Rooms } from './routes.js'
import { sessionView, userView } from './view.js'

/** The request's user, read now where the check read the session alone. */
export async function userOf<User extends BaseUser>(ctx: Context<User>, users: UserRepository<User>): Promise<User> {
  const user = ctx.user ?? (ctx.session && (await users.findById(ctx.session.userId, ctx.tenant))?.user)
  if (!user) throw new Problem('not_authenticated')
  return user
}

/** `/session`: the guide's sign-in, renewal and sign-out, who is signed in, and proving it again. */
export function sessionRoutes<User extends BaseUser>({
  accounts,
  sessions,
  users,
  identifiers,
}: Rooms<User>): readonly Route<User>[] {
  const names = identifiers.length > 1 ? identifiers.map(name => `${name}?`) : identifiers
  const remember = sessions.cookie ? ['remember_me?'] : []
  const routes: Route<User>[] = [
    {
      method: 'POST',
      path: '/session',
      needsInput: true,
      description: {
        summary: 'Sign in',
        user: [...names, 'password', ...remember],
        answers: 'Tokens',
        refusals: [401, 403],
      },
      async handle(ctx, input) {
        await accounts.authenticate(ctx, userInput(input, { nullable: true }))
        return undefined
      },
    },
    {
      method: 'POST',
      path: '/session/renew',
      description: { summary: 'Exchange a renewal token for a new pair', answers: 'Tokens', token: 'renewal' },
      async handle(ctx) {
        const user = await sessions.renew(ctx)
        if (!user) throw new Problem('invalid_token', ctx.refusal === 'reused' ? { reason: 'session_reused' } : {})
        return undefined
      },
    },
    {
      method: 'DELETE',
      path: '/session',
      description: { summary: 'Sign out', token: 'either' },
      async handle(ctx) {
        await sessions.delete(ctx)
        return {}
      },
    },
    {
      method: 'GET',
      path: '/session',
      guard: 'authenticated',
      description: { summary: 'Who is signed in, and with which session', answers: 'Profile' },
      async handle(ctx) {
        const user = userView(await userOf(ctx, users), users)
        return ctx.session ? { user, session: sessionView(ctx.session, ctx.session) } : { user }
      },
    },
  ]
  if (!sessions.own) return routes
  return [
    ...routes,
    {
      method: 'POST',
      path: '/session/reauthenticate',
      guard: 'authenticated',
      needsInput: true,
      description: { summary: 'Prove the password again', user: ['password'], answers: 'Profile' },
      async handle(ctx, input) {
        await accounts.reauthenticate(ctx, userInput(input))
        const user = userView(await userOf(ctx, users), users)
        return ctx.session ? { user, session: sessionView(ctx.session, ctx.session) } : { user }
      },
    },
  ]
}
