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

/**
 * A new session id: a UUID of version 8 whose first 32 bits depend on the user alone, so that a clustered store can
 * keep all sessions of one user in one place. The other 90 bits are random.
 * The tag's key is a constant: a key from the server secret would move a user's sessions at every rotation.
 */
export function newSessionId(userId: string): string {
  const bytes = randomBytes(16)
  createHash('sha256').update('pawl/session-tag\0').update(userId, 'utf8').digest().copy(bytes, 0, 0, 4)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return uuidAt(bytes, 0)
}
