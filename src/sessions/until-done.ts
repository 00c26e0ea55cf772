const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 5000
/** Tasks that may wait; past this the oldest is given up. */
const MOST_WAITING = 1000

/**
 * Does a task until it is done, by itself, ever slower. For the few writes that must happen though nobody waits for them
 * any more: the end of a session whose token was replayed while the store was away.
 */
export function untilDone(givenUp: (name: string) => void): (name: string, task: () => Promise<unknown>) => void {
  const waiting = new Map<string, () => Promise<unknown>>()

  function attempt(name: string, task: () => Promise<unknown>, waitMs: number): void {
    const timer = setTimeout(() => {
      if (waiting.get(name) !== task) return
      task().then(
        () => waiting.delete(name),
        () => attempt(name, task, Math.min(2 * waitMs, LONGEST_WAIT_MS)),
      )
    }, waitMs)
    // A server that is told to stop does not wait for a store that is away.
    ;(timer as { unref?: () => void }).unref?.()
  }

  return (name, task) => {
    if (waiting.has(name)) return
    const [oldest] = waiting.keys()
    if (oldest !== undefined && waiting.size >= MOST_WAITING) {
      waiting.delete(oldest)
      givenUp(oldest)
    }
    waiting.set(name, task)
    attempt(name, task, FIRST_WAIT_MS)
  }
}
