import type { Extension } from '../extensions/extension.js'

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
          async handle(ctx) {
            const user = ctx.user ?? (ctx.session && (await users.findById(ctx.session.userId))?.user)
            return { email: user?.email ?? null }
          },
        },
      ],
    }),
  }
}
