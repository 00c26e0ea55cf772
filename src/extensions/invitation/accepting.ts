import { isRemembered, refuseForeign } from '../../accounts/authentication.js'
import type { Hooks } from '../../accounts/hooks.js'
import { Problem } from '../../base/problem.js'
import type { Context } from '../../sessions/context.js'
import type { Table } from '../../stores/table.js'
import { oneTimeHash } from '../../tokens/one-time.js'
import type { UserInput } from '../../users/fields.js'
import type { Account, BaseUser } from '../../users/user.js'
import type { ExtensionTools } from '../extension.js'
import type { InvitationSettings } from './invitation-options.js'
import { type InvitationRow, invitationOf, isOpen } from './invitation-row.js'
import { type Inviters, placeOf } from './inviters.js'

export interface Accepting<User extends BaseUser> {
  accept(ctx: Context<User>, token: unknown, input: UserInput): Promise<User>
  readonly savingUser: NonNullable<Hooks<User>['savingUser']>
}

/** One that is being accepted. */
interface Acceptance {
  readonly row: InvitationRow
  /** As it is while nobody else may accept it; null before. */
  claimed: InvitationRow | null
  /** The id that its account is to have. */
  userId: string | null
}

/** One for all: what is wrong with a token is nobody's business. */
const invalidToken = () =>
  new Problem('invitation.invalid_token', {
    status: 422,
    message: "Couldn't accept the invitation",
    errors: { token: ['is invalid or has expired'] },
  })

/** A refused account, in the words of this route. Its address is no field of it: that one is taken is a dead link. */
function refusalOf(error: unknown): unknown {
  if (!Problem.is(error, 'invalid_user')) return error
  const { errors = {}, message } = error
  return errors.email ? invalidToken() : new Problem('invitation.invalid_user', { status: 422, message, errors })
}

export function createAccepting<User extends BaseUser>(
  tools: ExtensionTools<User>,
  table: Table<InvitationRow>,
  inviters: Inviters<User>,
  { accepted }: InvitationSettings<User>,
): Accepting<User> {
  const { users, accounts, enrolment, sessions, run, rowsOf, emit, onError, now } = tools
  const acceptances = new WeakMap<Context, Acceptance>()

  async function openRow(ctx: Context<User>, token: unknown): Promise<InvitationRow> {
    const token_hash = oneTimeHash(token)
    const where = { token_hash: token_hash ?? '', place: placeOf(tools, ctx) }
    const [row] = token_hash === null ? [] : await table.find({ where })
    if (!row || !isOpen(row, now()) || !(await inviters.stand(ctx, row))) throw invalidToken()
    return row
  }

  /** Of fifty that accept, one goes on; so it is against a withdrawal, and against a new link. */
  async function claim(row: InvitationRow): Promise<InvitationRow> {
    const { id, token_hash, claimed_at } = row
    const time = now()
    const where = { id, token_hash, claimed_at, accepted_at: null }
    const [claimed] = await table.update({ where, from: { expires_at: time + 1 } }, { claimed_at: time })
    if (!claimed) throw invalidToken()
    return claimed
  }

  /** Lets the link work again. Where that cannot be written either, it works once the claim is over. */
  async function giveBack({ claimed }: Acceptance): Promise<void> {
    if (!claimed) return
    const { id, claimed_at } = claimed
    await table.update({ where: { id, claimed_at, accepted_at: null } }, { claimed_at: null })
  }

  /** Removes an account that nobody was told of. */
  async function takeBack(ctx: Context<User>, { user, passwordHash }: Account<User>): Promise<void> {
    const rows = rowsOf('deletingUser', { ctx, user })
    if (!(await users.delete(user.id, passwordHash, ctx.tenant, rows))) return
    await sessions.own?.endAll(ctx, user)
    await emit(ctx, 'account.deleted', { userId: user.id })
    await run('deletedUser', { ctx, user })
  }

  /** Everything as before, as far as the store can be reached: the first error is the one to tell. */
  async function undo(ctx: Context<User>, acceptance: Acceptance, account: Account<User> | null): Promise<void> {
    try {
      // It may have been written though its answer was lost. Only by its own id: the address may be somebody else's now.
      const found = account ?? (acceptance.claimed && (await users.findByIdentifier(acceptance.row.email, ctx.tenant)))
      if (found && (account || found.user.id === acceptance.userId)) await takeBack(ctx, found)
      await giveBack(acceptance)
    } catch (error) {
      onError(error, ctx.id)
    }
  }

  async function makeAccount(ctx: Context<User>, acceptance: Acceptance, input: UserInput): Promise<Account<User>> {
    const { email, role } = acceptance.row
    acceptances.set(ctx, acceptance)
    try {
      // Empty is what nobody may leave it.
      const sent = { ...input, password: input.password ?? '' }
      return await enrolment.add(ctx, sent, { email, ...(role !== null && { role }) })
    } catch (error) {
      await undo(ctx, acceptance, null)
      throw refusalOf(error)
    } finally {
      acceptances.delete(ctx)
    }
  }

  /** Does what goes with a new account. Where that fails, there is none. */
  async function settle(ctx: Context<User>, acceptance: Acceptance, account: Account<User>): Promise<void> {
    const { row } = acceptance
    const { user } = account
    const change = { accepted_at: now(), user_id: user.id, open_for: null }
    try {
      if (row.role !== null && user.role !== row.role) {
        throw new TypeError('these `users` keep no `role`: give the user object one, from a column of its own')
      }
      await run('emailProven', { ctx, user })
      await accepted(ctx, user, invitationOf({ ...row, ...change }, now()))
      await emit(ctx, 'invitation.accepted', { userId: user.id, detail: row.id })
    } catch (error) {
      await undo(ctx, acceptance, account)
      throw error
    }
    try {
      await table.update({ where: { id: row.id, accepted_at: null } }, change)
    } catch (error) {
      // The account is there, and so its link is dead: this is what a list shows.
      onError(error, ctx.id)
    }
  }

  return {
    async accept(ctx, token, input) {
      refuseForeign(ctx)
      const acceptance: Acceptance = { row: await openRow(ctx, token), claimed: null, userId: null }
      const account = await makeAccount(ctx, acceptance, input)
      await settle(ctx, acceptance, account)
      return accounts.signIn(ctx, account.user, { methods: ['pwd'], remember: isRemembered(input) })
    },

    /** Between the rules and the account: what is refused by them uses nothing up. */
    async savingUser({ ctx, user, values }) {
      const acceptance = acceptances.get(ctx)
      if (!acceptance || user !== null || acceptance.claimed) return
      acceptance.claimed = await claim(acceptance.row)
      acceptance.userId = 'id' in values ? values.id : null
    },
  }
}
