import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** What the network does to all bytes. */
export interface Faults {
  /** Both directions are swallowed. */
  silent: boolean
  /** Both directions are held back. */
  frozen: boolean
  /** What the server says is swallowed. */
  mute: boolean
  delayMs: number
  jitterMs: number
  sliceBytes: number
}

export const NO_FAULTS: Readonly<Faults> = {
  silent: false,
  frozen: false,
  mute: false,
  delayMs: 0,
  jitterMs: 0,
  sliceBytes: Number.POSITIVE_INFINITY,
}

/** One direction of a connection: what goes in comes out in order, as far as the faults allow. */
export interface Lane {
  push(item: Item): void
  /** Looks at the faults again. */
  resume(): void
  /** Forgets the delays of what it holds. */
  hurry(): void
  /** Writes at once what it holds, whatever the faults. */
  flush(): void
  /** Drops what it holds. */
  close(): void
}

/** Bytes, or that the other side closed or reset its half. */
type Item = Buffer | 'end' | 'reset'

export function lane(to: Socket, faults: Faults, { replies }: { replies: boolean }): Lane {
  const queue: { item: Item; due: number }[] = []
  let lastDue = 0
  let moving = false
  let wake: (() => void) | undefined

  const swallows = () => faults.silent || (replies && faults.mute)
  const deliver = (item: Item) => {
    if (to.destroyed) return
    if (item === 'reset') to.resetAndDestroy()
    else if (item === 'end') to.end()
    else if (to.writable) to.write(item)
  }
  const due = (at: number) =>
    new Promise<void>(resolve => {
      const timer = setTimeout(resolve, at - performance.now())
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  /** Without faults it runs to its end at once, so the bytes leave in the turn in which they came. */
  async function move() {
    if (moving) return
    moving = true
    for (let head = queue[0]; head && (faults.silent || !faults.frozen); head = queue[0]) {
      if (head.due > performance.now()) {
        await due(head.due)
        continue
      }
      queue.shift()
      const { item } = head
      if (swallows() && typeof item !== 'string') continue
      if (typeof item === 'string' || item.length <= faults.sliceBytes) deliver(item)
      else {
        queue.unshift({ item: item.subarray(faults.sliceBytes), due: 0 })
        deliver(item.subarray(0, faults.sliceBytes))
        await nextTurn()
      }
    }
    moving = false
  }

  const hurry = () => {
    for (const each of queue) each.due = 0
    lastDue = 0
    wake?.()
  }
  return {
    push(item) {
      const wait = faults.delayMs + Math.random() * faults.jitterMs
      if (wait > 0) lastDue = Math.max(lastDue, performance.now() + wait)
      queue.push({ item, due: lastDue })
      move()
    },
    resume: move,
    hurry,
    flush() {
      for (const { item } of queue.splice(0)) if (!swallows()) deliver(item)
      wake?.()
    },
    close() {
      queue.length = 0
      wake?.()
    },
  }
}
