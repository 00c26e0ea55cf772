import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const NONCE = 12
const TAG = 16

/** Closes texts up, so that a copy of the database tells nothing of them. */
export interface Seal {
  seal(text: string, place: string): string
  /** Null for what was not sealed by one of the keys, or for another place. */
  open(sealed: string, place: string): string | null
}

/** AES-256-GCM under a list of keys: the first seals, all open. `place` says what a text belongs to, and binds it there. */
export function createSeal(keys: readonly Uint8Array[]): Seal {
  function openWith(key: Uint8Array, bytes: Buffer, place: string): string | null {
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE))
      decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(bytes.length - TAG))
      const text = decipher.update(bytes.subarray(NONCE, bytes.length - TAG))
      return Buffer.concat([text, decipher.final()]).toString('utf8')
    } catch {
      return null
    }
  }

  return {
    seal(text, place) {
      const nonce = randomBytes(NONCE)
      const cipher = createCipheriv('aes-256-gcm', keys[0] as Uint8Array, nonce)
      cipher.setAAD(Buffer.from(place))
      return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
        'base64url',
      )
    },
    open(sealed, place) {
      const bytes = Buffer.from(sealed, 'base64url')
      if (bytes.length < NONCE + TAG) return null
      for (const key of keys) {
        const text = openWith(key, bytes, place)
        if (text !== null) return text
      }
      return null
    },
  }
}
