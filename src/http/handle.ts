import { type Awaitable, isPromise } from '../base/awaitable.js'
import { Problem, problemOf } from '../base/problem.js'
import { Context } from '../sessions/context.js'
import type { Emit } from '../sessions/event.js'
import type { Sessions } from '../sessions/sessions.js'
import type { BaseUser } from '../users/user.js'
import { type Answer, type Exchange, pathOf } from './exchange.js'
import { forwardedAddress } from './forwarded.js'
import { type Guard, refusalOf } from './guards.js'
import { readInput } from './input.js'
import { guidePresenter, type Presenter } from './presenter.js'
import { isAnswer } from './route.js'
import type { Match, Router } from './router.js'

export interface HandleParts<User extends BaseUser> {
  readonly router: Router<User>
  readonly sessions: Sessions<User>
  readonly presenter: Presenter
  /** Whose users a request is among; null for no tenant there is. */
  readonly tenantOf: ((exchange: Exchange) => Awaitable<string | null>) | undefined
  /** How many proxies of the app's own a request comes through. */
  readonly proxyHops: number
  readonly emit: Emit
  readonly onError: (error: unknown, requestId: string) => void
}

/** A request in three steps: `open` finds out who it is, `handle` answers, `send` runs the queued writes. */
export interface Handling<out User extends BaseUser> {
  /** Never throws: what went wrong waits in `ctx.failure` for the guard. Answers at once where the store does. */
  open(exchange: Exchange): Awaitable<Context<User, Exchange>>
  /** The answer of one of our routes, presented and sent; null, at once, when the path is none of ours. */
  handle(ctx: Context<User, Exchange>): Awaitable<Answer | null>
  /** Runs the queued writes, right before a response leaves. Null when they are done; the answer to give instead when one failed. */
  send(ctx: Context<User, Exchange>): Promise<Answer | null>
  /** The answer for something thrown: a problem as it is, anything else as `internal`. Forgets the queued writes. */
  present(error: unknown, ctx: Context<User, Exchange>, presenter?: Presenter): Answer
  /**
   * What this auth knows of a request that several may have opened.
   * Throws `TypeError` for one it did not open: a guard must not take another's word.
   */
  opened(ctx: Context | undefined): Context<User, Exchange>
  /** Everything at once, for an app that has nothing but these routes. Never throws. */
  respond(exchange: Exchange): Promise<Answer>
}

/** The answer with the cookies that its writes, now done, gave it. No cache may keep such a one. */
function withCookies(answer: Answer, { cookies }: Context): Answer {
  if (cookies.length === 0) return answer
  return { ...answer, headers: { ...answer.headers, 'cache-control': 'no-store' }, cookies }
}

export function createHandling<User extends BaseUser>(parts: HandleParts<User>): Handling<User> {
  const { router, sessions, presenter, tenantOf, proxyHops, emit, onError } = parts

  /** Finds out whose users it is among, then who it is. */
  async function fetchAmong(ctx: Context<User, Exchange>, among: NonNullable<typeof tenantOf>): Promise<User | null> {
    const tenant: unknown = await among(ctx.request)
    // A look-up in an object may give anything: what is no name is no tenant.
    if (typeof tenant !== 'string' || tenant === '') throw new Problem('unknown_tenant')
    ctx.tenant = tenant
    return sessions.fetch(ctx)
  }

  function open(exchange: Exchange): Awaitable<Context<User, Exchange>> {
    const ctx = new Context<User, Exchange>(exchange)
    ctx.opener = parts
    if (proxyHops > 0) ctx.address = forwardedAddress(exchange, proxyHops)
    const failed = (error: unknown) => {
      ctx.failure = error
      return ctx
    }
    try {
      const fetched = tenantOf ? fetchAmong(ctx, tenantOf) : sessions.fetch(ctx)
      return isPromise(fetched) ? fetched.then(() => ctx, failed) : ctx
    } catch (error) {
      return failed(error)
    }
  }

  function opened(ctx: Context | undefined): Context<User, Exchange> {
    const own = ctx?.opener === parts ? ctx : ctx?.siblings?.find(each => each.opener === parts)
    if (own) return own as Context<User, Exchange>
    throw new TypeError('the request did not come through this auth: mount its middleware before its guards')
  }

  function present(error: unknown, ctx: Context<User, Exchange>, shown = presenter): Answer {
    ctx.discard()
    const problem = problemOf(error)
    if (problem.status >= 500 && problem.cause !== undefined) onError(problem.cause, ctx.id)
    const isAboutToken = problem.code === 'not_authenticated' || problem.code === 'invalid_token'
    if (isAboutToken && ctx.refusal) emit(ctx, 'token.refused', { detail: ctx.refusal })
    if (problem.code === 'busy') emit(ctx, 'password.busy')
    if (problem.code === 'unavailable') emit(ctx, 'store.unavailable')
    try {
      return shown.problem(problem, ctx)
    } catch (thrown) {
      onError(thrown, ctx.id)
      return guidePresenter.problem(problem, ctx)
    }
  }

  async function send(ctx: Context<User, Exchange>): Promise<Answer | null> {
    try {
      await ctx.commit()
      return null
    } catch (error) {
      return present(error, ctx)
    }
  }

  function applyGuard(guard: Guard | undefined, ctx: Context<User, Exchange>): void {
    const refusal = guard ? refusalOf(guard, ctx) : null
    if (refusal !== null) throw refusal
  }

  /** A body may be a long time coming: who sent it is looked at again, so that a session that ended does nothing. */
  async function guardAgain(guard: Guard, ctx: Context<User, Exchange>): Promise<void> {
    ctx.user = null
    ctx.session = null
    await sessions.fetch(ctx)
    applyGuard(guard, ctx)
  }

  async function answer(ctx: Context<User, Exchange>, { route, params }: Match<User>): Promise<Answer> {
    ctx.params = params
    if (tenantOf && ctx.tenant === '') throw ctx.failure
    applyGuard(route.guard, ctx)
    const input = route.method === 'GET' ? Object.create(null) : await readInput(ctx.request, route.needsInput ?? false)
    if (route.guard && route.method !== 'GET') await guardAgain(route.guard, ctx)
    const result = await route.handle(ctx, input)
    if (isAnswer(result)) return result
    if (result !== undefined) return presenter.data(result, ctx)
    return ctx.tokens ? presenter.tokens(ctx.tokens, ctx) : presenter.data({}, ctx)
  }

  function handle(ctx: Context<User, Exchange>): Awaitable<Answer | null> {
    try {
      const match = router(ctx.request.method, pathOf(ctx.request.target))
      if (!match) return null
      return answer(ctx, match).then(
        async answered => (await send(ctx)) ?? withCookies(answered, ctx),
        error => present(error, ctx),
      )
    } catch (error) {
      return present(error, ctx)
    }
  }

  return {
    open,
    opened,
    send,
    present,
    handle,
    async respond(exchange) {
      const ctx = await open(exchange)
      return (await handle(ctx)) ?? present(new Problem('not_found'), ctx)
    },
  }
}
