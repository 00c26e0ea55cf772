import { milliseconds } from './base/duration.js'
import { refuseUnknown } from './base/options.js'
import { guidePresenter, problemPresenter } from './http/presenter.js'
import type { AuthOptions, PasswordOptions, SessionOptions } from './options.js'
import type { SessionTimes } from './sessions/parts.js'
import { memoryStore } from './stores/memory.js'
import { checkSecrets } from './tokens/secrets.js'
import { type Argon2Options, argon2Hasher } from './users/argon2.js'
import type { Identifier, PasswordRules } from './users/fields.js'
import { checkFields } from './users/own-fields.js'
import type { BaseUser } from './users/user.js'

/** `AuthOptions`, checked, completed and frozen. */
export interface AuthConfig<User extends BaseUser>
  extends Pick<AuthOptions<User>, 'fields' | 'sessions' | 'onEvent' | 'tenant' | 'database'>,
    Required<
      Pick<
        AuthOptions<User>,
        | 'users'
        | 'store'
        | 'hasher'
        | 'basePath'
        | 'errors'
        | 'presenter'
        | 'extensions'
        | 'proxyHops'
        | 'deadlineMs'
        | 'onError'
        | 'now'
      >
    > {
  readonly identifiers: readonly Identifier[]
  readonly secrets: readonly [string, ...string[]]
  readonly realm: string
  readonly times: SessionTimes
  readonly race: 'refuse' | 'converge'
  readonly loadUser: boolean
  readonly staleMs: number
  readonly clockLeewayMs: number
  readonly routes: boolean
  readonly passwordRules: PasswordRules
}

/** Every option by name. */
export const OPTIONS: readonly (keyof AuthOptions)[] = [
  'secret',
  'users',
  'identifiers',
  'fields',
  'store',
  'sessions',
  'session',
  'password',
  'hasher',
  'basePath',
  'errors',
  'presenter',
  'extensions',
  'database',
  'proxyHops',
  'deadlineMs',
  'clockLeeway',
  'tenant',
  'realm',
  'routes',
  'onEvent',
  'onError',
  'now',
]
const SESSION_OPTIONS: readonly (keyof SessionOptions)[] = [
  'access',
  'renewal',
  'absolute',
  'raceWindow',
  'retryWindow',
  'race',
  'loadUser',
  'staleIfError',
]
const PASSWORD_OPTIONS: readonly (keyof PasswordOptions)[] = [
  'minLength',
  'maxLength',
  'allowCommon',
  'memoryKiB',
  'iterations',
  'parallelism',
  'reads',
  'concurrency',
  'queue',
]

function must(isRight: boolean, message: string): asserts isRight {
  if (!isRight) throw new TypeError(message)
}

function oneOf<T extends string>(name: string, value: T, known: readonly T[]): T {
  must(known.includes(value), `\`${name}\` must be ${known.map(each => `'${each}'`).join(' or ')}`)
  return value
}

function checkWhole(name: string, value: number, least: number, most: number): number {
  const isRight = Number.isSafeInteger(value) && value >= least && value <= most
  must(isRight, `\`${name}\` must be a whole number from ${least} to ${most}`)
  return value
}

function durationMs(name: string, duration: string): number {
  const ms = milliseconds(duration)
  must(ms !== null && ms > 0, `\`${name}\` must be a duration like '30m', not '${duration}'`)
  return ms
}

const MOST_STALE_MS = 30_000

function staleIfErrorMs(duration: string): number {
  const ms = milliseconds(duration)
  must(ms !== null && ms <= MOST_STALE_MS, "`session.staleIfError` must be from '0s' to '30s'")
  return ms
}

function sessionTimes(options: SessionOptions): SessionTimes {
  const { access = '30m', renewal = '30d', absolute = '90d', raceWindow = '10s', retryWindow = '2m' } = options
  const times = {
    accessMs: durationMs('session.access', access),
    renewalMs: durationMs('session.renewal', renewal),
    sessionMs: durationMs('session.absolute', absolute),
    raceMs: durationMs('session.raceWindow', raceWindow),
    retryMs: durationMs('session.retryWindow', retryWindow),
  }
  must(times.accessMs <= times.renewalMs, '`session.access` must not be longer than `session.renewal`')
  must(times.renewalMs <= times.sessionMs, '`session.renewal` must not be longer than `session.absolute`')
  return times
}

