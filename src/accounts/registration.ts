import { Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'
import { retryKey } from '../sessions/retry-key.js'
import { keyedHash } from '../tokens/digest.js'
import { newId } from '../tokens/random.js'
import { readFields } from '../users/fields.js'
import type { Account, BaseUser } from '../users/user.js'
import type { Accounts, AccountsParts } from './accounts.js'
import type { SignInDoor } from './sign-in.js'

export function registration<User extends BaseUser>(
  { users, values, hasher, passwordRules, retryMs, run, emit, now }: AccountsParts<User>,
  door: SignInDoor<User>,
  authenticate: Accounts<User>['authenticate'],
): Accounts<User>['create'] {
  async function insert(ctx: Context<User>, email: string, passwordHash: string): Promise<Account<User>> {
    const values = { id: newId(), email, passwordHash, createdAt: now() }
    await run('savingUser', { ctx, user: null, values })
    const account = await users.insert(values)
    emit(ctx, 'account.created', { userId: account.user.id })
    await run('savedUser', { ctx, before: null, user: account.user })
    return account
  }

  /** Remembers that this `Idempotency-Key` registers this address; true when it had before. */
  async function isRetry(ctx: Context<User>, email: string): Promise<boolean> {
    const key = retryKey(ctx)
    if (key === null) return false
    // Before the row is written: a crash in between must not turn the retry into "already taken".
    return (await values.increment(`registration:${keyedHash(key, email)}`, retryMs)) > 1
  }

  return async (ctx, input) => {
    const fields = readFields(input, passwordRules)
    const email = fields.email()
    const password = fields.password()
    const errors = fields.errors()
    if (errors || email === null || password === null) throw new Problem('invalid_user', { errors: errors ?? {} })

    // Hashed first: the queue refuses before anything is written.
    const passwordHash = await hasher.hash(password)
    const retried = await isRetry(ctx, email)
    const account = await insert(ctx, email, passwordHash).catch(error => {
      if (Problem.is(error, 'email_taken')) return null
      throw error
    })
    if (account) return door(ctx, account, { methods: ['pwd'] })
    const taken = new Problem('invalid_user', { errors: { email: ['has already been taken'] } })
    if (!retried) throw taken
    // The first answer was lost on the way. Whoever knows the password gets a fresh pair, as at sign-in.
    return authenticate(ctx, { email, password }).catch(reason => {
      throw Problem.is(reason, 'invalid_credentials') ? taken : reason
    })
  }
}
