import { Problem } from '../base/problem.js'
import type { Context } from './context.js'

const SAFE = /^(?:GET|HEAD|OPTIONS)$/
/** Hosts whose pages a browser takes for secure without TLS. */
const LOOPBACK = /^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\])$/

/** Which pages may send requests that change something. */
export interface OriginRules {
  readonly trusted: readonly string[]
  /** True where our own pages come over TLS alone: somebody on the line can make others in our name. */
  readonly isSecure: boolean
}

/** True for a page of the host that the request is for. */
function isSameHost(ctx: Context, origin: string, isSecure: boolean): boolean {
  if (!URL.canParse(origin)) return false
  const { host, hostname, protocol } = new URL(origin)
  if (isSecure && protocol !== 'https:' && !LOOPBACK.test(hostname)) return false
  return host === ctx.request.header('host')?.toLowerCase()
}

/** Where a request came from: our own pages, an origin that is trusted, or another. */
function isOurs(ctx: Context, { trusted, isSecure }: OriginRules): boolean {
  const { request } = ctx
  const site = request.header('sec-fetch-site')
  const origin = request.header('origin')
  if (origin !== null && trusted.includes(origin)) return true
  if (site !== null) return site === 'same-origin' || site === 'none'
  // No browser that sends neither lets another site's page send a request with our cookie.
  if (origin === null) return true
  return isSameHost(ctx, origin, isSecure)
}

/**
 * Throws `origin_rejected` for a request that may change something and that another site's page may have sent: the
 * browser adds our cookie to those as well (OWASP CSRF Prevention). A WebSocket counts: its page may be anybody's.
 */
export function requireOwnOrigin(ctx: Context, rules: OriginRules): void {
  const { request } = ctx
  if (SAFE.test(request.method) && request.header('upgrade') === null) return
  if (!isOurs(ctx, rules)) throw new Problem('origin_rejected')
}
