import { sentToken, userInput } from '../../http/input.js'
import type { Route } from '../../http/route.js'
import type { ResetPassword } from './verbs.js'

export function resetRoutes(verbs: ResetPassword): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/reset-password',
      needsInput: true,
      description: { summary: 'Ask for a link that sets a new password', user: ['email'], refusals: [422] },
      async handle(ctx, input) {
        await verbs.request(ctx, userInput(input))
        return {}
      },
    },
    {
      method: 'PATCH',
      path: '/reset-password',
      needsInput: true,
      description: {
        summary: 'Set a new password with the token of a link; all sessions end',
        user: ['token', 'password', 'password_confirmation'],
        refusals: [422],
      },
      async handle(ctx, input) {
        await verbs.reset(ctx, { ...userInput(input), token: sentToken(input) })
        return {}
      },
    },
  ]
}
