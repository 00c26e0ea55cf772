import { type Duration, milliseconds } from '../../base/duration.js'
import { refuseUnknown } from '../../base/options.js'

/** So many tries in so long: `'20/10m'`. */
export type Limit = `${number}/${Duration}`
/** One window or several; false for no limit. */
export type Limits = Limit | readonly Limit[] | false

export interface RateLimitsOptions {
  /** Tries of a password to sign in. */
  signIn?: {
    /** For one identifier, known or not. Default: `'100/24h'`. */
    account?: Limits
    /** From one IPv4 address or IPv6 /64; a /48 has four times as much. Default: `'600/10m'`. */
    address?: Limits
    /** Default: `'60000/10m'`. */
    global?: Limits
  }
  /** Tries of somebody who is signed in to prove the password again. Default: `'100/24h'`. */
  currentPassword?: Limits
  registration?: {
    /** Default: `'600/10m'`. */
    address?: Limits
    /** Default: `'60000/10m'`. */
    global?: Limits
  }
  /** Requests for a message that anybody may ask for. */
  mail?: {
    /** Default: `'600/10m'`. */
    address?: Limits
    /** Default: `'60000/10m'`. */
    global?: Limits
  }
}

/** `count` tries pass in `ms`. */
export interface Window {
  readonly count: number
  readonly ms: number
}

/** As the setting and events name it. */
export type RuleName =
  | 'sign_in.account'
  | 'sign_in.address'
  | 'sign_in.global'
  | 'current_password'
  | 'registration.address'
  | 'registration.global'
  | 'mail.address'
  | 'mail.global'

const DEFAULTS: Readonly<Record<RuleName, readonly Limit[]>> = {
  'sign_in.account': ['100/24h'],
  'sign_in.address': ['600/10m'],
  'sign_in.global': ['60000/10m'],
  current_password: ['100/24h'],
  'registration.address': ['600/10m'],
  'registration.global': ['60000/10m'],
  'mail.address': ['600/10m'],
  'mail.global': ['60000/10m'],
}

/** The windows of every rule, the shortest first; none where it is off. */
export type Rules = Readonly<Record<RuleName, readonly Window[]>>

export const RULE_NAMES: readonly RuleName[] = Object.keys(DEFAULTS) as RuleName[]

const MOST_COUNT = 1_000_000_000
const LONGEST_MS = 30 * 86_400_000

/** A window as text says it; null for anything else. At least one try, from a second to 30 days. */
export function windowOf(text: unknown): Window | null {
  const [, digits = '', duration = ''] = (typeof text === 'string' && /^(\d{1,10})\/(\w+)$/.exec(text)) || []
  const count = Number(digits)
  const ms = milliseconds(duration)
  if (count < 1 || count > MOST_COUNT || ms === null || ms < 1000 || ms > LONGEST_MS) return null
  return { count, ms }
}

/** The shortest first: what it refuses does not count in a longer one, or a minute of noise would last a day. */
export function sortWindows(windows: readonly Window[]): readonly Window[] {
  return [...windows].sort((a, b) => a.ms - b.ms)
}

function windowsOf(option: string, limits: Limits): readonly Window[] {
  if (limits === false) return []
  const list: readonly unknown[] = Array.isArray(limits) ? limits : [limits]
  const windows = list.map(windowOf).filter(window => window !== null)
  if (windows.length === 0 || windows.length < list.length)
    throw new TypeError(`\`${option}\` must be like '20/10m', a list of such, or false`)
  return sortWindows(windows)
}

/** The windows nobody asked to change. */
export const DEFAULT_RULES: Rules = Object.freeze(
  Object.fromEntries(RULE_NAMES.map(name => [name, windowsOf(name, DEFAULTS[name])])),
) as Rules

const NO_RULES = Object.freeze(Object.fromEntries(RULE_NAMES.map(name => [name, []]))) as unknown as Rules

/** Throws `TypeError` that names the option and what to write instead. */
export function resolveRules(options: RateLimitsOptions | 'off'): Rules {
  if (options === 'off') return NO_RULES
  if (typeof options !== 'object' || options === null) throw new TypeError("rateLimits takes options, or 'off'")
  const { signIn = {}, registration = {}, mail = {} } = options
  refuseUnknown(options, ['signIn', 'currentPassword', 'registration', 'mail'], '')
  refuseUnknown(signIn, ['account', 'address', 'global'], 'signIn.')
  refuseUnknown(registration, ['address', 'global'], 'registration.')
  refuseUnknown(mail, ['address', 'global'], 'mail.')
  const given: Record<RuleName, readonly [string, Limits | undefined]> = {
    'sign_in.account': ['signIn.account', signIn.account],
    'sign_in.address': ['signIn.address', signIn.address],
    'sign_in.global': ['signIn.global', signIn.global],
    current_password: ['currentPassword', options.currentPassword],
    'registration.address': ['registration.address', registration.address],
    'registration.global': ['registration.global', registration.global],
    'mail.address': ['mail.address', mail.address],
    'mail.global': ['mail.global', mail.global],
  }
  const rules = RULE_NAMES.map(name => {
    const [option, limits] = given[name]
    return [name, limits === undefined ? DEFAULT_RULES[name] : windowsOf(option, limits)]
  })
  return Object.freeze(Object.fromEntries(rules)) as Rules
}

const UNITS = { h: 3_600_000, m: 60_000, s: 1000 } as const

/** A length of time as one writes it. */
export function durationText(ms: number): Duration {
  for (const [unit, length] of Object.entries(UNITS)) if (ms % length === 0) return `${ms / length}${unit}` as Duration
  return `${ms}ms`
}

/** Most tries that windows let pass in so long. */
function passing(windows: readonly Window[], ms: number): number {
  return Math.min(...windows.map(window => window.count * Math.ceil(ms / window.ms)))
}

/** What is weaker than the default, a sentence each: for the log at the start. */
export function weakerThanDefault(rules: Rules): readonly string[] {
  return RULE_NAMES.flatMap(name => {
    const windows = rules[name]
    if (windows.length === 0) return [`the rate limit ${name} is off`]
    const weaker = DEFAULT_RULES[name].filter(({ count, ms }) => passing(windows, ms) > count)
    return weaker.map(({ count, ms }) => {
      const most = passing(windows, ms)
      return `the rate limit ${name} lets ${most} pass in ${durationText(ms)}, where ${count} is the default`
    })
  })
}
