import { Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'

export type Guard = 'authenticated' | 'not_authenticated'

/**
 * Throws `not_authenticated` unless somebody is signed in. One body for every bad token, and one exception: a replay.
 * Throws `unavailable` when the store was away: nobody is signed out for that.
 */
export function requireAuthenticated(ctx: Context): void {
  if (ctx.failure !== null) throw ctx.failure
  if (ctx.authenticated) return
  throw new Problem('not_authenticated', ctx.refusal === 'reused' ? { reason: 'session_reused' } : {})
}

/** Throws `already_authenticated` when somebody is signed in. */
export function requireNotAuthenticated(ctx: Context): void {
  if (ctx.failure !== null) throw ctx.failure
  if (ctx.authenticated) throw new Problem('already_authenticated')
}

export function applyGuard(guard: Guard | undefined, ctx: Context): void {
  if (guard === 'authenticated') requireAuthenticated(ctx)
  if (guard === 'not_authenticated') requireNotAuthenticated(ctx)
}
