import { type Duration, milliseconds } from '../base/duration.js'
import type { AuthOptions, PasswordOptions, SessionOptions } from '../options.js'

/** What `pawl serve` needs beyond the options of `createAuth`. */
export interface ServerOptions {
  /** Default: `127.0.0.1`. */
  host?: string
  /** 0 takes any free one. Default: 4000. */
  port?: number
  /** `sqlite:path` or `postgres://user:password@host/name`. Default: `pawl.db` in the data folder. */
  databaseUrl?: string
  /** Most connections to PostgreSQL. Default: 10. */
  databasePool?: number
  /** Where sessions live instead: `redis://`, `redis+sentinel://` or `redis+cluster://`. Default: in the database. */
  redisUrl?: string
  /** Replicas that must have a write before it is acknowledged. Default: 1 with Sentinel and Cluster, else 0. */
  redisReplicas?: number
  /** `'allow'` starts on a Redis that may evict sessions. Default: `'refuse'`. */
  redisEviction?: 'refuse' | 'allow'
  /** Answers checks from memory while Redis says nothing of a change. Default: false. */
  nearCache?: boolean
  /** Where the database and the secret are kept. Default: `pawl-data`. */
  dataDir?: string
  /** Connections held at most. Default: 10000. */
  maxConnections?: number
  /** `'silent'` writes no log. Default: `'info'`. */
  log?: 'info' | 'silent'
  /** `smtp://user:password@host:587` or `smtps://…`. Default: mails stay in memory, to be read at `/dev/mailbox`. */
  smtpUrl?: string
  /** Whom mails are from: `Acme <auth@acme.example>`. */
  mailFrom?: string
  /** False leaves mails to other servers on the same database. Default: true. */
  mailWorker?: boolean
  /** False shows no mails at `/dev/mailbox`. Default: true, where all this server does is on this machine. */
  devMailbox?: boolean
  /** Where links in mails lead: `https://app.example`. Default: the server's own URL. */
  linkBase?: string
  /** What mails call the app. */
  appName?: string
  /** `'required'` lets nobody in before they confirm their address; `'off'` has no such routes. Default: `'optional'`. */
  emailConfirmation?: 'off' | 'optional' | 'required'
  /** How long people may come in before they confirm, where that is required. Default: not at all. */
  emailConfirmationGrace?: Duration
  /** Answers a registration alike whether or not the address has an account. Means `'required'`. Default: false. */
  enumerationSafe?: boolean
  /** `'invited'` lets only those register who are invited. Default: `'open'`. */
  registration?: 'open' | 'invited'
  /** Roles that an invitation may give. Default: none. */
  invitationRoles?: readonly string[]
  /** How many tries there are: see `parseRateLimits`. */
  rateLimits?: string
  /** `'nist'` asks for 15 characters. Default: `'default'`, 8. */
  passwordPreset?: 'default' | 'nist'
  /** Words no password may hold: the name of the app. */
  passwordWords?: readonly string[]
  /** True, or the URL of a service of your own, looks passwords up among breached ones. Default: false. */
  breachedPasswords?: boolean | string
  /** False sends no mails about new devices and changes. Default: true. */
  securityNotices?: boolean
  /** How long the audit log is kept; `'off'` has none. Default: `'365d'`. */
  auditRetention?: Duration | 'forever' | 'off'
  /** Counts events and answers, and shows them at `GET /metrics`. Default: false. */
  metrics?: boolean
}

/** Every one of them by name. */
export const SERVER_OPTIONS: readonly (keyof ServerOptions)[] = [
  'host',
  'port',
  'databaseUrl',
  'databasePool',
  'redisUrl',
  'redisReplicas',
  'redisEviction',
  'nearCache',
  'dataDir',
  'maxConnections',
  'smtpUrl',
  'mailFrom',
  'mailWorker',
  'devMailbox',
  'linkBase',
  'appName',
  'emailConfirmation',
  'emailConfirmationGrace',
  'enumerationSafe',
  'registration',
  'invitationRoles',
  'rateLimits',
  'passwordPreset',
  'passwordWords',
  'breachedPasswords',
  'securityNotices',
  'auditRetention',
  'log',
  'metrics',
]

