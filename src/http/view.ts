import type { Json } from '../base/json.js'
import type { DeviceData, SessionData, UserData } from '../protocol.js'
import type { Device, Session } from '../stores/session-store.js'
import type { BaseUser, UserRepository } from '../users/user.js'

const iso = (ms: number): string => new Date(ms).toISOString()
const deviceData = ({ userAgent, address }: Device): DeviceData => ({ user_agent: userAgent, address })

/** What a person is shown about themselves. Named fields only: a user with more of them shows no more. */
export function userView<User extends BaseUser>(user: User, { fields = [] }: UserRepository<User>): Json {
  const { id, email, username, createdAt, updatedAt } = user
  const own = user as unknown as Readonly<Record<string, Json>>
  const data: UserData = {
    id,
    email: email === '' ? null : email,
    ...(typeof username === 'string' && { username }),
    ...Object.fromEntries(fields.map(name => [name, own[name] ?? null])),
    created_at: iso(createdAt),
    updated_at: iso(updatedAt),
  }
  return data as unknown as Json
}

/** What a person is shown about one of their sessions. */
export function sessionView(session: Session, current: Session | null): Json {
  const data: SessionData = {
    id: session.id,
    current: session.id === current?.id,
    created_at: iso(session.createdAt),
    authenticated_at: iso(session.authenticatedAt),
    renewed_at: iso(session.renewedAt),
    access_expires_at: iso(session.accessExpiresAt),
    renewal_expires_at: iso(session.renewalExpiresAt),
    expires_at: iso(session.expiresAt),
    methods: session.methods,
    device: { created: deviceData(session.createdBy), renewed: deviceData(session.renewedBy) },
    data: session.data,
  }
  return data as unknown as Json
}
