import type { Session } from '../../src/index.js'
import { newSessionId } from '../../src/tokens/random.js'

export const DAY_MS = 86_400_000

/** A session of a user as `signIn` would make it at a time, with the usual lifetimes. */
export function sessionOf(userId: string, now: number, changed: Partial<Session> = {}): Session {
  const device = { userAgent: 'a user agent', address: '192.0.2.1' }
  return {
    id: newSessionId(userId),
    userId,
    secretHash: new Uint8Array(32),
    generation: 0,
    credentialEpoch: 0,
    createdAt: now,
    authenticatedAt: now,
    renewedAt: now,
    accessExpiresAt: now + DAY_MS / 48,
    renewalExpiresAt: now + 30 * DAY_MS,
    expiresAt: now + 90 * DAY_MS,
    methods: ['pwd'],
    createdBy: device,
    renewedBy: device,
    retryKeyHash: null,
    data: {},
    ...changed,
  }
}
