import { isNormalizable } from './password.js'

const LONGEST = 254
/** White space around an address is trimmed; past this much text nobody looks for one. */
const LONGEST_TEXT = 1024
const LONGEST_LOCAL = 64
const LONGEST_LABEL = 63
const LOCAL = /^[\p{L}\p{M}0-9!#$%&'*+\-/=?^_`{|}~]+(?:\.[\p{L}\p{M}0-9!#$%&'*+\-/=?^_`{|}~]+)*$/u
const LABEL = /^[\p{L}\p{M}0-9](?:[\p{L}\p{M}0-9-]*[\p{L}\p{M}0-9])?$/u
const ALL_DIGITS = /^[0-9]+$/

/**
 * The one spelling of an address, for writing and for looking up: trimmed, NFC, lower case.
 * Lower case goes character by character, so a Greek sigma does not depend on what follows it.
 * Empty for text that no address can be made of.
 */
export function normalizeEmail(text: string): string {
  if (text.length > LONGEST_TEXT || !isNormalizable(text)) return ''
  const lower = Array.from(text.trim().normalize('NFC'), character => character.toLowerCase()).join('')
  return lower.normalize('NFC')
}

/**
 * True for an address in its normal form that Pawl takes: one mailbox, letters of any script, no quotes, comments,
 * control characters or address literals, at most 254 characters (RFC 5321, 4.5.3.1).
 */
export function isEmail(email: string): boolean {
  if (email.length > LONGEST) return false
  const at = email.lastIndexOf('@')
  if (at < 1 || at > LONGEST_LOCAL || !LOCAL.test(email.slice(0, at))) return false
  const labels = email.slice(at + 1).split('.')
  const last = labels.at(-1) as string
  return !ALL_DIGITS.test(last) && labels.every(label => label.length <= LONGEST_LABEL && LABEL.test(label))
}

/** The normal form of an address that somebody sent; null for anything that is none. */
export function readEmail(sent: unknown): string | null {
  const email = typeof sent === 'string' ? normalizeEmail(sent) : ''
  return isEmail(email) ? email : null
}
