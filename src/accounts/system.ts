import type { Awaitable } from '../base/awaitable.js'
import { Problem } from '../base/problem.js'
import { Context, type IssuedTokens } from '../sessions/context.js'
import type { OwnSessions, SignInFacts } from '../sessions/sessions.js'
import type { Session } from '../stores/session-store.js'
import { IDENTIFIERS, type UserInput } from '../users/fields.js'
import type { Account, AccountChange, BaseUser } from '../users/user.js'
import type { AccountsParts } from './accounts.js'
import type { Changes } from './changes.js'
import { readDetails } from './details.js'
import type { Enrolment } from './enrolment.js'
import type { SignInDoor } from './sign-in.js'

/** What trusted code says of a new user. */
export type NewUser = UserInput & {
  /** Left out for somebody who has none yet, or who signs in some other way. */
  readonly password?: string
  readonly role?: string
}

/**
 * What jobs, command lines and admin code do: without a request, and by the same rules, hooks and events.
 * A verb throws `not_found` for a user there is not. Nothing here asks who is calling: your code did.
 */
export interface System<out User extends BaseUser = BaseUser> {
  /** The same for the users of a tenant. Needed where there are tenants. */
  of(tenant: string): System<User>
  /** The same, done by whom you name: an admin's id, `'job:cleanup'`. For extensions that write down who did it. */
  as(actor: string): System<User>
  findUser(id: string): Promise<User | null>
  /** By address or username, in any spelling. */
  findUserBy(identifier: string): Promise<User | null>
  /** Makes a user, and signs nobody in. Throws `invalid_user` with `errors`. */
  createUser(user: NewUser): Promise<User>
  /** Changes the app's own fields. Throws `invalid_change` with `errors`. */
  updateUser(id: string, fields: UserInput): Promise<User>
  /** The next request of every session has it. */
  setRole(id: string, role: string): Promise<User>
  /** Ends all sessions. Throws `invalid_change` with `errors`. */
  setPassword(id: string, password: string): Promise<User>
  /** Ends all sessions, and lets nobody in until `unsuspend`. */
  suspend(id: string): Promise<User>
  unsuspend(id: string): Promise<User>
  /** All sessions end. */
  deleteUser(id: string): Promise<void>
  /** Signs a user in whose identity is proven: the tokens of a new session. Throws what a `signingIn` hook throws. */
  signIn(id: string, facts: SignInFacts): Promise<IssuedTokens>
  /** Live sessions, oldest first. */
  sessionsOf(id: string): Promise<readonly Session[]>
  /** False when there is no such session of the user. */
  endSession(id: string, sessionId: string): Promise<boolean>
  /** Ends all sessions of a user, and sign-ins under way. */
  endSessions(id: string): Promise<void>
}

/** No request was the occasion. */
const NOBODY = { id: '', method: '', header: () => null, address: null }

/** An attempt is lost to another that was applied, so this many changes at once are all done. */
const MOST_ATTEMPTS = 100

