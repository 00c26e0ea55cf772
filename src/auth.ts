import { type Accounts, createAccounts } from './accounts/accounts.js'
import { type Hooks, hookRunner } from './accounts/hooks.js'
import type { System } from './accounts/system.js'
import { Problem } from './base/problem.js'
import { type AuthConfig, resolveConfig } from './config.js'
import type { ExtensionTools } from './extensions/extension.js'
import { checkExtensions, setUpExtensions, strictestRules } from './extensions/load.js'
import { createHandling, type Handling } from './http/handle.js'
import { createRouteTable } from './http/router.js'
import { allRoutes } from './http/routes.js'
import type { AuthOptions } from './options.js'
import { bearerSessions } from './sessions/bearer.js'
import type { Context } from './sessions/context.js'
import type { Emit } from './sessions/event.js'
import { type EventOf, recorder, type Tell } from './sessions/record.js'
import type { Sessions } from './sessions/sessions.js'
import { boundedStore } from './stores/bounded.js'
import { realmStore } from './stores/realm.js'
import type { EndedSession, RevocationSubscription } from './stores/revocations.js'
import type { Session } from './stores/session-store.js'
import type { Store } from './stores/store.js'
import { createTokens, deriveKey } from './tokens/token.js'
import { boundedUsers, tenantUsers } from './users/scoped.js'
import type { BaseUser, UserRepository } from './users/user.js'

/** The library at work: what adapters call, and what your own controllers call. */
export interface Auth<out User extends BaseUser = BaseUser> extends Handling<User> {
  /** `create`, `authenticate`, `signIn`, `update`, `delete`: the same rules the routes follow. */
  readonly accounts: Accounts<User>
  /** The same for jobs and admin code, without a request. */
  readonly system: System<User>
  readonly sessions: Sessions<User>
  readonly users: UserRepository<User>
  readonly store: Store
  /** The verbs of one of the `extensions`, for your own controllers and jobs. Throws `TypeError` for another. */
  extension<Verbs>(extension: {
    readonly name: string
    readonly setup: (tools: never) => { readonly verbs?: Verbs }
  }): Verbs
  /** Ends what extensions do beside requests, once it is done: a mail that is being sent. */
  close(): Promise<void>
  /** Throws `unavailable` when the store cannot answer, or its clock and ours differ by more than `clockLeeway`. */
  ready(): Promise<void>
  /**
   * Tells of sessions that were ended, on whichever node, so that what they hold open can be closed. `missed` is called
   * when some may have ended unheard. Expiry is no news: `session.expiresAt` said so. Throws `TypeError` for a store
   * that has no news.
   */
  onSessionEnded(listener: (session: EndedSession) => void, options?: { missed?: () => void }): RevocationSubscription
}

/** True for repositories that may mean different people by one id. */
function areOthers({ users: one }: Keeper, { users: other }: Keeper): boolean {
  if (!one.joined || !other.joined) return one !== other
  return one.joined.database !== other.joined.database || one.joined.table !== other.joined.table
}

type Keeper = Pick<AuthConfig<BaseUser>, 'realm' | 'secrets' | 'users'>

/** Who keeps sessions in a store: of two with one secret, a token of either would be one of the other. */
const keepers = new WeakMap<Store, Keeper[]>()

function refuseMixedUsers<User extends BaseUser>({ store, realm, secrets, users }: AuthConfig<User>): void {
  const keeper: Keeper = { realm, secrets, users: users as unknown as UserRepository }
  const others = keepers.get(store) ?? []
  const isMixed = others.some(
    other =>
      other.realm === realm && other.secrets.some(secret => secrets.includes(secret)) && areOthers(other, keeper),
  )
  if (isMixed) throw new TypeError('two auths share `store` and `secret` but not `users`: give one of them a `realm`')
  keepers.set(store, [...others, keeper])
}

/**
 * Builds an auth from its options.
 * Throws `TypeError`, naming the option and what to write instead, for options that are missing, unknown or weak.
 */
