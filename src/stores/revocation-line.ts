import type { localRevocations, Revocations } from './revocations.js'

/** A connection that brings news. */
export interface Line {
  close(): void
}

const FIRST_RETRY_MS = 50
const LAST_RETRY_MS = 2000

/**
 * Keeps one line up while anybody listens. `connect` resolves once it is up, and calls `down` when it breaks; then it is
 * tried again, ever slower, with jitter, and when it is back the listeners hear that they may have missed something.
 */
export function openLine(
  local: ReturnType<typeof localRevocations>,
  connect: (down: () => void) => Promise<Line>,
): Revocations {
  let listening = 0
  let line: Line | null = null
  let ready: Promise<void> | null = null
  let timer: ReturnType<typeof setTimeout> | undefined

  function open(retryMs: number, isFirst: boolean, up: () => void): void {
    const again = () => {
      line = null
      if (listening === 0) return
      const wait = retryMs * (0.5 + Math.random() / 2)
      timer = setTimeout(() => open(Math.min(retryMs * 2, LAST_RETRY_MS), isFirst, up), wait)
    }
    connect(() => {
      line = null
      if (listening > 0) timer = setTimeout(() => open(FIRST_RETRY_MS, false, up), FIRST_RETRY_MS * Math.random())
    }).then(opened => {
      if (listening === 0) return opened.close()
      line = opened
      if (!isFirst) local.missed()
      up()
    }, again)
  }

  function close(): void {
    clearTimeout(timer)
    line?.close()
    line = null
    ready = null
  }

  return {
    listen(listener) {
      const heard = local.listen(listener)
      listening++
      ready ??= new Promise(resolve => open(FIRST_RETRY_MS, true, resolve))
      let stopped = false
      return {
        ready,
        stop() {
          if (stopped) return
          stopped = true
          heard.stop()
          if (--listening === 0) close()
        },
      }
    },
  }
}
