import type { HonoRequest } from 'hono'
import { Problem } from '../base/problem.js'
import type { Exchange } from '../http/exchange.js'
import { exchangeOf } from './web-exchange.js'

/**
 * Reads a body that Hono may have read before: what `c.req` gave to one, it keeps for others. A form that was read with
 * `c.req.formData()` is kept without the bytes it came in; it is written anew.
 */
export function bodyReaderOf(request: HonoRequest): Pick<Exchange, 'header' | 'readBody'> {
  const { raw } = request
  let rewritten: string | null = null

  async function keptBody(): Promise<Uint8Array> {
    const { bodyCache } = request
    if (!bodyCache.formData || bodyCache.arrayBuffer) return new Uint8Array(await request.arrayBuffer())
    const copy = new Response(await request.formData())
    rewritten = copy.headers.get('content-type')
    return new Uint8Array(await copy.arrayBuffer())
  }

  return {
    header: name => (name === 'content-type' ? rewritten : null) ?? raw.headers.get(name),
    async readBody(limit) {
      if (Object.keys(request.bodyCache).length === 0) {
        const bytes = await exchangeOf(raw, null).readBody(limit)
        const kept: { arrayBuffer?: unknown } = request.bodyCache
        kept.arrayBuffer = Promise.resolve(bytes.buffer)
        return bytes
      }
      const bytes = await keptBody()
      if (bytes.length > limit) throw new Problem('body_too_large')
      return bytes
    },
  }
}
