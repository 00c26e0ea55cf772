import type { KeyValueStore } from './key-value-store.js'

/** At most so many of something in a window. */
export interface Allowance {
  readonly most: number
  readonly windowMs: number
}

/**
 * Counts one more, and says whether all allowances hold: the shortest window first. What one refuses uses up nothing of
 * those after it, so that many tries in a minute do not take an hour's share; and it costs the same, and tells nobody.
 */
export async function isWithin(values: KeyValueStore, key: string, allowances: readonly Allowance[]): Promise<boolean> {
  let holds = true
  for (const { most, windowMs } of allowances) {
    const count = await values.increment(`${key}:${holds ? windowMs : 'over'}`, windowMs)
    if (count > most) holds = false
  }
  return holds
}
