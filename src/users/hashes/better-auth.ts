import { scryptKey } from '../scrypt.js'
import type { ReadHash } from '../stored-hash.js'
import { derivedKey } from './derived-key.js'

const BETTER_AUTH = /^([0-9a-f]{32}):([0-9a-f]{128})$/
const PARAMETERS = { cost: 2 ** 14, blockSize: 16, parallelization: 1 }

/** For `reads`: scrypt as Better Auth writes it by itself, `<salt>:<key>` in hex. */
export const betterAuthHashes: ReadHash = hash => {
  const [known, salt = '', key = ''] = BETTER_AUTH.exec(hash) ?? []
  if (known === undefined) return null
  const expected = Buffer.from(key, 'hex')
  // The salt is the text, not the bytes it says.
  return derivedKey(expected, password =>
    scryptKey(password.normalize('NFKC'), Buffer.from(salt), expected.length, PARAMETERS),
  )
}
