import { createHmac, hash as oneShot, timingSafeEqual } from 'node:crypto'

/** SHA-256 of a session secret: all of it that a store ever sees. */
export function secretHash(secret: Uint8Array): Uint8Array {
  return new Uint8Array(oneShot('sha256', secret, 'buffer'))
}

/** Compares in constant time. Unequal lengths are unequal, not an exception. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** HMAC-SHA-256 of a text under a secret the client holds, as base64url. */
export function keyedHash(secret: Uint8Array | string, text: string): string {
  return createHmac('sha256', secret).update(text, 'utf8').digest('base64url')
}

/** SHA-1 as Redis names scripts by it. Nothing is secured with it. */
export function sha1(text: string): string {
  return oneShot('sha1', text, 'hex')
}
