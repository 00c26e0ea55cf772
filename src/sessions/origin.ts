import { Problem } from '../base/problem.js'
import type { Context } from './context.js'

const SAFE = /^(?:GET|HEAD|OPTIONS)$/

/** Where a request came from: our own pages, an origin that is trusted, or another. */
function isOurs(ctx: Context, trusted: readonly string[]): boolean {
  const { request } = ctx
  const site = request.header('sec-fetch-site')
  const origin = request.header('origin')
  if (origin !== null && trusted.includes(origin)) return true
  if (site !== null) return site === 'same-origin' || site === 'none'
  // No browser that sends neither lets another site's page send a request with our cookie.
  if (origin === null) return true
  return URL.canParse(origin) && new URL(origin).host === request.header('host')?.toLowerCase()
}

/**
 * Throws `origin_rejected` for a request that may change something and that another site's page may have sent: the
 * browser adds our cookie to those as well (OWASP CSRF Prevention). A WebSocket counts: its page may be anybody's.
 */
export function requireOwnOrigin(ctx: Context, trusted: readonly string[]): void {
  const { request } = ctx
  if (SAFE.test(request.method) && request.header('upgrade') === null) return
  if (!isOurs(ctx, trusted)) throw new Problem('origin_rejected')
}