/** What `pawl.config.js` exports as its default: any of these, all optional. */
export type ServeConfig = ServerOptions & Partial<AuthOptions>

/** A setting that cannot be used. The message names it and says what to write instead. */
export function settingError(message: string): Error {
  return Object.assign(new Error(message), { name: 'SettingError' })
}

type Read = (text: string, name: string) => ServeConfig

function refuse(name: string, expected: string): never {
  throw settingError(`${name} must be ${expected}`)
}

function whole(text: string, name: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1
  return value >= least && value <= most ? value : refuse(name, `a whole number from ${least} to ${most}`)
}

function filled(text: string, name: string): string {
  return text.trim() === '' ? refuse(name, 'filled or not set at all') : text
}

function choice<T extends string>(text: string, name: string, known: readonly T[]): T {
  return known.find(each => each === text) ?? refuse(name, known.join(' or '))
}

function list(text: string, name: string): readonly string[] {
  return filled(text, name)
    .split(',')
    .map(each => each.trim())
    .filter(each => each !== '')
}

function truth(text: string, name: string): boolean {
  return choice(text, name, ['true', 'false']) === 'true'
}

function duration(text: string, name: string): Duration {
  return milliseconds(text) === null ? refuse(name, 'a duration like 500ms, 30m, 12h or 30d') : (text as Duration)
}

/** A duration that is not nothing. */
function lasting(text: string, name: string): Duration {
  return milliseconds(text) === 0 ? refuse(name, 'a duration longer than none') : duration(text, name)
}

const session =
  (key: 'access' | 'renewal' | 'absolute' | 'raceWindow' | 'retryWindow'): Read =>
  (text, name) => ({ session: { [key]: lasting(text, name) } satisfies SessionOptions })

const password =
  (key: 'minLength' | 'maxLength' | 'concurrency' | 'queue', least: number): Read =>
  (text, name) => ({ password: { [key]: whole(text, name, least, 1_000_000) } satisfies PasswordOptions })

