import type { Writable } from 'node:stream'

export type LogLevel = 'info' | 'warn' | 'error'

/** Writes one JSON object a line. Never throws and never waits: a reader that went away costs lines, not requests. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void

/** Past this many bytes waiting for a slow reader, lines are dropped and counted. */
const MOST_WAITING = 1024 * 1024

export function createLog(stream: Writable, now: () => number): Log {
  let dropped = 0
  let gone = false
  stream.on('error', () => {
    gone = true
  })
  return (level, message, fields = {}) => {
    if (gone || stream.writableLength > MOST_WAITING) {
      dropped++
      return
    }
    const lost = dropped > 0 ? { dropped } : {}
    dropped = 0
    stream.write(`${JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...lost, ...fields })}\n`)
  }
}

/** An error as a log may hold it: what and where, for people who run the server. */
export function errorFields(error: unknown): Readonly<Record<string, unknown>> {
  return error instanceof Error ? { error: error.message, stack: error.stack } : { error: String(error) }
}
