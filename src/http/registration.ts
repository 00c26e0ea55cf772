import type { BaseUser } from '../users/user.js'
import { userInput } from './input.js'
import type { Route } from './route.js'
import type { Rooms } from './routes.js'
import { userView } from './view.js'

/** `/registration`: the guide's sign-up, and changing or closing the own account. */
export function registrationRoutes<User extends BaseUser>({
  accounts,
  sessions,
  users,
  identifiers,
}: Rooms<User>): readonly Route<User>[] {
  const own = (users.fields ?? []).map(name => `${name}?`)
  const remember = sessions.cookie ? ['remember_me?'] : []
  return [
    {
      method: 'POST',
      path: '/registration',
      needsInput: true,
      description: {
        summary: 'Register and sign in',
        user: [...identifiers, 'password', 'password_confirmation', ...own, ...remember],
        answers: 'Tokens',
        refusals: [422, 500],
      },
      async handle(ctx, input) {
        await accounts.create(ctx, userInput(input))
        return undefined
      },
    },
    {
      method: 'PATCH',
      path: '/registration',
      guard: 'authenticated',
      needsInput: true,
      description: {
        summary: `Change the own ${identifiers.join(', ')} or password; other sessions end`,
        user: [
          `current_password${own.length > 0 ? '?' : ''}`,
          ...identifiers.map(name => `${name}?`),
          'password?',
          'password_confirmation?',
          ...own,
        ],
        answers: 'Account',
        refusals: [422],
      },
      async handle(ctx, input) {
        return { user: userView(await accounts.update(ctx, userInput(input)), users) }
      },
    },
    {
      method: 'DELETE',
      path: '/registration',
      guard: 'authenticated',
      description: { summary: 'Close the own account; all sessions end', user: ['current_password'] },
      async handle(ctx, input) {
        // Without a `user` there is no password to prove: refused like a wrong one.
        await accounts.delete(ctx, userInput({ user: {}, ...input }))
        return {}
      },
    },
  ]
}
