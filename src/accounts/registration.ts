import { Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'
import { retryKey } from '../sessions/retry-key.js'
import { keyedHash } from '../tokens/digest.js'
import { newId } from '../tokens/random.js'
import type { Account, BaseUser, NewAccount } from '../users/user.js'
import type { Accounts, AccountsParts } from './accounts.js'
import { isRemembered, refuseForeign } from './authentication.js'
import { readDetails, takenErrors } from './details.js'
import type { SignInDoor } from './sign-in.js'

/** Writes a new user, between the hooks of that moment. */
export type InsertUser<User extends BaseUser> = (
  ctx: Context<User>,
  values: Omit<NewAccount, 'id' | 'createdAt' | 'tenant'>,
) => Promise<Account<User>>

export function userInserter<User extends BaseUser>({ users, run, emit, now }: AccountsParts<User>): InsertUser<User> {
  return async (ctx, given) => {
    const values = { ...given, id: newId(), createdAt: now(), ...(ctx.tenant && { tenant: ctx.tenant }) }
    const saving = { ctx, user: null, values, detail: 'account.created' }
    await run('savingUser', saving)
    const account = await users.insert(saving.values)
    await emit(ctx, 'account.created', { userId: account.user.id })
    await run('savedUser', { ctx, before: null, user: account.user })
    return account
  }
}

/** Null for the wrong password; another refusal is thrown on. */
function unlessInvalid(reason: unknown): null {
  if (Problem.is(reason, 'invalid_credentials')) return null
  throw reason
}

export function registration<User extends BaseUser>(
  parts: AccountsParts<User>,
  insert: InsertUser<User>,
  door: SignInDoor<User>,
  authenticate: Accounts<User>['authenticate'],
): Accounts<User>['create'] {
  const { values, hasher, retryMs, run } = parts

  /** Remembers that this `Idempotency-Key` registers this person; true when it had before. */
  async function isRetry(ctx: Context<User>, name: string): Promise<boolean> {
    const key = retryKey(ctx)
    if (key === null) return false
    // Before the row is written: a crash in between must not turn the retry into "already taken".
    const place = ctx.tenant === '' ? name : `${ctx.tenant}\n${name}`
    return (await values.increment(`registration:${keyedHash(key, place)}`, retryMs)) > 1
  }

  return async (ctx, input) => {
    refuseForeign(ctx)
    await run('registering', { ctx })
    const { details, reader } = await readDetails(parts, ctx, input, null, () => true)
    const errors = reader.errors()
    const { email, username, password, fields } = details
    const name = email ?? username
    if (errors || name === undefined || password === null) throw new Problem('invalid_user', { errors: errors ?? {} })

    // Hashed first: the queue refuses before anything is written.
    const passwordHash = await hasher.hash(password)
    const retried = await isRetry(ctx, name)
    let taken: Problem | null = null
    const given = { email: email ?? null, ...(username && { username }), ...(fields && { fields }), passwordHash }
    const account = await insert(ctx, given).catch(error => {
      const errors = takenErrors(error)
      if (!errors) throw error
      taken = new Problem('invalid_user', { errors })
      return null
    })
    if (account) {
      if ((await run('registered', { ctx, user: account.user })) === 'signed_out') return null
      return door(ctx, account, { methods: ['pwd'], remember: isRemembered(input) })
    }
    // The first answer was lost on the way. Whoever knows the password gets a fresh pair, as at sign-in.
    const again = retried && (await authenticate(ctx, { ...input, email, username, password }).catch(unlessInvalid))
    if (again) return again
    const known = { email: email ?? null, username: username ?? null }
    if ((await run('registrationTaken', { ctx, ...known })) === 'hidden') return null
    throw taken
  }
}
