import type { RedisLink } from './redis-client.js'

const LOOK_EVERY_MS = 100
const FIRST_PAUSE_MS = 1000
const LAST_PAUSE_MS = 8000

/**
 * The same link, watched: it refuses at once while there is no connection, and a connection that says nothing for the
 * deadline is ended and made anew. So nothing waits for ever, nothing is sent late, and a silent Redis that is back is
 * found within seconds.
 */
export function watched(link: RedisLink, deadlineMs: number): RedisLink {
  const unanswered = new Set<{ readonly since: number }>()
  let answeredAt = 0
  let timer: ReturnType<typeof setInterval> | undefined
  let lookedAt = 0
  let resetAt = Number.NEGATIVE_INFINITY
  let pauseMs = FIRST_PAUSE_MS

  function look(): void {
    const wasHeldUp = performance.now() - lookedAt > 2 * LOOK_EVERY_MS
    lookedAt = performance.now()
    // This process was busy: answers may lie here unread.
    if (wasHeldUp) return
    const [oldest] = unanswered
    if (!oldest) {
      clearInterval(timer)
      timer = undefined
      return
    }
    const time = performance.now()
    if (time - oldest.since < deadlineMs || time - resetAt < pauseMs) return
    // Slow, but talking: its deadline is the caller's business.
    if (answeredAt > oldest.since && time - answeredAt < deadlineMs) return
    pauseMs = time - resetAt > 2 * LAST_PAUSE_MS ? FIRST_PAUSE_MS : Math.min(2 * pauseMs, LAST_PAUSE_MS)
    resetAt = time
    unanswered.clear()
    link.reset()
  }

  function tracked<T>(send: () => Promise<T>): Promise<T> {
    if (!link.isReady()) return Promise.reject(new Error('Redis is not connected'))
    const call = { since: performance.now() }
    unanswered.add(call)
    if (timer === undefined) {
      lookedAt = performance.now()
      timer = setInterval(look, LOOK_EVERY_MS)
      // A process that is done need not wait for an answer. Runtimes without `unref` have a number here.
      ;(timer as { unref?: () => void }).unref?.()
    }
    const done = () => {
      answeredAt = performance.now()
      unanswered.delete(call)
    }
    const reply = send()
    reply.then(done, done)
    return reply
  }

  return {
    isCluster: link.isCluster,
    isReady: link.isReady,
    reset: link.reset,
    get: keys => tracked(() => link.get(keys)),
    run: (script, keys, args) => tracked(() => link.run(script, keys, args)),
    wait: (key, replicas, ms) => tracked(() => link.wait(key, replicas, ms)),
  }
}
