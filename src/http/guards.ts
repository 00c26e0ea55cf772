import { Problem } from '../base/problem.js'
import type { Context } from '../sessions/context.js'

// Made once: an error costs more than the check that leads to it, and anybody can send a bad token.
const NOT_AUTHENTICATED = Object.freeze(new Problem('not_authenticated'))
const REUSED = Object.freeze(new Problem('not_authenticated', { reason: 'session_reused' }))
const FORBIDDEN = Object.freeze(new Problem('forbidden'))
const ALREADY_AUTHENTICATED = Object.freeze(new Problem('already_authenticated'))

/** Who is let through: somebody, nobody, or somebody who has one of these roles. */
export type Guard = 'authenticated' | 'not_authenticated' | readonly string[]

/** Roles as they may be given: one or several. Throws `TypeError` for none. */
export function rolesOf(roles: string | readonly string[]): readonly string[] {
  const list = typeof roles === 'string' ? [roles] : roles
  if (list.length === 0 || list.includes('')) throw new TypeError('`requireRole` needs the name of a role')
  return list
}

/**
 * Why a guard lets a request not pass, or null. One problem for every bad token, and one exception: a replay.
 * Where the store was away it is that failure: nobody is signed out for it.
 */
export function refusalOf(guard: Guard, ctx: Context): unknown {
  if (ctx.failure !== null) return ctx.failure
  if (guard === 'not_authenticated') return ctx.authenticated ? ALREADY_AUTHENTICATED : null
  if (ctx.authenticated) return guard === 'authenticated' ? null : refusalOfRole(guard, ctx)
  return ctx.refusal === 'reused' ? REUSED : NOT_AUTHENTICATED
}

function refusalOfRole(roles: readonly string[], { user }: Context): unknown {
  if (user === null) return new TypeError('roles are the user: they cannot be asked for with `session.loadUser: false`')
  return user.role !== undefined && roles.includes(user.role) ? null : FORBIDDEN
}

/** A problem of its own to throw: frameworks write on what they catch. */
function throwIf(refusal: unknown): void {
  if (refusal === null) return
  throw Problem.is(refusal) && Object.isFrozen(refusal)
    ? new Problem(refusal.code, { reason: refusal.reason })
    : refusal
}

/** Throws `not_authenticated` unless somebody is signed in, and `unavailable` when the store was away. */
export function requireAuthenticated(ctx: Context): void {
  throwIf(refusalOf('authenticated', ctx))
}

/** Throws `not_authenticated` unless somebody is signed in, and `forbidden` unless they have one of the roles. */
export function requireRole(ctx: Context, roles: string | readonly string[]): void {
  throwIf(refusalOf(rolesOf(roles), ctx))
}

/** Throws `already_authenticated` when somebody is signed in, and `unavailable` when the store was away. */
export function requireNotAuthenticated(ctx: Context): void {
  throwIf(refusalOf('not_authenticated', ctx))
}
