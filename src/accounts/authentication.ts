import { Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'
import { IDENTIFIERS, type Identifier, type UserInput } from '../users/fields.js'
import { normalizePassword } from '../users/password.js'
import type { Account, BaseUser } from '../users/user.js'
import type { Accounts, AccountsParts } from './accounts.js'
import type { Attempt } from './hooks.js'
import type { SignInDoor } from './sign-in.js'

/**
 * Compares a password with an account's, at the same cost for no account. Replaces an outdated hash on success.
 * The account as it is stored now, so that a later change can expect the very hash that was compared; null for a mismatch.
 */
export type VerifyPassword<User extends BaseUser> = (
  ctx: Context<User>,
  account: Account<User> | null,
  password: string | null,
) => Promise<Account<User> | null>

/** Text, or null where nothing was sent. Anything else is a malformed request, whoever it is about. */
export function textField(input: UserInput, name: string): string | null {
  const value = input[name]
  if (value === undefined || value === null) return null
  if (typeof value !== 'string') throw new Problem('invalid_body', { message: `\`user[${name}]\` must be text` })
  return value
}

/** Throws for a request that another site's page sent in a browser: before a password is looked at, or a user made. */
export function refuseForeign({ failure }: Context): void {
  if (Problem.is(failure, 'origin_rejected')) throw failure
}

/** True where the person asked to be remembered, as JSON or as a form's checkbox says it. */
export function isRemembered({ remember_me: sent }: UserInput): boolean {
  return sent === true || sent === 'true' || sent === 'on' || sent === '1'
}

/** Who is meant. Where people are known by either, each is taken under either name. */
function identifierIn(input: UserInput, identifiers: readonly Identifier[]) {
  const texts = identifiers.map(name => textField(input, name))
  // A form sends the field that was left empty as well.
  const sent = texts.find(text => text) ?? ''
  const name: Identifier =
    identifiers.length > 1 ? (sent.includes('@') ? 'email' : 'username') : (identifiers[0] as Identifier)
  const { normalize, isRight } = IDENTIFIERS[name]
  const identifier = normalize(sent)
  return { identifier, isRight: isRight(identifier) }
}

export function authentication<User extends BaseUser>(
  { users, hasher, identifiers, run, emit }: AccountsParts<User>,
  door: SignInDoor<User>,
): { verify: VerifyPassword<User>; authenticate: Accounts<User>['authenticate'] } {
  async function rehash(ctx: Context<User>, account: Account<User>, password: string): Promise<Account<User>> {
    try {
      const passwordHash = await hasher.hash(password)
      // Only in place of the hash that was compared: a password changed meanwhile stays changed.
      const change = { passwordHash, updatedAt: account.user.updatedAt }
      const stored = await users.update(account.user.id, change, account.passwordHash, ctx.tenant)
      // With the epoch at which the password was proven: one that was raised meanwhile must still be met.
      return stored ? { ...stored, credentialEpoch: account.credentialEpoch } : account
    } catch (error) {
      // The old hash still proves the password: a better one is no part of this decision.
      emit(ctx, 'password.outdated', { userId: account.user.id, detail: Problem.is(error) ? error.code : 'failed' })
      return account
    }
  }

  const verify: VerifyPassword<User> = async (ctx, account, sent) => {
    const password = normalizePassword(sent ?? '')
    const hash = account?.passwordHash ?? null
    let verdict = await hasher.verify(password ?? '', hash)
    // Pow hashed what was typed, in whatever form it came.
    if (!verdict.matches && verdict.outdated && sent !== null && password !== null && sent !== password) {
      verdict = await hasher.verify(sent, hash)
    }
    if (verdict.unreadable && account) emit(ctx, 'password.unreadable', { userId: account.user.id })
    if (!verdict.matches || !account || password === null || sent === null) return null
    return verdict.outdated ? rehash(ctx, account, password) : account
  }

  /** The one way a try ends that proved nothing, whoever it was about. */
  async function refuse(attempt: Attempt<User>, isRight: boolean): Promise<never> {
    const { ctx, identifier, user } = attempt
    // Only an address, or a name somebody has, is told: people type passwords into the wrong field.
    const told = isRight && (user || identifier.includes('@')) && { identifier }
    await emit(ctx, 'sign_in.failed', { ...told, ...(user && { userId: user.id }) })
    await run('authenticationFailed', attempt)
    throw new Problem('invalid_credentials', { message: `Invalid ${identifiers.join(' or ')} or password` })
  }

  return {
    verify,
    async authenticate(ctx, input) {
      refuseForeign(ctx)
      const { identifier, isRight } = identifierIn(input, identifiers)
      const password = textField(input, 'password')
      const account = isRight ? await users.findByIdentifier(identifier, ctx.tenant) : null
      const attempt = { ctx, identifier, user: account?.user ?? null, purpose: 'sign_in' } as const
      const answer = await run('authenticating', attempt)
      const proven = await verify(ctx, answer === 'mismatch' ? null : account, password)
      if (!proven) return refuse(attempt, isRight)
      const signed = await door(ctx, proven, { methods: ['pwd'], remember: isRemembered(input) }).catch(async error => {
        // A hook that will not say that the password was right: then nothing else may tell it either.
        if (Problem.is(error, 'invalid_credentials')) return refuse(attempt, isRight)
        await run('passwordProven', attempt)
        throw error
      })
      await run('passwordProven', attempt)
      return signed
    },
  }
}
