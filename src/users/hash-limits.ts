import { availableParallelism } from 'node:os'
import { type HashQueue, hashQueue } from './hash-queue.js'

/** How many passwords are hashed at once, and how many more may wait. */
export interface HashLimits {
  /** Hashes computed at once. Default: one less than there are cores, at least 1, at most 3. */
  concurrency?: number
  /** Hashes that may wait; more answer `busy` (503). Default: 128. */
  queue?: number
}

/** A queue within the limits. Throws `TypeError` for one without a place to work, or without an end. */
export function limitHashes({ concurrency, queue = 128 }: HashLimits): HashQueue {
  const places = concurrency ?? Math.min(3, Math.max(1, availableParallelism() - 1))
  const isCount = Number.isSafeInteger(places) && Number.isSafeInteger(queue)
  if (!isCount || places < 1 || queue < 0) {
    throw new TypeError('`password.concurrency` must be 1 or more, and `password.queue` 0 or more')
  }
  return hashQueue(places, queue)
}
