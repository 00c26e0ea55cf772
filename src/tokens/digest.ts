import { createHmac, hash as oneShot, timingSafeEqual } from 'node:crypto'

/** SHA-256 of a session secret: all of it that a store ever sees. */
export function secretHash(secret: Uint8Array): Uint8Array {
  return new Uint8Array(oneShot('sha256', secret, 'buffer'))
}

const computed = Buffer.alloc(32)

/** True when `hash` is the secret's. In constant time, and without making a `Buffer` that has to be collected again. */
export function hasHash(secret: Uint8Array, hash: Uint8Array): boolean {
  computed.write(oneShot('sha256', secret, 'binary'), 'latin1')
  return hash.length === computed.length && timingSafeEqual(computed, hash)
}

/** HMAC-SHA-256 of a text under a secret the client holds, as base64url. */
export function keyedHash(secret: Uint8Array | string, text: string): string {
  return createHmac('sha256', secret).update(text, 'utf8').digest('base64url')
}
