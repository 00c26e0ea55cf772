import { Problem } from '../../base/problem.js'
import type { Context } from '../../sessions/context.js'
import { isWithin } from '../../stores/budget.js'
import { keyedHash } from '../../tokens/digest.js'
import { readEmail } from '../../users/email.js'
import type { UserInput } from '../../users/fields.js'
import type { Account, BaseUser } from '../../users/user.js'
import { writeRows } from '../beside.js'
import type { ExtensionTools } from '../extension.js'
import { oneTimeTokens } from '../one-time.js'

/** What your own controllers and jobs call. */
export interface ResetPassword {
  /**
   * Mails a link to whoever has `email`. Says nothing about whether somebody has, and takes as long.
   * Throws `reset_password.invalid_email`.
   */
  request(ctx: Context, input: UserInput): Promise<void>
  /**
   * Sets a new `password`, given with its `password_confirmation` and the `token` of a link. All sessions end, and nobody
   * is signed in. Throws `invalid_change` with `errors`, which leaves the link as good as it was, and
   * `reset_password.invalid_token`.
   */
  reset(ctx: Context, input: UserInput): Promise<BaseUser>
}

/** Whose password a link sets, as they were when it was sent. */
type Reset = {
  /** Empty for nobody. */
  readonly user: string
  readonly email: string
  /**
   * The credential epoch, and a hash of the hash of the password: with another password both are others, and all links are
   * over. One of them may change: whoever holds a session can raise the epoch, and must not void the very link that throws
   * them out; a sign-in may replace the hash of a password that stays.
   */
  readonly epoch: number
  readonly password: string
  readonly expiresAt: number
}

const MINUTE = 60_000
/** Messages an address gets in a window. The window is shorter than a link lives, so that who waits for one has one. */
const MOST = 3
const WINDOW_MS = 15 * MINUTE
const MOST_ATTEMPTS = 3

function invalidToken(): Problem {
  const errors = { token: ['is invalid or has expired'] }
  return new Problem('reset_password.invalid_token', { status: 422, message: 'Invalid token', errors })
}

function emailOf({ email: sent }: UserInput): string {
  const email = readEmail(sent)
  if (email !== null) return email
  const isBlank = sent === undefined || sent === null || sent === ''
  const errors = { email: [isBlank ? "can't be blank" : 'has invalid format'] }
  throw new Problem('reset_password.invalid_email', { status: 422, message: "Couldn't send a link", errors })
}

export function resetVerbs(tools: ExtensionTools, ttlMs: number): ResetPassword {
  const { users, enrolment, values, run, rowsOf, emit, now } = tools
  const [key] = tools.keys('reset_password') as [Uint8Array]
  const tokens = oneTimeTokens<Reset>(values, 'reset_password', ttlMs)
  /** For nobody. They cost what a link costs, and are not kept as long. */
  const decoys = oneTimeTokens<Reset>(values, 'reset_password', MINUTE)
  const windowMs = Math.min(WINDOW_MS, ttlMs)

  const passwordOf = (account: Account | null) => keyedHash(key, `password\n${account?.passwordHash ?? ''}`)

  /** Whose link it is, while they are as they were when it was sent. Throws for everybody else. */
  async function accountOf(ctx: Context, link: Reset | null): Promise<Account> {
    const account = link && link.user !== '' ? await users.findById(link.user, ctx.tenant) : null
    const isSamePassword = account?.credentialEpoch === link?.epoch || passwordOf(account) === link?.password
    const isSame = account?.user.email === link?.email && isSamePassword
    if (!link || !account || !isSame || now() >= link.expiresAt) throw invalidToken()
    return account
  }

  async function change(ctx: Context, link: Reset, passwordHash: string): Promise<Account> {
    // A sign-in may replace a hash meanwhile: then it is the same password still, and the same link.
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const saved = await enrolment.change(ctx, await accountOf(ctx, link), { passwordHash })
      if (saved) return saved
    }
    throw new Problem('unavailable')
  }

  return {
    async request(ctx, input) {
      const email = emailOf(input)
      await run('asking', { ctx, kind: 'reset_password' })
      const account = await users.findByIdentifier(email, ctx.tenant)
      const place = `reset_password:${keyedHash(key, `${ctx.tenant}\n${email}`)}`
      const may = await isWithin(values, place, [{ most: MOST, windowMs }])
      const told = may ? account : null
      const expiresAt = now() + ttlMs
      const token = await (told ? tokens : decoys).issue(ctx.tenant, {
        user: told?.user.id ?? '',
        email: told?.user.email ?? '',
        epoch: told?.credentialEpoch ?? 0,
        password: passwordOf(told),
        expiresAt,
      })
      // To the address that is stored, whatever was typed.
      const user = told?.user ?? null
      const letter = { ctx, kind: 'reset_password', to: user?.email || null, user, facts: { token }, expiresAt }
      await writeRows(tools, rowsOf('noticing', letter))
      await emit(ctx, 'reset_password.requested', account ? { userId: account.user.id } : {})
    },

    async reset(ctx, input) {
      const { token } = input
      // A wrong password burns no link, and a wrong link costs no hash.
      const { user } = await accountOf(ctx, await tokens.look(ctx.tenant, token))
      const passwordHash = await enrolment.hashNew(ctx, user, input)
      const link = await tokens.take(ctx.tenant, token)
      if (!link) throw invalidToken()
      // Whoever sits at this browser is signed out with all others.
      ctx.user = null
      ctx.session = null
      try {
        const saved = await change(ctx, link, passwordHash)
        await run('emailProven', { ctx, user: saved.user })
        await emit(ctx, 'reset_password.done', { userId: saved.user.id })
        return saved.user
      } catch (error) {
        // What could not be done now can be done later. Once it is done the link is dead in any case: by the password.
        await tokens.giveBack(ctx.tenant, token as string, link).catch(() => {})
        throw error
      }
    },
  }
}
