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
  /** From the first listener to the last. A line that comes up after its time is over is closed. */
  interface Time {
    readonly ready: Promise<void>
    end(): void
  }

  function begin(): Time {
    let isOver = false
    let line: Line | null = null
    let timer: ReturnType<typeof setTimeout> | undefined
    let up = () => {}
    const ready = new Promise<void>(resolve => {
      up = resolve
    })

    function open(retryMs: number, isFirst: boolean): void {
      // Of one attempt: what an earlier one says of its end is no news of this one.
      let isDown = false
      let upAt = Number.POSITIVE_INFINITY
      const again = (waitMs: number, isStillFirst: boolean) => {
        if (isOver) return
        timer = setTimeout(
          () => open(Math.min(retryMs * 2, LAST_RETRY_MS), isStillFirst),
          waitMs * (0.5 + Math.random() / 2),
        )
      }
      const down = () => {
        if (isDown) return
        isDown = true
        line = null
        // One that breaks as soon as it is up is tried ever slower too.
        if (performance.now() - upAt > LAST_RETRY_MS) retryMs = FIRST_RETRY_MS
        again(retryMs, false)
      }
      connect(down).then(
        opened => {
          if (isOver || isDown) return opened.close()
          line = opened
          upAt = performance.now()
          if (!isFirst) local.missed()
          up()
        },
        () => {
          if (!isDown) again(retryMs, isFirst)
        },
      )
    }

    open(FIRST_RETRY_MS, true)
    return {
      ready,
      end() {
        isOver = true
        clearTimeout(timer)
        line?.close()
      },
    }
  }

  let listening = 0
  let time: Time | null = null
  return {
    listen(listener) {
      const heard = local.listen(listener)
      listening++
      time ??= begin()
      let stopped = false
      return {
        ready: time.ready,
        stop() {
          if (stopped) return
          stopped = true
          heard.stop()
          if (--listening > 0) return
          time?.end()
          time = null
        },
      }
    },
  }
}
