import { createCipheriv } from 'node:crypto'
import { isWithinReach, scryptKey } from '../scrypt.js'
import type { ReadHash } from '../stored-hash.js'
import { derivedKey } from './derived-key.js'

/** The project's parameters, as the console of Firebase shows them. */
export interface FirebaseHashOptions {
  /** `base64_signer_key`. */
  signerKey: string
  /** `base64_salt_separator`. */
  saltSeparator: string
  /** `rounds`. Default: 8. */
  rounds?: number
  /** `mem_cost`. Default: 14. */
  memCost?: number
}

const FIREBASE = /^\$firebase-scrypt\$([A-Za-z0-9+/_-]{2,128}={0,2})\$([A-Za-z0-9+/_-]{22,128}={0,2})$/
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/
const CIPHER_KEY_BYTES = 32

function bytesOf(name: string, text: string, least: number): Buffer {
  // Either alphabet decodes.
  const bytes = typeof text === 'string' && BASE64.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0)
  if (bytes.length < least) throw new TypeError(`\`${name}\` must be base64, as the console of Firebase shows it`)
  return bytes
}

/**
 * For `reads`: Firebase's own scrypt, written `$firebase-scrypt$<salt>$<passwordHash>` with both as they were exported.
 * Throws `TypeError` for parameters that cannot be.
 */
export function firebaseHashes({ signerKey, saltSeparator, rounds = 8, memCost = 14 }: FirebaseHashOptions): ReadHash {
  const signer = bytesOf('signerKey', signerKey, 16)
  const separator = bytesOf('saltSeparator', saltSeparator, 1)
  const parameters = { cost: 2 ** memCost, blockSize: rounds, parallelization: 1 }
  if (!isWithinReach(parameters)) {
    throw new TypeError(
      '`rounds` and `memCost` must be whole numbers that need at most 256 MiB: see the console of Firebase',
    )
  }

  return hash => {
    const [known, salt = '', key = ''] = FIREBASE.exec(hash) ?? []
    if (known === undefined) return null
    const expected = Buffer.from(key, 'base64')
    if (expected.length !== signer.length) return null
    return derivedKey(expected, async password => {
      const salted = Buffer.concat([Buffer.from(salt, 'base64'), separator])
      const secret = await scryptKey(password, salted, CIPHER_KEY_BYTES, parameters)
      // The hash is the project's key, encrypted with what the password gives.
      return createCipheriv('aes-256-ctr', secret, Buffer.alloc(16)).update(signer)
    })
  }
}
