import { refuseUnknown } from '../base/options.js'
import type { Context } from './context.js'

export interface CookieOptions {
  /** Its name, without the prefix `__Host-` that binds it to this host alone. Default: `session`. */
  name?: string
  /** `'strict'` leaves it out where a link on another site leads here. Default: `'lax'`. */
  sameSite?: 'lax' | 'strict'
  /** Sends the cookie over plain HTTP as well, without its prefix. For development, and nothing else. Default: false. */
  insecure?: boolean
}

/** One cookie: reads it, and writes its `Set-Cookie`. */
export interface CookieJar {
  readonly name: string
  /** False where the cookie goes over plain HTTP as well. */
  readonly isSecure: boolean
  /** Null when there is none, and when there are several that differ: of two nobody knows whose is meant. */
  read(ctx: Context): string | null
  /** The value to set, for so many ms; null lets it end with the browser. */
  write(value: string, maxAgeMs: number | null): string
  readonly clear: string
}

/** RFC 6265, 4.1.1. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/
const SAME_SITE = { lax: 'Lax', strict: 'Strict' }

const OPTIONS = ['name', 'sameSite', 'insecure']

/** Throws `TypeError` for a name that is no cookie's. */
export function cookieJar(options: CookieOptions = {}): CookieJar {
  refuseUnknown(options, OPTIONS, 'cookie.')
  const { name = 'session', sameSite = 'lax', insecure = false } = options
  if (!NAME.test(name)) throw new TypeError('`cookie.name` must be 1 to 64 letters, digits, `_` and `-`')
  if (!Object.hasOwn(SAME_SITE, sameSite)) throw new TypeError("`cookie.sameSite` must be 'lax' or 'strict'")
  if (typeof insecure !== 'boolean') throw new TypeError('`cookie.insecure` must be true or false')
  const full = insecure ? name : `__Host-${name}`
  const attributes = `Path=/; HttpOnly; SameSite=${SAME_SITE[sameSite]}${insecure ? '' : '; Secure'}`

  return {
    name: full,
    isSecure: !insecure,
    read(ctx) {
      const header = ctx.request.header('cookie')
      if (header === null) return null
      // At a semicolon alone, and without spaces and tabs alone: whatever else ends or begins a cookie here and not in the
      // browser lets a neighbouring host smuggle ours in, past its prefix.
      const values = header
        .split(';')
        .map(pair => pair.replace(/^[ \t]+|[ \t]+$/g, ''))
        .filter(pair => pair.startsWith(`${full}=`))
        .map(pair => pair.slice(full.length + 1))
      return new Set(values).size === 1 ? (values[0] as string) : null
    },
    write(value, maxAgeMs) {
      const maxAge = maxAgeMs === null ? '' : `; Max-Age=${Math.max(1, Math.floor(maxAgeMs / 1000))}`
      return `${full}=${value}; ${attributes}${maxAge}`
    },
    clear: `${full}=; ${attributes}; Max-Age=0`,
  }
}
