import { isEmail, normalizeEmail } from '../../users/email.js'
import type { Correspondent } from './mailer.js'

const ASCII = /^[!-~]+$/
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

/** Punycode (RFC 3492, 6.3) of a label that is not ASCII. */
function punycode(label: string): string {
  const points = Array.from(label, character => character.codePointAt(0) as number)
  let output = points
    .filter(point => point < 128)
    .map(point => String.fromCharCode(point))
    .join('')
  const basic = output.length
  let handled = basic
  if (basic > 0) output += '-'
  let bias = 72
  let delta = 0
  for (let next = 128; handled < points.length; next++) {
    const least = Math.min(...points.filter(point => point >= next))
    delta += (least - next) * (handled + 1)
    next = least
    for (const point of points) {
      if (point < next) delta++
      if (point !== next) continue
      let rest = delta
      for (let k = 36; ; k += 36) {
        const threshold = Math.min(26, Math.max(1, k - bias))
        if (rest < threshold) break
        output += digit(threshold + ((rest - threshold) % (36 - threshold)))
        rest = Math.floor((rest - threshold) / (36 - threshold))
      }
      output += digit(rest)
      bias = adapted(delta, handled + 1, handled === basic)
      delta = 0
      handled++
    }
    delta++
  }
  return output
}

const digit = (value: number): string => 'abcdefghijklmnopqrstuvwxyz0123456789'.charAt(value)

function adapted(delta: number, count: number, isFirst: boolean): number {
  let rest = Math.floor(delta / (isFirst ? 700 : 2))
  rest += Math.floor(rest / count)
  let k = 0
  for (; rest > 455; k += 36) rest = Math.floor(rest / 35)
  return k + Math.floor((36 * rest) / (rest + 38))
}

/** The name in the DNS of exactly this domain; null where a mail system would read it as another, or as none. */
function asciiDomain(domain: string): string | null {
  const ascii = domain
    .split('.')
    .map(label => (ASCII.test(label) ? label : `xn--${punycode(label)}`))
    .join('.')
  try {
    // Wide letters, ligatures and what is invisible are mapped away: the mail would go to the owner of another domain.
    // And `0x7f.0x1` is an address of this machine.
    return new URL(`https://${domain}`).hostname === ascii ? ascii : null
  } catch {
    return null
  }
}

/**
 * An address as the envelope has it: its domain in ASCII. Null for what is not exactly one mailbox in the normal form, and
 * for what a mail system would take for another one.
 */
export function deliverable(address: string): string | null {
  if (!isEmail(address) || normalizeEmail(address) !== address) return null
  const at = address.lastIndexOf('@')
  const domain = asciiDomain(address.slice(at + 1))
  return domain === null ? null : `${address.slice(0, at)}@${domain}`
}

/** True for an address that needs a mail server with SMTPUTF8 (RFC 6531). */
export const needsSmtpUtf8 = (address: string): boolean => !ASCII.test(address)

/** Reads `name@example.com` or `Name <name@example.com>`. Throws `TypeError` for what is not one mailbox. */
export function correspondent(option: string, value: unknown): Correspondent {
  const wrong = new TypeError(`\`${option}\` must be one address: 'Name <name@example.com>'`)
  if (typeof value !== 'string' || CONTROL.test(value)) throw wrong
  const { name = '', address = value } = /^(?<name>[^<>]*)<(?<address>[^<>]+)>$/.exec(value.trim())?.groups ?? {}
  const normal = deliverable(normalizeEmail(address))
  const plain = name.trim().replace(/^"([^"]*)"$/, '$1')
  if (normal === null || needsSmtpUtf8(normal) || /["@]/.test(plain)) throw wrong
  return { name: plain, address: normal }
}