/** Every setting of the environment; `docs/server.md` explains each. */
export const SETTINGS: Readonly<Record<string, Read>> = {
  NODE_ENV: text => (text === 'production' ? { devMailbox: false } : {}),
  DATABASE_URL: (text, name) => ({ databaseUrl: filled(text, name) }),
  PAWL_ACCESS_LIFETIME: session('access'),
  PAWL_APP_NAME: (text, name) => ({ appName: filled(text, name) }),
  PAWL_AUDIT_RETENTION: (text, name) => ({
    auditRetention: text === 'forever' || text === 'off' ? text : lasting(text, name),
  }),
  PAWL_BASE_PATH: text => ({ basePath: text as `/${string}` }),
  PAWL_BREACHED_PASSWORDS: (text, name) => ({
    breachedPasswords: /^https?:/.test(text) ? text : truth(text, name),
  }),
  PAWL_CLOCK_LEEWAY: (text, name) => ({ clockLeeway: lasting(text, name) }),
  PAWL_DATABASE_POOL: (text, name) => ({ databasePool: whole(text, name, 1, 1000) }),
  PAWL_DATA_DIR: (text, name) => ({ dataDir: filled(text, name) }),
  PAWL_DEV_MAILBOX: (text, name) => ({ devMailbox: truth(text, name) }),
  PAWL_EMAIL_CONFIRMATION: (text, name) => ({ emailConfirmation: choice(text, name, ['off', 'optional', 'required']) }),
  PAWL_EMAIL_CONFIRMATION_GRACE: (text, name) => ({ emailConfirmationGrace: lasting(text, name) }),
  PAWL_ENUMERATION_SAFE: (text, name) => ({ enumerationSafe: truth(text, name) }),
  PAWL_ERRORS: (text, name) => ({ errors: choice(text, name, ['guide', 'problem']) }),
  PAWL_HASH_CONCURRENCY: password('concurrency', 1),
  PAWL_HASH_QUEUE: password('queue', 1),
  PAWL_HOST: (text, name) => ({ host: filled(text, name) }),
  PAWL_INVITATION_ROLES: (text, name) => ({ invitationRoles: list(text, name) }),
  PAWL_LINK_BASE: (text, name) => ({ linkBase: filled(text, name) }),
  PAWL_LOG: (text, name) => ({ log: choice(text, name, ['info', 'silent']) }),
  PAWL_MAIL_FROM: (text, name) => ({ mailFrom: filled(text, name) }),
  PAWL_MAIL_WORKER: (text, name) => ({ mailWorker: truth(text, name) }),
  PAWL_MAX_CONNECTIONS: (text, name) => ({ maxConnections: whole(text, name, 1, 1_000_000) }),
  PAWL_METRICS: (text, name) => ({ metrics: truth(text, name) }),
  PAWL_NEAR_CACHE: (text, name) => ({ nearCache: truth(text, name) }),
  PAWL_PASSWORD_MAX_LENGTH: password('maxLength', 64),
  PAWL_PASSWORD_MIN_LENGTH: password('minLength', 8),
  PAWL_PASSWORD_ALLOW_COMMON: (text, name) => ({
    password: { allowCommon: truth(text, name) },
  }),
  PAWL_PASSWORD_PRESET: (text, name) => ({ passwordPreset: choice(text, name, ['default', 'nist']) }),
  PAWL_PASSWORD_WORDS: (text, name) => ({ passwordWords: list(text, name) }),
  PAWL_PORT: (text, name) => ({ port: whole(text, name, 0, 65_535) }),
  PAWL_PROXY_HOPS: (text, name) => ({ proxyHops: whole(text, name, 0, 100) }),
  PAWL_RACE: (text, name) => ({ session: { race: choice(text, name, ['refuse', 'converge']) } }),
  PAWL_RACE_WINDOW: session('raceWindow'),
  PAWL_RATE_LIMITS: text => ({ rateLimits: text }),
  PAWL_REDIS_EVICTION: (text, name) => ({ redisEviction: choice(text, name, ['refuse', 'allow']) }),
  PAWL_REDIS_REPLICAS: (text, name) => ({ redisReplicas: whole(text, name, 0, 100) }),
  PAWL_REGISTRATION: (text, name) => ({ registration: choice(text, name, ['open', 'invited']) }),
  PAWL_RENEWAL_LIFETIME: session('renewal'),
  PAWL_RETRY_WINDOW: session('retryWindow'),
  PAWL_SECRET: text => ({ secret: text.split(',').map(each => each.trim()) }),
  PAWL_SECURITY_NOTICES: (text, name) => ({ securityNotices: truth(text, name) }),
  PAWL_SESSION_LIFETIME: session('absolute'),
  PAWL_SMTP_URL: (text, name) => ({ smtpUrl: filled(text, name) }),
  PAWL_STALE_IF_ERROR: (text, name) => ({ session: { staleIfError: duration(text, name) } }),
  PAWL_STORE_DEADLINE: (text, name) => ({ deadlineMs: milliseconds(lasting(text, name)) as number }),
  REDIS_URL: (text, name) => ({ redisUrl: filled(text, name) }),
}

/** Adds settings to those there are. A setting made in two places with two values is refused, by name. */
export function mergeSettings<T extends object>(into: T, from: Partial<T>, where: string): T {
  const merged = { ...into } as Record<string, unknown>
  for (const [key, value] of Object.entries(from)) {
    const before = merged[key]
    const nested = (key === 'session' || key === 'password') && before !== undefined
    if (nested) merged[key] = mergeSettings(before as object, value as object, where)
    else if (before !== undefined && String(before) !== String(value)) {
      throw settingError(`\`${key}\` is set in ${where} and in the configuration file: keep one`)
    } else merged[key] = value
  }
  return merged as T
}

/** Reads the settings. Throws for one that is unknown, unreadable, or set in two places. */
export function readEnv(env: Readonly<Record<string, string | undefined>>, file: ServeConfig = {}): ServeConfig {
  let config = file
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined) continue
    const read = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined
    if (read) config = mergeSettings(config, read(text, name), name)
    else if (name.startsWith('PAWL_')) {
      const known = Object.keys(SETTINGS).join(', ')
      throw settingError(`unknown setting ${name}; known are ${known}`)
    }
  }
  return config
}

/** The process's own environment: the only place that reads it. */
export function processEnv(): Readonly<Record<string, string | undefined>> {
  return process.env
}