export function createSystem<User extends BaseUser>(
  parts: AccountsParts<User>,
  changes: Changes<User>,
  enrolment: Enrolment<User>,
  door: SignInDoor<User>,
  tenant = '',
  actor: string | null = null,
): System<User> {
  const { users, sessions, run, rowsOf, emit, now } = parts

  function contextOf(): Context<User> {
    const ctx = new Context<User>(NOBODY)
    ctx.tenant = tenant
    ctx.actor = actor
    return ctx
  }

  async function accountOf(id: string): Promise<Account<User>> {
    const account = await users.findById(id, tenant)
    if (!account) throw new Problem('not_found', { message: 'There is no such user' })
    return account
  }

  function own(): OwnSessions<User> {
    if (!sessions.own) throw new TypeError('these `sessions` cannot list or end others: give them `own`')
    return sessions.own
  }

  /** Tries again where a hash is replaced meanwhile, as sign-in may do. */
  async function untilApplied<Result>(
    id: string,
    apply: (account: Account<User>) => Awaitable<Result | null>,
  ): Promise<Result> {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const result = await apply(await accountOf(id))
      if (result !== null) return result
    }
    throw new Problem('unavailable')
  }

  /** Saves a change between its hooks. One that raises the epoch ends all sessions, whatever the hook after it says. */
  async function save(id: string, values: Omit<AccountChange, 'updatedAt'>): Promise<User> {
    const ctx = contextOf()
    const change = await changes.prepare(ctx, (await accountOf(id)).user, values)
    const { before, user } = await untilApplied(id, async account => {
      const saved = await changes.save(ctx, account, change)
      return saved && { before: account.user, user: saved.user }
    })
    await changes.finish(ctx, before, user, change)
    return user
  }

  /** Throws where the users kept nothing of it: a suspension that nobody sees is none. */
  function kept(user: User, name: 'role' | 'suspendedAt', isKept: boolean): User {
    if (isKept) return user
    throw new TypeError(`these \`users\` keep no \`${name}\`: give the user object one, from a column of its own`)
  }

  return {
    of: named => createSystem(parts, changes, enrolment, door, named, actor),
    as(named) {
      if (typeof named !== 'string' || named === '') throw new TypeError("`as` takes who does it, like 'job:cleanup'")
      return createSystem(parts, changes, enrolment, door, tenant, named)
    },
    findUser: async id => (await users.findById(id, tenant))?.user ?? null,
    async findUserBy(identifier) {
      const { normalize } = IDENTIFIERS[identifier.includes('@') ? 'email' : 'username']
      return (await users.findByIdentifier(normalize(identifier), tenant))?.user ?? null
    },
    async createUser({ role, ...input }) {
      const sent = { ...input, password_confirmation: input.password }
      const { user } = await enrolment.add(contextOf(), sent, role === undefined ? {} : { role })
      return role === undefined ? user : kept(user, 'role', user.role === role)
    },
    async updateUser(id, input) {
      const { user } = await accountOf(id)
      const { details, reader } = await readDetails(parts, contextOf(), input, user, () => false)
      const errors = reader.errors()
      if (errors) throw new Problem('invalid_change', { errors })
      return details.fields ? save(id, { fields: details.fields }) : user
    },
    async setRole(id, role) {
      const user = await save(id, { role })
      return kept(user, 'role', user.role === role)
    },
    async setPassword(id, password) {
      const { user } = await accountOf(id)
      const sent = { password, password_confirmation: password }
      return save(id, { passwordHash: await enrolment.hashNew(contextOf(), user, sent) })
    },
    async suspend(id) {
      const user = await save(id, { suspendedAt: now(), raiseEpoch: true })
      return kept(user, 'suspendedAt', typeof user.suspendedAt === 'number')
    },
    unsuspend: id => save(id, { suspendedAt: null }),
    async deleteUser(id) {
      const ctx = contextOf()
      const user = await untilApplied(id, async ({ user, passwordHash }) =>
        (await users.delete(id, passwordHash, tenant, rowsOf('deletingUser', { ctx, user }))) ? user : null,
      )
      await sessions.own?.endAll(ctx, user)
      await emit(ctx, 'account.deleted', { userId: id })
      await run('deletedUser', { ctx, user })
    },
    async signIn(id, facts) {
      const ctx = contextOf()
      await door(ctx, await accountOf(id), facts)
      const { tokens } = ctx
      if (!tokens) throw new TypeError('these `sessions` give no tokens without a request: they travel in a cookie')
      await ctx.commit()
      return tokens
    },
    sessionsOf: async id => own().list((await accountOf(id)).user),
    async endSession(id, sessionId) {
      const ctx = contextOf()
      ctx.user = (await accountOf(id)).user
      const ended = await own().end(ctx, sessionId)
      await ctx.commit()
      return ended
    },
    async endSessions(id) {
      const others = own()
      const { user } = await untilApplied(id, ({ user: { updatedAt }, passwordHash }) =>
        users.update(id, { raiseEpoch: true, updatedAt }, passwordHash, tenant),
      )
      await others.endAll(contextOf(), user)
    },
  }
}
