import type { KeyValueStore } from './key-value-store.js'

/** At most so many of something in a window. */
export interface Allowance {
  readonly most: number
  readonly windowMs: number
}

/**
 * Counts one more, and says whether all allowances hold. Every window is counted, whatever the others say: what it costs
 * tells nobody how many there were.
 */
export async function isWithin(values: KeyValueStore, key: string, allowances: readonly Allowance[]): Promise<boolean> {
  let holds = true
  for (const { most, windowMs } of allowances) {
    if ((await values.increment(`${key}:${windowMs}`, windowMs)) > most) holds = false
  }
  return holds
}
