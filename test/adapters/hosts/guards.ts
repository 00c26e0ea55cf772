import type { Auth, Presenter } from '../../../src/index.js'
import type { HostGuard } from '../../../src/testing/index.js'

interface Options {
  readonly presenter?: Presenter
}

/** The guards of an adapter that has them around a handler alone. */
interface Guards<Handler, Guarded> {
  requireAuthenticated(auth: Auth, handler: Handler, options?: Options): Guarded
  requireNotAuthenticated(auth: Auth, handler: Handler, options?: Options): Guarded
  requireRole(auth: Auth, roles: readonly string[], handler: Handler, options?: Options): Guarded
}

/** A handler behind the guard that a controller names. */
export function guarding<Handler, Guarded>(
  guards: Guards<Handler, Guarded>,
  { auth, who, presenter }: HostGuard,
  handler: Handler,
): Guarded {
  const options = presenter ? { presenter } : {}
  if (who === 'authenticated') return guards.requireAuthenticated(auth, handler, options)
  if (who === 'not_authenticated') return guards.requireNotAuthenticated(auth, handler, options)
  return guards.requireRole(auth, who, handler, options)
}
