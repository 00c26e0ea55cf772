import type { Session } from './session-store.js'

/** A session as a row of `pawl_sessions`. */
export interface SessionRow {
  readonly id: string
  readonly user_id: string
  /** In hexadecimal. */
  readonly secret_hash: string
  readonly generation: number
  readonly credential_epoch: number
  readonly created_at: number
  readonly authenticated_at: number
  readonly renewed_at: number
  readonly access_expires_at: number
  readonly renewal_expires_at: number
  readonly expires_at: number
  readonly methods: string
  readonly created_user_agent: string | null
  readonly created_address: string | null
  readonly renewed_user_agent: string | null
  readonly renewed_address: string | null
  readonly retry_key_hash: string | null
  readonly data: string
}

export const SESSION_COLUMNS: readonly (keyof SessionRow)[] = [
  'id',
  'user_id',
  'secret_hash',
  'generation',
  'credential_epoch',
  'created_at',
  'authenticated_at',
  'renewed_at',
  'access_expires_at',
  'renewal_expires_at',
  'expires_at',
  'methods',
  'created_user_agent',
  'created_address',
  'renewed_user_agent',
  'renewed_address',
  'retry_key_hash',
  'data',
]

export function sessionFromRow(row: SessionRow): Session {
  return {
    id: row.id,
    userId: row.user_id,
    secretHash: new Uint8Array(Buffer.from(row.secret_hash, 'hex')),
    generation: row.generation,
    credentialEpoch: row.credential_epoch,
    createdAt: row.created_at,
    authenticatedAt: row.authenticated_at,
    renewedAt: row.renewed_at,
    accessExpiresAt: row.access_expires_at,
    renewalExpiresAt: row.renewal_expires_at,
    expiresAt: row.expires_at,
    methods: row.methods === '' ? [] : row.methods.split(' '),
    createdBy: { userAgent: row.created_user_agent, address: row.created_address },
    renewedBy: { userAgent: row.renewed_user_agent, address: row.renewed_address },
    retryKeyHash: row.retry_key_hash,
    data: row.data === '{}' ? {} : JSON.parse(row.data),
  }
}

/** The columns of a partial change, in the order of `SESSION_COLUMNS`. */
export function rowFromSession(session: Partial<Session>): Partial<SessionRow> {
  const row: Partial<Record<keyof SessionRow, SessionRow[keyof SessionRow] | undefined>> = {
    id: session.id,
    user_id: session.userId,
    secret_hash: session.secretHash && Buffer.from(session.secretHash).toString('hex'),
    generation: session.generation,
    credential_epoch: session.credentialEpoch,
    created_at: session.createdAt,
    authenticated_at: session.authenticatedAt,
    renewed_at: session.renewedAt,
    access_expires_at: session.accessExpiresAt,
    renewal_expires_at: session.renewalExpiresAt,
    expires_at: session.expiresAt,
    methods: session.methods?.join(' '),
    created_user_agent: session.createdBy?.userAgent,
    created_address: session.createdBy?.address,
    renewed_user_agent: session.renewedBy?.userAgent,
    renewed_address: session.renewedBy?.address,
    retry_key_hash: session.retryKeyHash,
    data: session.data && JSON.stringify(session.data),
  }
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as Partial<SessionRow>
}
