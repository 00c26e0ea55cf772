import { Problem } from '../base/problem.js'

/** Runs tasks a few at a time and refuses, with `busy` (503), once too many wait. */
export type HashQueue = <T>(task: () => Promise<T>) => Promise<T>

/** An endless queue is a slow outage: past `limit` waiting tasks the next is refused at once. */
export function hashQueue(concurrency: number, limit: number): HashQueue {
  const waiting: (() => void)[] = []
  let running = 0

  return async task => {
    if (running >= concurrency) {
      if (waiting.length >= limit) throw new Problem('busy')
      await new Promise<void>(resolve => waiting.push(resolve))
    } else running++
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
