import type { Auth } from '../auth.js'
import { Problem } from '../base/problem.js'
import type { Answer, Exchange } from '../http/exchange.js'
import { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import type { GuardOptions } from './gate.js'

export interface ProblemOptions extends GuardOptions {
  /**
   * What becomes of an error that is no `Problem`. `present`, the default: an error its host means for the client keeps
   * its status, any other is `internal` and told to `onError`. `pass`: it goes on to the app's own error handler.
   */
  readonly unknown?: 'present' | 'pass'
}

/**
 * Forgets what every auth has queued on a request: whoever it threw for, none of it is to be told. Middleware of others
 * may have put something of its own in our place.
 */
export function forget(found: unknown): void {
  if (!(found instanceof Context)) return
  for (const ctx of found.siblings ?? [found]) ctx.discard()
}

/** What this auth knows of a request; of one that failed on the way to it, nothing but the exchange. */
function contextOf<User extends BaseUser>(
  auth: Pick<Auth<User>, 'opened'>,
  found: Context | null | undefined,
  exchange: () => Exchange,
): Context<User, Exchange> {
  if (!found) return new Context(exchange())
  try {
    return auth.opened(found)
  } catch {
    return new Context(exchange())
  }
}

/** Errors of a host that say in other words what `present` knows, in those. */
export type Reading = (error: unknown) => unknown

/** A parser's refusal, whether or not its host means it for the client: `present` knows what to tell of it. */
export const readParserError: Reading = error => {
  const { status, statusCode } = (error ?? {}) as { status?: unknown; statusCode?: unknown }
  const isRefusal = error instanceof SyntaxError && (status === 400 || statusCode === 400)
  return isRefusal ? Object.assign(error, { status: 400, expose: true }) : error
}

/** The answer for something thrown, or null where it is to pass on. The queued writes are forgotten either way. */
export function answerTo<User extends BaseUser>(
  auth: Pick<Auth<User>, 'opened' | 'present'>,
  error: unknown,
  found: Context | null | undefined,
  exchange: () => Exchange,
  { presenter, unknown = 'present' }: ProblemOptions = {},
  read: Reading = readParserError,
): Answer | null {
  forget(found)
  if (unknown === 'pass' && !Problem.is(error)) return null
  return auth.present(read(error), contextOf(auth, found, exchange), presenter)
}