export function createAuth<User extends BaseUser>(options: AuthOptions<User>): Auth<User> {
  const config = resolveConfig(options)
  const { now, onEvent, extensions } = config
  checkExtensions(extensions)
  refuseMixedUsers(config)
  const store = boundedStore(realmStore(config.store, config.realm), config.deadlineMs)
  const bounds = boundedUsers(config.users, config.deadlineMs)
  const users = config.tenant ? tenantUsers(bounds) : bounds

  const onError = (error: unknown, requestId: string) => {
    try {
      config.onError(error, requestId)
    } catch {
      // Whoever listens to errors and fails has nobody left to tell.
    }
  }

  const hooks: Hooks<User>[] = []
  const { run, rowsOf } = hookRunner(hooks)

  const eventOf: EventOf = (ctx, name, facts) => {
    return { name, at: now(), requestId: ctx?.id ?? '', address: ctx?.address ?? null, ...facts }
  }
  const isAttended = () => hooks.some(({ happened }) => happened)
  const tell: Tell = (ctx, event, isNoted) => {
    try {
      onEvent?.(event)
    } catch (error) {
      onError(error, event.requestId)
    }
    if (!isAttended()) return
    const written = run('happened', { ctx: ctx as Context<User> | null, event, isNoted }) as Promise<void>
    // Not everybody waits for it.
    written.catch(error => onError(error, event.requestId))
    return written
  }
  // Where nobody hears it an event is not even made: whoever sends forged tokens would have us make many.
  const emit: Emit = (ctx, name, facts) => {
    if (onEvent || isAttended()) return tell(ctx, eventOf(ctx, name, facts), false)
  }

  const { realm, times, race, loadUser, staleMs } = config
  const database = config.database ?? users.tables ?? null
  const parts = {
    store,
    users,
    tokens: createTokens(config.secrets, realm),
    realm,
    times,
    race,
    loadUser,
    staleMs,
    renewing: (ctx: Context<User>, user: User, session: Session) =>
      hooks.some(({ renewing }) => renewing) ? run('renewing', { ctx, user, session }) : undefined,
    now,
    emit,
    record: recorder(eventOf, tell, (ctx, event) =>
      store.database === database ? rowsOf('noting', { ctx: ctx as Context<User> | null, event }) : [],
    ),
  }
  const carrier = config.sessions ?? bearerSessions
  const sessions = typeof carrier === 'function' ? carrier(parts) : carrier

  const { hasher, identifiers, fields, presenter, basePath, errors, routes } = config
  const common = { users, identifiers, sessions, values: store.values, run, rowsOf, emit, now }
  const { accounts, system, enrolment } = createAccounts<User>({
    ...common,
    hasher,
    passwordRules: strictestRules(config.passwordRules, extensions),
    fields,
    retryMs: times.retryMs,
  })
  const tools: ExtensionTools<User> = {
    ...common,
    accounts,
    enrolment,
    database,
    realm,
    keys: purpose => config.secrets.map(secret => deriveKey(secret, purpose)),
    onError,
    deadlineMs: config.deadlineMs,
  }
  const added = setUpExtensions(extensions, tools, hooks)
  const addedRoutes = [...added.values()].flatMap(({ routes = [] }) => routes)
  const router = createRouteTable(
    basePath,
    allRoutes({ accounts, sessions, users, identifiers }, addedRoutes, { basePath, errors, routes }),
  )

  return {
    ...createHandling({
      router,
      sessions,
      presenter,
      tenantOf: config.tenant,
      proxyHops: config.proxyHops,
      emit,
      onError,
    }),
    accounts,
    system,
    sessions,
    users,
    store,
    extension({ name }) {
      const { verbs } = added.get(name) ?? {}
      if (verbs === undefined) throw new TypeError(`the extension ${name} is not in \`extensions\`, or has no verbs`)
      return verbs as never
    },
    async close() {
      for (const { close } of added.values()) await close?.()
    },
    async ready() {
      try {
        await store.ping()
        const time = await store.clock?.()
        if (time === undefined || Math.abs(time - now()) < config.clockLeewayMs) return
        throw new Problem('unavailable', { cause: new Error('the clocks of this machine and of its store differ') })
      } catch (error) {
        const { cause } = error as Error
        emit(null, 'store.not_ready', cause instanceof Error ? { detail: cause.message } : {})
        throw error
      }
    },
    onSessionEnded(listener, { missed = () => {} } = {}) {
      if (!store.revocations)
        throw new TypeError('this `store` has no `revocations`: it cannot tell who was signed out')
      const safely = (call: () => void) => {
        try {
          call()
        } catch (error) {
          onError(error, '')
        }
      }
      return store.revocations.listen({
        ended: session => safely(() => listener(session)),
        missed: () => safely(missed),
      })
    },
  }
}
