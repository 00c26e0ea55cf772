import type { ServerResponse } from 'node:http'
import type { Answer } from '../http/exchange.js'
import type { Context } from '../sessions/context.js'
import { sendAnswer } from './node-io.js'

type Call = () => void

/**
 * Holds what an app's own handler writes until the queued writes are done, and drops it when one of them fails:
 * then their problem is the response. Installed at the first queued write, so a response without any is not touched.
 */
export function holdResponse(response: ServerResponse, ctx: Context, send: () => Promise<Answer | null>): void {
  const real = {
    writeHead: response.writeHead.bind(response),
    write: response.write.bind(response),
    end: response.end.bind(response),
    flushHeaders: response.flushHeaders.bind(response),
  }
  // What the handler says from here on may tell of writes that are not done; what was said before is not its word.
  const before = new Set(response.getHeaderNames())
  const held: Call[] = []
  let phase: 'open' | 'waiting' | 'settling' | 'over' = 'open'
  let ended = false

  function release(): void {
    Object.assign(response, real)
    for (const call of held) call()
    // A stream that was told to wait goes on, unless the socket itself is behind.
    if (!response.writableEnded && !response.writableNeedDrain) response.emit('drain')
  }

  async function settle(): Promise<void> {
    const answer = await send()
    if (answer === null) return release()
    Object.assign(response, real)
    const said = response.headersSent ? [] : response.getHeaderNames().filter(name => !before.has(name))
    for (const name of said) response.removeHeader(name)
    sendAnswer(response.req, response, answer)
  }

  function hold(call: Call): void {
    if (!ctx.hasWrites && phase !== 'settling') {
      // The handler threw and its writes are forgotten, and so is what it had begun to say.
      phase = 'over'
      Object.assign(response, real)
      return call()
    }
    // After its end a response has nothing more to say.
    if (!ended) held.push(call)
    if (phase !== 'open') return
    phase = 'waiting'
    // Not at once: a handler that throws right after it began to write means none of it.
    setImmediate(() => {
      if (phase === 'over') return
      phase = 'settling'
      settle().catch(() => response.destroy())
    })
  }

  Object.assign(response, {
    writeHead(...args: Parameters<typeof real.writeHead>) {
      hold(() => real.writeHead(...args))
      return response
    },
    write(...args: Parameters<typeof real.write>) {
      hold(() => real.write(...args))
      return false
    },
    end(...args: Parameters<typeof real.end>) {
      hold(() => real.end(...args))
      ended = true
      return response
    },
    flushHeaders() {
      hold(() => real.flushHeaders())
    },
  })
}
