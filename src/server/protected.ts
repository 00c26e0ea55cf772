import type { Extension } from '../extensions/extension.js'
import { userOf } from '../http/session.js'

/** The guide's "your protected API endpoints here": a guarded route that says who is signed in. */
export function protectedRoute(): Extension {
  return {
    name: 'protected',
    setup: ({ users }) => ({
      routes: [
        {
          method: 'GET',
          path: '/protected',
          guard: 'authenticated',
          description: { summary: 'A guarded route to try', answers: 'Anything' },
          handle: async ctx => ({ email: (await userOf(ctx, users)).email }),
        },
      ],
    }),
  }
}
