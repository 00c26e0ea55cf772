import { Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'
import type { Sessions, SignInFacts } from '../sessions/sessions.js'
import type { Account, BaseUser } from '../users/user.js'
import type { Moments } from './hooks.js'

export type SignInDoor<User extends BaseUser> = (
  ctx: Context<User>,
  account: Account<User>,
  facts: SignInFacts,
) => Promise<User>

/**
 * The one door: every session in the system is made here, after every `signingIn` hook agreed.
 * Nobody creates a session in order to take it back.
 */
export function signInDoor<User extends BaseUser>(
  sessions: Sessions<User>,
  run: Moments<User>['run'],
): SignInDoor<User> {
  return async (ctx, account, facts) => {
    if ((account.user.suspendedAt ?? null) !== null) throw new Problem('suspended')
    const signIn = { ctx, user: account.user, ...facts }
    await run('signingIn', signIn)
    await sessions.create(ctx, account, facts)
    await run('signedIn', signIn)
    return account.user
  }
}
