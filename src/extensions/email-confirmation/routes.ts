import { sentToken, userInput } from '../../http/input.js'
import type { Route } from '../../http/route.js'
import type { EmailConfirmation } from './verbs.js'

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())

export function confirmationRoutes(verbs: EmailConfirmation): readonly Route[] {
  return [
    {
      // By POST alone: what follows the links in a mail sends GET, and must not use them up.
      method: 'POST',
      path: '/email-confirmation',
      needsInput: true,
      description: { summary: 'Confirm an address with the token of a link', user: ['token'], refusals: [422] },
      async handle(ctx, input) {
        await verbs.confirm(ctx, sentToken(input))
        return {}
      },
    },
    {
      method: 'POST',
      path: '/email-confirmation/resend',
      description: {
        summary: 'Send a new link to an address, or without one to who is signed in',
        user: ['email?'],
        refusals: [401, 422],
      },
      async handle(ctx, input) {
        await verbs.resend(ctx, userInput({ user: {}, ...input }))
        return {}
      },
    },
    {
      method: 'GET',
      path: '/email-confirmation/status',
      guard: 'authenticated',
      description: {
        summary: 'Whether the own address is confirmed, and which one was asked for',
        answers: 'Anything',
      },
      async handle(ctx) {
        const { confirmed, email, pendingEmail, confirmBy } = await verbs.status(ctx)
        return { confirmed, email, pending_email: pendingEmail, confirm_by: iso(confirmBy) }
      },
    },
    {
      method: 'DELETE',
      path: '/email-confirmation/pending',
      guard: 'authenticated',
      description: { summary: 'Forget the address that was asked for' },
      async handle(ctx) {
        await verbs.cancel(ctx)
        return {}
      },
    },
  ]
}
