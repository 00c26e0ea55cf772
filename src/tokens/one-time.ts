import { hash, randomBytes } from 'node:crypto'

const TOKEN = /^pwo1_[\w-]{43}$/

/** A token for one use: 32 random bytes, in a form that scanners for secrets find. */
export function newOneTimeToken(): string {
  return `pwo1_${randomBytes(32).toString('base64url')}`
}

/** All of a token that is ever stored. Null for text that is no such token. */
export function oneTimeHash(token: unknown): string | null {
  return typeof token === 'string' && TOKEN.test(token) ? hash('sha256', token, 'base64url') : null
}
