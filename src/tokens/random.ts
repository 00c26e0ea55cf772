import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { uuidAt } from './uuid.js'

/** A new id for a user or a request: a random UUID. */
export function newId(): string {
  return randomUUID()
}

/** The 16 random bytes that make a session's tokens unguessable, even to somebody who holds the server secret. */
export function newSessionSecret(): Uint8Array {
  return new Uint8Array(randomBytes(16))
}

/** 32 bits that depend on the user alone. They say in which slot of a clustered store the user's sessions are. */
function sessionTagBytes(userId: string): Buffer {
  return createHash('sha256').update('pawl/session-tag\0').update(userId, 'utf8').digest().subarray(0, 4)
}

/** The tag of a user's session ids: their first eight digits. */
export function sessionTag(userId: string): string {
  return sessionTagBytes(userId).toString('hex')
}

/**
 * A new session id: a UUID of version 8 whose first 32 bits depend on the user alone, so that a clustered store can
 * keep all sessions of one user in one place. The other 90 bits are random.
 * The tag's key is a constant: a key from the server secret would move a user's sessions at every rotation.
 */
export function newSessionId(userId: string): string {
  const bytes = randomBytes(16)
  sessionTagBytes(userId).copy(bytes)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return uuidAt(bytes, 0)
}
