import { Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'
import type { SignInFacts } from '../sessions/sessions.js'
import type { Account, BaseUser } from '../users/user.js'
import type { AccountsParts } from './accounts.js'

export type SignInDoor<User extends BaseUser> = (
  ctx: Context<User>,
  account: Account<User>,
  facts: SignInFacts,
) => Promise<User>

/**
 * The one door: every session in the system is made here, after every `signingIn` hook agreed.
 * Nobody creates a session in order to take it back.
 */
export function signInDoor<User extends BaseUser>({ sessions, run, emit }: AccountsParts<User>): SignInDoor<User> {
  return async (ctx, account, facts) => {
    const signIn = { ctx, user: account.user, ...facts }
    try {
      if ((account.user.suspendedAt ?? null) !== null) throw new Problem('suspended')
      await run('signingIn', signIn)
    } catch (refusal) {
      const detail = Problem.is(refusal) ? refusal.code : 'failed'
      // One that hides that a password was right is told as a wrong one.
      if (detail !== 'invalid_credentials') await emit(ctx, 'sign_in.refused', { userId: account.user.id, detail })
      throw refusal
    }
    await sessions.create(ctx, account, facts)
    await run('signedIn', signIn)
    return account.user
  }
}
