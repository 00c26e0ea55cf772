import type { Line } from './revocation-line.js'

/** How often a line is asked for a sign of life, and how long it may take. */
export const PING_MS = 2000
/** How soon after a doubt the line is asked, and asked again. */
const SOON_MS = 100

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

export interface RoamingParts {
  /** Sends a word of our own through the store; it should come back on the line. */
  readonly beat: (word: string) => Promise<unknown>
  readonly missed: () => void
  readonly close: () => void
  readonly down: () => void
}

export interface RoamingLine {
  /** The client said that it lost a node: what was told meanwhile may be lost with it. */
  doubt(): void
  /** A word came back. */
  heard(word: string): void
  start(): Line
}

/**
 * A line whose client moves from node to node by itself. Whether it brings news is found out with words of our own, the
 * whole way round: while they come back it does. After a doubt, the first that comes back says that it does again.
 */
export function roamingLine({ beat, missed, close, down }: RoamingParts): RoamingLine {
  let isUp = false
  let isDoubtful = false
  /** Words since the last that came back: an older one says nothing of now. */
  let sent = new Set<string>()
  let count = 0
  let next: ReturnType<typeof setTimeout> | undefined
  let impatience: ReturnType<typeof setTimeout> | undefined

  function stop(): void {
    isUp = false
    clearTimeout(next)
    clearTimeout(impatience)
    close()
  }

  function lost(): void {
    if (!isUp) return
    stop()
    down()
  }

  function send(): void {
    const word = String(++count)
    sent.add(word)
    impatience ??= setTimeout(lost, PING_MS)
    next = setTimeout(send, isDoubtful ? SOON_MS : PING_MS)
    // Where the store takes no word, the line may be gone with it.
    beat(word).catch(doubt)
  }

  function doubt(): void {
    isDoubtful = true
    sent = new Set()
    if (!isUp) return
    clearTimeout(next)
    next = setTimeout(send, SOON_MS)
  }

  return {
    doubt,
    heard(word) {
      if (!isUp || !sent.has(word)) return
      sent = new Set()
      clearTimeout(impatience)
      impatience = undefined
      if (!isDoubtful) return
      isDoubtful = false
      missed()
    },
    start() {
      isUp = true
      isDoubtful = false
      send()
      return { close: stop }
    },
  }
}
