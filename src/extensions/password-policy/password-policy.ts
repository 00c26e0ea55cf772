import { refuseUnknown } from '../../base/options.js'
import type { Context } from '../../sessions/context.js'
import type { BaseUser } from '../../users/user.js'
import type { Extension } from '../extension.js'
import { type BreachedOptions, breachedPasswords, checkBreached } from './breached.js'
import { contextWords, leansOn, wordsOfEmail } from './context-words.js'
import { COMMON_PASSWORDS } from './known-passwords.js'

export interface PasswordPolicyOptions {
  /** `'nist'` asks for 15 characters, as SP 800-63B-4 does where a password is all. Default: `'default'`, which asks for 8. */
  preset?: 'default' | 'nist'
  /** In graphemes, from 8 to 64. Default: that of the preset, and never less. */
  minLength?: number
  /** False takes passwords of the list of the commonest. Default: true. */
  common?: boolean
  /** Names of your service, product or company that no password may lean on. Default: none. */
  words?: readonly string[]
  /** True looks passwords up at Have I Been Pwned; an object says where else. Default: false. */
  breached?: boolean | BreachedOptions
}

/** What is known of somebody who chooses a password, in normal form. */
export interface Chooser {
  readonly email?: string | null
  readonly username?: string | null
}

export interface PasswordPolicyVerbs<out User extends BaseUser = BaseUser> {
  /** What is wrong with a password besides its length; null where nothing is. */
  check(ctx: Context<User>, password: string, chooser?: Chooser): Promise<string | null>
}

const PRESETS: Readonly<Record<string, number>> = { default: 8, nist: 15 }
const MOST_LEAST = 64

function leastLength({ preset = 'default', minLength }: PasswordPolicyOptions): number {
  const least = Object.hasOwn(PRESETS, preset) ? PRESETS[preset] : undefined
  if (least === undefined) throw new TypeError("`preset` must be 'default' or 'nist'")
  const length = minLength ?? least
  if (Number.isSafeInteger(length) && length >= least && length <= MOST_LEAST) return length
  throw new TypeError(`\`minLength\` must be a whole number from ${least} to ${MOST_LEAST}`)
}

function ownWords({ words = [] }: PasswordPolicyOptions): readonly string[] {
  const isList = Array.isArray(words) && words.every(word => typeof word === 'string')
  const known = isList ? contextWords(words) : []
  if (isList && known.length === words.length) return known
  throw new TypeError('`words` must be a list of words of 4 letters or digits at least')
}

function breachedOptions({ breached = false }: PasswordPolicyOptions): Required<BreachedOptions> | null {
  if (breached === false) return null
  if (breached === true) return checkBreached({})
  if (typeof breached !== 'object' || breached === null) {
    throw new TypeError('`breached` must be true, false or an object with a `url`')
  }
  refuseUnknown(breached, ['url', 'timeoutMs', 'minCount'], 'breached.')
  return checkBreached(breached)
}

/**
 * Refuses passwords that are easily guessed, wherever one is chosen: the commonest, those that lean on the person's own
 * names or on yours, and, where you say so, those that have leaked. Throws `TypeError` for options that cannot be.
 */
export function passwordPolicy<User extends BaseUser = BaseUser>(
  options: PasswordPolicyOptions = {},
): Extension<User, PasswordPolicyVerbs<User>> {
  refuseUnknown(options, ['preset', 'minLength', 'common', 'words', 'breached'], '')
  const { common: isCommonRefused = true } = options
  if (typeof isCommonRefused !== 'boolean') throw new TypeError('`common` must be true or false')
  const common = new Set(isCommonRefused ? COMMON_PASSWORDS.trim().split(/\s+/) : [])
  const words = ownWords(options)
  const lookUp = breachedOptions(options)

  return {
    name: 'password_policy',
    minPasswordLength: leastLength(options),
    setup({ emit }) {
      const breached = lookUp && breachedPasswords(lookUp)

      async function hasLeaked(ctx: Context<User>, password: string): Promise<boolean> {
        const answer = await breached?.look(password)
        if (!answer) return false
        if ('found' in answer) return answer.found
        const userId = ctx.user?.id
        await emit(ctx as unknown as Context, 'password_policy.unchecked', {
          ...(userId !== undefined && { userId }),
          detail: answer.unchecked,
        })
        return false
      }

      async function check(ctx: Context<User>, password: string, { email, username }: Chooser = {}) {
        if (common.has(password.toLowerCase())) return 'is too common'
        if (email && leansOn(password, wordsOfEmail(email))) return 'contains your email'
        if (username && leansOn(password, contextWords([username]))) return 'contains your username'
        if (leansOn(password, words)) return 'contains a word that is easily guessed'
        return (await hasLeaked(ctx, password)) ? 'has appeared in a data breach' : null
      }

      return {
        hooks: {
          choosingPassword: async ({ ctx, password, ...chooser }) => (await check(ctx, password, chooser)) ?? undefined,
        },
        verbs: { check },
        close: () => breached?.close(),
      }
    },
  }
}