function checkRules({ minLength = 8, maxLength = 4096, allowCommon = false }: PasswordOptions): PasswordRules {
  must(Number.isSafeInteger(minLength) && minLength >= 8, '`password.minLength` must be 8 or more')
  must(Number.isSafeInteger(maxLength) && maxLength >= 64, '`password.maxLength` must be 64 or more')
  must(minLength <= maxLength, '`password.minLength` must not exceed `password.maxLength`')
  must(typeof allowCommon === 'boolean', '`password.allowCommon` must be true or false')
  return { minLength, maxLength, allowCommon }
}

function checkBasePath(basePath: string): string {
  const isRight = basePath === '' || /^(?:\/[A-Za-z0-9_~-]+)+$/.test(basePath)
  must(isRight, "`basePath` must be like '/api/v1', without a trailing slash, or ''")
  return basePath
}

function checkIdentifiers(identifiers: readonly Identifier[]): readonly Identifier[] {
  const known: readonly Identifier[] = ['email', 'username']
  const isRight =
    Array.isArray(identifiers) && identifiers.length > 0 && identifiers.every(name => known.includes(name))
  const isSet = isRight && new Set(identifiers).size === identifiers.length
  must(isSet, "`identifiers` must be ['email'], ['username'] or both")
  return identifiers
}

function checkRealm(realm: string): string {
  must(/^[a-z0-9_-]{0,32}$/.test(realm), "`realm` must be 1 to 32 of a-z, 0-9, _ and -, like 'admin'")
  return realm
}

/** Checks and completes the options. Throws `TypeError` that names the option and what to write instead. */
export function resolveConfig<User extends BaseUser>(options: AuthOptions<User>): AuthConfig<User> {
  must(typeof options === 'object' && options !== null, 'createAuth needs options: at least `secret` and `users`')
  refuseUnknown(options, OPTIONS, '')
  const { session = {}, password = {}, errors = 'guide', deadlineMs = 500, now = Date.now } = options
  refuseUnknown(session, SESSION_OPTIONS, 'session.')
  refuseUnknown(password, PASSWORD_OPTIONS, 'password.')
  must(
    typeof options.users?.findById === 'function',
    '`users` is missing: pass `memoryUsers()`, `sqlUsers(database)` or your own repository',
  )
  for (const [name, value, isRight] of [
    ['store', options.store, typeof options.store?.sessions?.find === 'function'],
    ['hasher', options.hasher, typeof options.hasher?.verify === 'function'],
    ['presenter', options.presenter, typeof options.presenter?.problem === 'function'],
    [
      'sessions',
      options.sessions,
      typeof options.sessions === 'function' || typeof options.sessions?.fetch === 'function',
    ],
    ['extensions', options.extensions, Array.isArray(options.extensions)],
    ['tenant', options.tenant, typeof options.tenant === 'function'],
    ['database', options.database, typeof options.database?.atomically === 'function'],
  ] as const) {
    must(value === undefined || isRight, `\`${name}\` is not what it should be: see its type`)
  }
  checkFields(options.users.fields ?? [], options.fields)
  const presenters = { guide: guidePresenter, problem: problemPresenter }
  return Object.freeze({
    ...options,
    secrets: checkSecrets(options.secret),
    identifiers: checkIdentifiers(options.identifiers ?? ['email']),
    store: options.store ?? memoryStore({ now }),
    times: Object.freeze(sessionTimes(session)),
    race: oneOf('session.race', session.race ?? 'refuse', ['refuse', 'converge']),
    loadUser: session.loadUser ?? true,
    staleMs: staleIfErrorMs(session.staleIfError ?? '0s'),
    clockLeewayMs: durationMs('clockLeeway', options.clockLeeway ?? '60s'),
    passwordRules: checkRules(password),
    hasher: options.hasher ?? argon2Hasher(argon2Options(password)),
    basePath: checkBasePath(options.basePath ?? '/api/v1') as `/${string}`,
    errors: oneOf('errors', errors, ['guide', 'problem']),
    presenter: options.presenter ?? presenters[errors],
    extensions: options.extensions ?? [],
    proxyHops: checkWhole('proxyHops', options.proxyHops ?? 0, 0, 100),
    deadlineMs: checkWhole('deadlineMs', deadlineMs, 1, 600_000),
    realm: checkRealm(options.realm ?? ''),
    routes: options.routes ?? true,
    onError: options.onError ?? (() => {}),
    now,
  })
}

function argon2Options({
  minLength: _min,
  maxLength: _max,
  allowCommon: _common,
  ...options
}: PasswordOptions): Argon2Options {
  return options
}
