import type { RedisLink } from './redis-client.js'
import { PUT } from './redis-scripts.js'

/** How long one write may hold the connection up while it waits for replicas: reads stand behind it. */
const PATIENCE = 0.2
/** While replicas are missing, so often one write finds out whether they are back. */
const ASK_EVERY_MS = 1000

export interface ReplicaParts {
  readonly link: RedisLink
  readonly run: RedisLink['run']
  readonly replicas: number
  readonly deadlineMs: number
  /** A key that may be written to find out whether they are back. */
  readonly probeKey: string
}

/**
 * Writes that count once so many replicas have them; a write that they have not throws. While they are missing, a write
 * of nothing asks for them once a second, and real ones are refused before anything is written.
 */
export function replicatedWrites({ link, run, replicas, deadlineMs, probeKey }: ReplicaParts): RedisLink['run'] {
  const waitMs = Math.max(50, Math.round(deadlineMs * PATIENCE))
  let areMissing = false
  let askAgainAt = 0

  async function replicated(...call: Parameters<RedisLink['run']>): Promise<unknown> {
    const [, keys] = call
    const reply = await run(...call)
    const having = await link.wait(keys[0] as string, replicas, waitMs)
    // The shards of a cluster have replicas of their own: one without says nothing of the others.
    areMissing = having < replicas && !link.isCluster
    if (having < replicas) throw new Error(`${having} of ${replicas} replicas have the write`)
    return reply
  }

  return async (...call) => {
    if (areMissing) {
      const time = performance.now()
      if (time < askAgainAt) throw new Error('too few replicas had the last write')
      askAgainAt = time + ASK_EVERY_MS
      await replicated(PUT, [probeKey], ['', '1000'])
    }
    return replicated(...call)
  }
}
