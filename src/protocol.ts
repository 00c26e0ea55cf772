/** The JSON that travels. Types only: a client may import this file and nothing else comes with it. */

/** Answer of `POST /registration`, `POST /session`, `POST /session/renew`. */
export interface TokensData {
  readonly access_token: string
  readonly renewal_token: string
}

/** Times are ISO 8601 in UTC. */
export interface UserData {
  readonly id: string
  /** Null where people are known by a username alone. */
  readonly email: string | null
  /** Left out where people have none. */
  readonly username?: string
  readonly created_at: string
  readonly updated_at: string
}

export interface DeviceData {
  readonly user_agent: string | null
  readonly address: string | null
}

export interface SessionData {
  readonly id: string
  /** True for the session of the request. */
  readonly current: boolean
  readonly created_at: string
  /** When the password was last proven. */
  readonly authenticated_at: string
  readonly renewed_at: string
  readonly access_expires_at: string
  readonly renewal_expires_at: string
  readonly expires_at: string
  /** RFC 8176 names: `pwd`. */
  readonly methods: readonly string[]
  /** Where the session began, and where it was last renewed. */
  readonly device: { readonly created: DeviceData; readonly renewed: DeviceData }
  /** The application's own. */
  readonly data: Readonly<Record<string, unknown>>
}

/** Every answer that is not a refusal. */
export interface DataBody<Data> {
  readonly data: Data
}

/** Every refusal in the guide's shape. The guard says `code` where the others say `status`. */
export interface ErrorBody {
  readonly error: {
    readonly status?: number
    readonly code?: number
    readonly message: string
    /** Messages by field name. */
    readonly errors?: Readonly<Record<string, readonly string[]>>
    /** A stable code for programs; `docs/problems.md` lists them. */
    readonly reason: string
  }
}
