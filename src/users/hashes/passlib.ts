import type { ReadHash } from '../stored-hash.js'
import { wholePbkdf2 } from './whole-pbkdf2.js'

const PASSLIB = /^\$pbkdf2(?:-(sha256|sha512))?\$(\d{1,8})\$([A-Za-z0-9./]{1,128})\$([A-Za-z0-9./]{22,86})$/

const bytesOf = (text: string): Buffer => Buffer.from(text.replaceAll('.', '+'), 'base64')

/** For `reads`: `$pbkdf2-sha256$…`, `$pbkdf2-sha512$…` and `$pbkdf2$…` as Passlib writes them, with `.` in place of `+`. */
export const passlibHashes: ReadHash = hash => {
  const [known, digest = 'sha1', rounds, salt = '', key = ''] = PASSLIB.exec(hash) ?? []
  return known === undefined ? null : wholePbkdf2(digest, Number(rounds), bytesOf(salt), bytesOf(key))
}
