import type { Line } from './revocation-line.js'

/** How often a line is asked for a sign of life, and how long it may take. */
export const PING_MS = 2000

/** One connection that brings messages, of whichever client. */
interface Subscriber {
  on(event: string, listener: () => void): unknown
  ping(): Promise<unknown>
  close(): void
}

/** Pings a connection until it is closed or down. */
export function fixedLine(subscriber: Subscriber, down: () => void): Line {
  let isUp = true
  let timer: ReturnType<typeof setTimeout> | undefined
  const close = () => {
    isUp = false
    clearTimeout(timer)
    subscriber.close()
  }
  const lost = () => {
    if (!isUp) return
    close()
    down()
  }
  const ping = () => {
    timer = setTimeout(lost, PING_MS)
    subscriber.ping().then(() => {
      clearTimeout(timer)
      if (isUp) timer = setTimeout(ping, PING_MS)
    }, lost)
  }
  for (const event of ['error', 'end', 'close']) subscriber.on(event, lost)
  timer = setTimeout(ping, PING_MS)
  return { close }
}
