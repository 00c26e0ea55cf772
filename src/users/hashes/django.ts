import { createHash } from 'node:crypto'

import { isWithinReach, scryptKey } from '../scrypt.js'
import type { ReadHash } from '../stored-hash.js'
import { argon2Hashes } from './argon2.js'
import { readBcrypt } from './bcrypt.js'
import { derivedKey } from './derived-key.js'
import { wholePbkdf2 } from './whole-pbkdf2.js'

const PBKDF2 = /^pbkdf2_(sha256|sha1)\$(\d{1,8})\$([^$]{1,128})\$([A-Za-z0-9+/]{22,}={0,2})$/
const SCRYPT = /^scrypt\$(\d{1,8})\$([^$]{1,128})\$(\d{1,3})\$(\d{1,3})\$([A-Za-z0-9+/]{86}==)$/

const readPbkdf2: ReadHash = hash => {
  const [known, digest = '', rounds, salt = '', key = ''] = PBKDF2.exec(hash) ?? []
  if (known === undefined) return null
  return wholePbkdf2(digest, Number(rounds), Buffer.from(salt), Buffer.from(key, 'base64'))
}

const readScrypt: ReadHash = hash => {
  const [known, cost, salt = '', blockSize, parallelization, key = ''] = SCRYPT.exec(hash) ?? []
  const parameters = { cost: Number(cost), blockSize: Number(blockSize), parallelization: Number(parallelization) }
  if (known === undefined || !isWithinReach(parameters)) return null
  const expected = Buffer.from(key, 'base64')
  return derivedKey(expected, password => scryptKey(password, Buffer.from(salt), expected.length, parameters))
}

/** Django writes its own name of the kind before what others write. */
function after(prefix: string, read: ReadHash): ReadHash {
  return hash => (hash.startsWith(prefix) ? read(hash.slice(prefix.length)) : null)
}

const KINDS: readonly ReadHash[] = [
  readPbkdf2,
  readScrypt,
  after('argon2', argon2Hashes),
  after('bcrypt$', hash => readBcrypt(hash)),
  after('bcrypt_sha256$', hash => readBcrypt(hash, password => createHash('sha256').update(password).digest('hex'))),
]

/**
 * For `reads`: `pbkdf2_sha256`, `pbkdf2_sha1`, `argon2`, `bcrypt`, `bcrypt_sha256` and `scrypt` as Django writes them. The
 * two of bcrypt need the package `@node-rs/bcrypt`.
 */
export const djangoHashes: ReadHash = hash => {
  for (const read of KINDS) {
    const stored = read(hash)
    if (stored) return stored
  }
  return null
}
