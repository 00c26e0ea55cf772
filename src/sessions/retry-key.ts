import { Problem } from '../base/problem.js'
import type { Context } from './context.js'

/** Printable ASCII, as header values are; long enough for any UUID or hash. */
const RETRY_KEY = /^[\x20-\x7e]{1,255}$/

/** The request's `Idempotency-Key`, or null. Throws `invalid_request` for one that cannot be kept apart from others. */
export function retryKey(ctx: Context): string | null {
  const key = ctx.request.header('idempotency-key')
  if (key !== null && !RETRY_KEY.test(key)) {
    throw new Problem('invalid_request', { message: 'Idempotency-Key must be 1 to 255 printable ASCII characters' })
  }
  return key
}
