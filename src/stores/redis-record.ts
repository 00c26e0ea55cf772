import { endOf, type Renewed, type Session, type SessionChange } from './session-store.js'

/**
 * A session as a text of lines, each a JSON value, so that a script can compare and replace a line without reading the
 * rest. JSON has no line break outside its own escapes.
 */
export const LINES = {
  generation: 1,
  end: 2,
  expiresAt: 3,
  userId: 4,
  renewal: 5,
  authenticatedAt: 6,
  credentialEpoch: 7,
  methods: 8,
  data: 9,
  start: 10,
} as const

type Renewal = [number, number, number, string | null, string | null, string | null, string]
type Start = [string, number, string | null, string | null]
type Values = [number, number, number, string, Renewal, number, number, string[], Session['data'], Start]

/** `attempt` tells one attempt from another: a client may send a command again whose answer was lost. */
export function renewalLine(renewed: Renewed, attempt: string): string {
  const { renewedAt, accessExpiresAt, renewalExpiresAt, renewedBy, retryKeyHash } = renewed
  return JSON.stringify([
    renewedAt,
    accessExpiresAt,
    renewalExpiresAt,
    renewedBy.userAgent,
    renewedBy.address,
    retryKeyHash,
    attempt,
  ] satisfies Renewal)
}

export function recordOf(session: Session): string {
  const { createdBy } = session
  const start: Start = [
    Buffer.from(session.secretHash).toString('hex'),
    session.createdAt,
    createdBy.userAgent,
    createdBy.address,
  ]
  return [
    session.generation,
    endOf(session),
    session.expiresAt,
    JSON.stringify(session.userId),
    renewalLine(session, ''),
    session.authenticatedAt,
    session.credentialEpoch,
    JSON.stringify(session.methods),
    JSON.stringify(session.data),
    JSON.stringify(start),
  ].join('\n')
}

/** The lines a change replaces: number, text, number, text. */
export function changedLines({ authenticatedAt, credentialEpoch, methods, data }: SessionChange): string[] {
  return Object.entries({ authenticatedAt, credentialEpoch, methods, data }).flatMap(([name, value]) =>
    value === undefined ? [] : [String(LINES[name as keyof SessionChange]), JSON.stringify(value)],
  )
}

export function sessionOf(id: string, record: string): Session {
  const values: Values = JSON.parse(`[${record.replaceAll('\n', ',')}]`)
  const [generation, , expiresAt, userId, renewal, authenticatedAt, credentialEpoch, methods, data, start] = values
  const [renewedAt, accessExpiresAt, renewalExpiresAt, renewedAgent, renewedAddress, retryKeyHash] = renewal
  const [secretHash, createdAt, createdAgent, createdAddress] = start
  return Object.freeze({
    id,
    userId,
    secretHash: new Uint8Array(Buffer.from(secretHash, 'hex')),
    generation,
    credentialEpoch,
    createdAt,
    authenticatedAt,
    renewedAt,
    accessExpiresAt,
    renewalExpiresAt,
    expiresAt,
    methods,
    createdBy: { userAgent: createdAgent, address: createdAddress },
    renewedBy: { userAgent: renewedAgent, address: renewedAddress },
    retryKeyHash,
    data,
  })
}
