import {
  DEFAULT_RULES,
  durationText,
  type Limits,
  type RateLimitsOptions,
  RULE_NAMES,
  type RuleName,
  type Rules,
  sortWindows,
  type Window,
  weakerThanDefault,
  windowOf,
} from './rules.js'

/** What a setting says, and what of it an operator should read in the log. */
export interface RateLimitsSetting {
  /** For `rateLimits`. */
  readonly options: RateLimitsOptions | 'off'
  /** What is weaker than the default, a sentence each. */
  readonly weaker: readonly string[]
}

const OFF: readonly string[] = ['off', 'false', 'no', 'none', 'never', 'disable', 'disabled', 'unlimited', '0']
const DEFAULT: readonly string[] = ['on', 'true', 'yes', 'default', 'defaults', 'enabled']
const FORMS =
  'write off, a number for every count (1000), a factor (x10), a limit for all (20/10m), or some by name: ' +
  `sign_in.account=20/10m+100/24h,registration.address=off. Names are ${RULE_NAMES.join(', ')}`
/** `20/minute`, as others write it. */
const UNITS: readonly (readonly [RegExp, string])[] = [
  [/^(?:s|secs?|seconds?)$/, 's'],
  [/^(?:m|mins?|minutes?)$/, 'm'],
  [/^(?:h|hrs?|hours?)$/, 'h'],
  [/^(?:d|days?)$/, 'd'],
]

function refuse(said: string): never {
  throw new TypeError(`rate limits cannot be '${said}': ${FORMS}`)
}

function readWindow(text: string): Window | null {
  const [, count = '', amount = '', word = ''] = /^(\d+)\/(\d*)([a-z]+)$/.exec(text) ?? []
  const unit = UNITS.find(([pattern]) => pattern.test(word))?.[1]
  return windowOf(unit ? `${count}/${amount || '1'}${unit}` : text)
}

/** What a value makes of the windows that a rule has; null where it is none. */
function changeOf(value: string): ((windows: readonly Window[]) => readonly Window[]) | null {
  if (OFF.includes(value)) return () => []
  const factor = Number(/^(?:x|\*)(\d{1,9}(?:\.\d{1,3})?)$/.exec(value)?.[1] ?? /^(\d{1,9})x$/.exec(value)?.[1])
  const counts = (of: (count: number) => number) => (windows: readonly Window[]) =>
    windows.map(({ count, ms }) => ({ count: Math.min(1e9, Math.max(1, Math.round(of(count)))), ms }))
  if (factor > 0) return counts(count => count * factor)
  if (/^\d{1,15}$/.test(value) && Number(value) > 0) return counts(() => Number(value))
  const windows = value.split('+').map(readWindow)
  const read = windows.filter(window => window !== null)
  return read.length === windows.length ? () => sortWindows(read) : null
}

/** The rules that a name means: one, or all of a group. Both styles of writing are taken. */
function rulesNamed(name: string): readonly RuleName[] {
  const plain = (text: string) => text.replaceAll(/[_-]/g, '').replaceAll(/[:/]/g, '.')
  return RULE_NAMES.filter(rule => plain(rule) === plain(name) || plain(rule).startsWith(`${plain(name)}.`))
}

function optionsOf(rules: Rules): RateLimitsOptions {
  const limits = (name: RuleName): Limits =>
    rules[name].length > 0 && rules[name].map(({ count, ms }) => `${count}/${durationText(ms)}` as const)
  return {
    signIn: {
      account: limits('sign_in.account'),
      address: limits('sign_in.address'),
      global: limits('sign_in.global'),
    },
    currentPassword: limits('current_password'),
    registration: { address: limits('registration.address'), global: limits('registration.global') },
    mail: { address: limits('mail.address'), global: limits('mail.global') },
  }
}

/**
 * Reads `PAWL_RATE_LIMITS`: `off`, `1000`, `x10`, `20/10m`, `sign_in.account=20/10m+100/24h,registration=off`.
 * Throws `TypeError` that says what to write, for anything else.
 */
export function parseRateLimits(text: string): RateLimitsSetting {
  const items = text
    .trim()
    .toLowerCase()
    .replaceAll(/\s*([=+/])\s*/g, '$1')
    .split(/[\s,;]+/)
    .filter(item => item !== '')
  if (items.length === 0) refuse(text)
  const rules: Record<RuleName, readonly Window[]> = { ...DEFAULT_RULES }
  // A limit for all may be written as several windows with a comma between.
  const isForAll = items.every(item => item.split('+').every(readWindow))
  for (const item of isForAll ? [items.join('+')] : items) {
    if (items.length === 1 && DEFAULT.includes(item)) break
    const at = item.lastIndexOf('=')
    const named = at === -1 ? RULE_NAMES : rulesNamed(item.slice(0, at))
    const value = item.slice(at + 1)
    const change = changeOf(value)
    if (named.length === 0 || !change) refuse(item)
    // What turns a rule on again starts from its default.
    for (const name of named) rules[name] = change(rules[name].length > 0 ? rules[name] : DEFAULT_RULES[name])
  }
  const isOff = RULE_NAMES.every(name => rules[name].length === 0)
  return { options: isOff ? 'off' : optionsOf(rules), weaker: weakerThanDefault(rules) }
}
