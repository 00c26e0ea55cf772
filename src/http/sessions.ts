import { Problem } from '../base/problem.js'
import { isUuid } from '../base/uuid.js'
import type { BaseUser } from '../users/user.js'
import { flag } from './input.js'
import type { Route } from './route.js'
import type { Rooms } from './routes.js'
import { userOf } from './session.js'
import { sessionView } from './view.js'

/** `/sessions`: a person's own sessions. Not mounted where sessions cannot be listed. */
export function ownSessionsRoutes<User extends BaseUser>(rooms: Rooms<User>): readonly Route<User>[] {
  const { accounts, users } = rooms
  const { own } = rooms.sessions
  if (!own) return []
  return [
    {
      method: 'GET',
      path: '/sessions',
      guard: 'authenticated',
      description: { summary: 'List own sessions', answers: 'SessionList' },
      async handle(ctx) {
        const listed = await own.list(await userOf(ctx, users))
        return { sessions: listed.map(session => sessionView(session, ctx.session)) }
      },
    },
    {
      method: 'DELETE',
      path: '/sessions',
      guard: 'authenticated',
      description: {
        summary: 'End all other sessions; with `include_current`, this one as well',
        flags: ['include_current'],
      },
      async handle(ctx, input) {
        await accounts.endSessions(ctx, { exceptCurrent: !flag(input, 'include_current') })
        return {}
      },
    },
    {
      method: 'DELETE',
      path: '/sessions/:id',
      guard: 'authenticated',
      description: { summary: 'End one of your own sessions', refusals: [404] },
      async handle(ctx) {
        const id = ctx.params.id ?? ''
        if (!isUuid(id) || !(await own.end(ctx, id))) throw new Problem('not_found')
        return {}
      },
    },
  ]
}
