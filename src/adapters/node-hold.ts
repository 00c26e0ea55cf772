import type { ServerResponse } from 'node:http'
import type { Answer } from '../http/exchange.js'
import type { Context } from '../sessions/context.js'
import { sendAnswer } from './node-io.js'

type Call = () => void

type Headers = Readonly<Record<string, string | readonly string[]>> | readonly string[]

/** Sets what `writeHead` was given, as Node itself does where there are headers already. */
function setHeaders(response: ServerResponse, headers: Headers = {}): void {
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    return
  }
  const names = headers.filter((_, index) => index % 2 === 0)
  for (const name of names) response.removeHeader(name)
  for (const [index, name] of names.entries()) response.appendHeader(name, headers[index * 2 + 1])
}

/** Adds cookies to a response whose headers are the app's own. No cache may keep it. */
function giveCookies(response: ServerResponse, cookies: readonly string[]): void {
  const writeHead = response.writeHead.bind(response)
  response.writeHead = (status: number, ...rest: unknown[]) => {
    response.writeHead = writeHead
    const [message, headers] = typeof rest[0] === 'string' ? rest : [undefined, rest[1] ?? rest[0]]
    setHeaders(response, headers as Headers | undefined)
    const said = [response.getHeader('set-cookie') ?? []].flat()
    response.setHeader('set-cookie', [...new Set([...said.map(String), ...cookies])])
    response.setHeader('cache-control', 'no-store')
    return message === undefined ? writeHead(status) : writeHead(status, message as string)
  }
}

/** What a response is to be given once it is written: several auths may hold one. */
const given = new WeakMap<ServerResponse, readonly string[]>()

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

  function giveBack(): void {
    Object.assign(response, real)
    const cookies = [...(given.get(response) ?? []), ...ctx.cookies]
    if (cookies.length === 0) return
    given.set(response, cookies)
    giveCookies(response, cookies)
  }

  function release(): void {
    giveBack()
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
      giveBack()
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
      hold(() => response.writeHead(...args))
      return response
    },
    write(...args: Parameters<typeof real.write>) {
      hold(() => response.write(...args))
      return false
    },
    end(...args: Parameters<typeof real.end>) {
      hold(() => response.end(...args))
      ended = true
      return response
    },
    flushHeaders() {
      hold(() => response.flushHeaders())
    },
  })
}
