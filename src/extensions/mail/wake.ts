const SOON_MS = 50
const EVERY_MS = 5000

export interface Waker {
  /** A row is about to be written: looks soon, and less and less soon until the poll takes over. */
  wake(): void
  stop(): void
}

/**
 * Calls `look` every five seconds, for rows of other processes and of before a crash, and soon after a wake. A row is seen
 * once its transaction is through, which is not known here: so it looks again and again, for six seconds in all.
 */
export function createWaker(look: () => Promise<unknown>): Waker {
  let timer: ReturnType<typeof setTimeout> | undefined
  let delay = EVERY_MS
  let isWoken = false
  let isLooking = false
  let isStopped = false

  function schedule(): void {
    clearTimeout(timer)
    if (isStopped) return
    timer = setTimeout(run, delay)
    // Nobody stays alive for this; what is in the outbox is sent by whoever comes next.
    ;(timer as { unref?(): void }).unref?.()
  }

  async function run(): Promise<void> {
    isLooking = true
    isWoken = false
    await look()
    isLooking = false
    delay = isWoken ? SOON_MS : Math.min(delay * 2, EVERY_MS)
    schedule()
  }

  schedule()
  return {
    wake() {
      // Once is enough: many wakes must not put the look off for ever.
      if (isWoken) return
      isWoken = true
      delay = SOON_MS
      if (!isLooking) schedule()
    },
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
