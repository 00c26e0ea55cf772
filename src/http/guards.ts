import { Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'

// Made once: an error costs more than the check that leads to it, and anybody can send a bad token.
const NOT_AUTHENTICATED = new Problem('not_authenticated')
const REUSED = new Problem('not_authenticated', { reason: 'session_reused' })

export type Guard = 'authenticated' | 'not_authenticated'

/**
 * Throws `not_authenticated` unless somebody is signed in. One body for every bad token, and one exception: a replay.
 * Throws `unavailable` when the store was away: nobody is signed out for that.
 */
export function requireAuthenticated(ctx: Context): void {
  if (ctx.failure !== null) throw ctx.failure
  if (ctx.authenticated) return
  throw ctx.refusal === 'reused' ? REUSED : NOT_AUTHENTICATED
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
