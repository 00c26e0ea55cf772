import type { RedisLink } from './redis-client.js'

/** How long one write may hold the connection up while it waits for replicas: reads stand behind it. */
const PATIENCE = 0.2
/** While replicas are missing, so often one write finds out whether they are back. */
const ASK_EVERY_MS = 1000

export interface ReplicaParts {
  readonly link: RedisLink
  readonly run: RedisLink['run']
  readonly replicas: number
  readonly deadlineMs: number
}

/**
 * Writes that count once so many replicas have them; a write that they have not throws. While they are missing, one
 * write a second asks for them, and the others are refused before anything is written.
 */
export function replicatedWrites({ link, run, replicas, deadlineMs }: ReplicaParts): RedisLink['run'] {
  const waitMs = Math.max(50, Math.round(deadlineMs * PATIENCE))
  let askAgainAt = 0

  return async (script, keys, args) => {
    const time = performance.now()
    // The shards of a cluster have replicas of their own: one without says nothing of the others.
    if (time < askAgainAt && !link.isCluster) throw new Error('too few replicas had the last write')
    if (askAgainAt > 0) askAgainAt = time + ASK_EVERY_MS
    const reply = await run(script, keys, args)
    const having = await link.wait(keys[0] as string, replicas, waitMs)
    if (having >= replicas) {
      askAgainAt = 0
      return reply
    }
    askAgainAt = performance.now() + ASK_EVERY_MS
    throw new Error(`${having} of ${replicas} replicas have the write`)
  }
}
