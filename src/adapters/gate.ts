import type { Auth } from '../auth.js'
import type { Answer, Exchange } from '../http/exchange.js'
import { type Guard, refusalOf } from '../http/guards.js'
import type { Presenter } from '../http/presenter.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'

export interface GuardOptions {
  /** What those get who are not let through: the guide's error handler. Default: the presenter of `createAuth`. */
  readonly presenter?: Presenter
}

/** A guard in no host's words yet: lets the request `enter`, as this auth opened it, or refuses it with an answer. */
export type Gate<User extends BaseUser> = <Result>(
  found: Context | undefined,
  enter: (ctx: Context<User, Exchange>) => Result,
  refuse: (answer: Answer) => Result,
) => Result

/** Asks about the request as `auth` opened it, whoever else did. */
export function gateOf<User extends BaseUser>(
  auth: Pick<Auth<User>, 'opened' | 'present'>,
  guard: Guard,
  { presenter }: GuardOptions = {},
): Gate<User> {
  return (found, enter, refuse) => {
    const ctx = auth.opened(found)
    const refusal = refusalOf(guard, ctx)
    return refusal === null ? enter(ctx) : refuse(auth.present(refusal, ctx, presenter))
  }
}

/** A guard that may stand before one handler, as `(auth, handler, options)`, or alone, as `(auth, options)`. */
export function guardOf<User extends BaseUser, Handler extends (...args: never[]) => unknown>(
  auth: Pick<Auth<User>, 'opened' | 'present'>,
  guard: Guard,
  first: Handler | GuardOptions | undefined,
  options?: GuardOptions,
): { readonly gate: Gate<User>; readonly handler: Handler | null } {
  if (typeof first === 'function') return { gate: gateOf(auth, guard, options), handler: first }
  return { gate: gateOf(auth, guard, first), handler: null }
}
