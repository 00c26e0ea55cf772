import type { Awaitable } from '../base/awaitable.js'
import type { Device, Session } from '../stores/session-store.js'
import { newId } from '../tokens/random.js'
import type { BaseUser } from '../users/user.js'

/** What Pawl asks of a request, whatever server it came through. */
export interface Caller {
  /** As it came: `GET`. Empty where no request was the occasion. */
  readonly method: string
  /** The value of a header by its lower-case name; null when it is not there. Repeated headers are joined with `, `, cookies with `; `. */
  header(name: string): string | null
  /** The peer's address; null when there is none to know. */
  readonly address: string | null
  /** The id the server gave the request for its logs, where it gave one. */
  readonly id?: string | undefined
  /** Called at the first queued write, so that an adapter can hold a response that is not its own. */
  readonly onQueued?: (ctx: Context) => void
}

/** A pair of tokens, told to the client once and stored nowhere. */
export interface IssuedTokens {
  readonly accessToken: string
  readonly renewalToken: string
}

/** Why a presented token opened nothing. For the log; a client is not told. */
export type Refusal = 'malformed' | 'ambiguous' | 'forged' | 'ended' | 'replaced' | 'reused' | 'expired' | 'user_gone'

const LONGEST_USER_AGENT = 256
const NO_COOKIES: readonly string[] = Object.freeze([])

/** One request, from open to send: its facts, and the writes it has queued. */
export class Context<out User extends BaseUser = BaseUser, out Request extends Caller = Caller> {
  readonly request: Request
  /** Segments of the path that a route names with `:name`. */
  params: Readonly<Record<string, string>> = {}
  user: User | null = null
  session: Session | null = null
  /** Whose users it is among: what the option `tenant` says of the request. Empty where there are no tenants. */
  tenant = ''
  /** Who does it, where trusted code says so: see `system.as`. Null where the request's user does it, or nobody said. */
  actor: string | null = null
  /** The tokens made during this request, for its answer to show. Null where they travel in a cookie. */
  tokens: IssuedTokens | null = null
  /** True once this request signed in or renewed: the session is its own, and goes with the writes when they go. */
  began = false
  /** Why the presented token opened nothing; null when it did, or when there was none. */
  refusal: Refusal | null = null
  /** What kept Pawl from finding out who this is: the store is away. Guards throw it; null when nothing did. */
  failure: unknown = null
  /** Which auth opened it. */
  opener: object | null = null
  /** The same request as every auth opened it, where there are several: each guard looks for its own. */
  siblings: Context[] | null = null
  #address: string | null | undefined
  #cookies = NO_COOKIES
  #id: string | null = null
  #writes: (() => Awaitable<void>)[] | null = null

  constructor(request: Request) {
    this.request = request
  }

  /** The request's id in logs: the server's, or a random one. */
  get id(): string {
    this.#id ??= this.request.id ?? newId()
    return this.#id
  }

  /** Whose request it is: the peer's address, or what the app's own proxies say of it. Null when there is none to know. */
  get address(): string | null {
    return this.#address === undefined ? this.request.address : this.#address
  }

  set address(address: string | null) {
    this.#address = address
  }

  get device(): Device {
    const userAgent = this.request.header('user-agent')
    return { userAgent: userAgent?.slice(0, LONGEST_USER_AGENT) ?? null, address: this.address }
  }

  /** True when somebody is signed in. */
  get authenticated(): boolean {
    return this.session !== null || this.user !== null
  }

  /** Joins what another auth made of the same request before. */
  joins(before: Context | undefined): this {
    if (before) {
      before.siblings ??= [before]
      before.siblings.push(this as unknown as Context)
      this.siblings = before.siblings
    }
    return this
  }

  /** Values of `Set-Cookie` for the response, once `commit` is through. */
  get cookies(): readonly string[] {
    return this.#cookies
  }

  /** Gives the response a cookie. Called by a queued write that is done: what was not stored is not told. */
  setCookie(cookie: string): void {
    const name = cookie.slice(0, cookie.indexOf('=') + 1)
    this.#cookies = [...this.#cookies.filter(other => !other.startsWith(name)), cookie]
  }

  /** True while writes wait for the response. */
  get hasWrites(): boolean {
    return this.#writes !== null
  }

  /**
   * Queues a write. Writes run in order right before the response leaves, and not at all if the request fails:
   * no client is told of tokens that were not stored, and none are stored that no client was told of.
   * The write that decides goes `first`: what depends on it is not done when it fails.
   */
  beforeSend(write: () => Awaitable<void>, { first = false }: { readonly first?: boolean } = {}): void {
    if (this.#writes) return void (first ? this.#writes.unshift(write) : this.#writes.push(write))
    this.#writes = [write]
    this.request.onQueued?.(this)
  }

  /** Runs the queued writes. The first that throws ends it; later ones do not run. */
  async commit(): Promise<void> {
    while (this.#writes) {
      const writes = this.#writes
      this.#writes = null
      for (const write of writes) await write()
    }
  }

  /** Forgets the queued writes and the tokens they would have stored. */
  discard(): void {
    this.#writes = null
    this.#cookies = NO_COOKIES
    // Whoever was signed in by this request is not.
    if (this.tokens || this.began) {
      this.user = null
      this.session = null
    }
    this.tokens = null
    this.began = false
  }

  /** Shows ids only: a context that is logged tells no token. */
  toJSON(): { id: string; userId: string | null; sessionId: string | null } {
    return { id: this.id, userId: this.user?.id ?? null, sessionId: this.session?.id ?? null }
  }
}
