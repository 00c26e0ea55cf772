import { hash } from 'node:crypto'

const BLOCK = 64

/** HMAC-SHA-256 of `message`, a view that may change between calls, written to `target`. */
export type Mac = (message: Uint8Array, target: Buffer) => void

function pad(key: Uint8Array, byte: number, after: number): Buffer {
  const padded = Buffer.alloc(BLOCK + after)
  for (let index = 0; index < BLOCK; index++) padded[index] = (key[index] ?? 0) ^ byte
  return padded
}

/**
 * HMAC-SHA-256 (RFC 2104) under a key of at most 64 bytes, for messages of one length.
 * Composed of two one-shot hashes: `createHmac` makes an object for the collector at every call, and with it a check
 * costs three times as much. The results are text, since a `Buffer` per digest costs more than the digest.
 */
export function createMac(key: Uint8Array, messageLength: number): Mac {
  if (key.length > BLOCK) throw new RangeError('key is longer than a block')
  const inner = pad(key, 0x36, messageLength)
  const outer = pad(key, 0x5c, 32)
  return (message, target) => {
    inner.set(message, BLOCK)
    outer.write(hash('sha256', inner, 'binary'), BLOCK, 'latin1')
    target.write(hash('sha256', outer, 'binary'), 'latin1')
  }
}
