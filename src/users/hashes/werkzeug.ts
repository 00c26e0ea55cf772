import { isWithinReach, scryptKey } from '../scrypt.js'
import type { ReadHash } from '../stored-hash.js'
import { derivedKey } from './derived-key.js'
import { wholePbkdf2 } from './whole-pbkdf2.js'

const PBKDF2 = /^pbkdf2:(sha1|sha256|sha512):(\d{1,8})\$([^$]{1,128})\$((?:[0-9a-f]{2}){16,64})$/
const SCRYPT = /^scrypt:(\d{1,8}):(\d{1,3}):(\d{1,3})\$([^$]{1,128})\$([0-9a-f]{128})$/

const readPbkdf2: ReadHash = hash => {
  const [known, digest = '', rounds, salt = '', key = ''] = PBKDF2.exec(hash) ?? []
  if (known === undefined) return null
  return wholePbkdf2(digest, Number(rounds), Buffer.from(salt), Buffer.from(key, 'hex'))
}

const readScrypt: ReadHash = hash => {
  const [known, cost, blockSize, parallelization, salt = '', key = ''] = SCRYPT.exec(hash) ?? []
  const parameters = { cost: Number(cost), blockSize: Number(blockSize), parallelization: Number(parallelization) }
  if (known === undefined || !isWithinReach(parameters)) return null
  const expected = Buffer.from(key, 'hex')
  return derivedKey(expected, password => scryptKey(password, Buffer.from(salt), expected.length, parameters))
}

/** For `reads`: `pbkdf2:sha256:…` and `scrypt:…` as Werkzeug writes them for Flask. */
export const werkzeugHashes: ReadHash = hash => readPbkdf2(hash) ?? readScrypt(hash)
