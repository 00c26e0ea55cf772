import { storedPbkdf2 } from '../pow.js'
import type { ReadHash } from '../stored-hash.js'

/** Base64 whose first byte is 1, the version, and whose next three are 0. */
const ASP_NET = /^AQAAAA[A-Za-z0-9+/]{50,200}={0,2}$/
const DIGESTS = ['sha1', 'sha256', 'sha512']
/** The version, and three numbers of four bytes. */
const HEAD_BYTES = 13
const MOST_SALT = 64

/** For `reads`: PBKDF2 as ASP.NET Core Identity writes it, version 3: `AQAAAA…`. */
export const aspNetHashes: ReadHash = hash => {
  if (!ASP_NET.test(hash)) return null
  const bytes = Buffer.from(hash, 'base64')
  const digest = DIGESTS[bytes.readUInt32BE(1)]
  const saltBytes = bytes.readUInt32BE(9)
  if (digest === undefined || saltBytes > MOST_SALT) return null
  const rest = bytes.subarray(HEAD_BYTES)
  return storedPbkdf2(digest, bytes.readUInt32BE(5), rest.subarray(0, saltBytes), rest.subarray(saltBytes))
}
