import type { Caller } from '../sessions/context.js'

/** A request as Pawl sees it. Adapters make one; the platform's own request stays with them. */
export interface Exchange extends Caller {
  /** Path and query as they came: `/api/v1/session?x=1`. */
  readonly target: string
  /** Reads the body. Throws `body_too_large` as soon as more than `limit` bytes are declared or counted. */
  readBody(limit: number): Promise<Uint8Array>
  /** What the host made of the body where it read it already: an object, bytes or text. Undefined where it did not. */
  readonly parsedBody?: () => unknown
}

/** A response as Pawl makes it. */
export interface Answer {
  readonly status: number
  /** By lower-case name. Without `content-length`: whoever sends the answer counts. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  /** Values of `Set-Cookie`. Default: none. */
  readonly cookies?: readonly string[]
}

/** The path of a target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query === -1 ? target : target.slice(0, query)
}
