import { createHash } from 'node:crypto'

/** Which texts there were, in 16 to 32 bytes each whatever their length: a file may name millions. */
export function seenTexts(): (text: string) => boolean {
  let slots = new BigUint64Array(1024)
  let count = 0

  function put(table: BigUint64Array, key: bigint): boolean {
    let slot = Number(key % BigInt(table.length))
    while (table[slot] !== 0n) {
      if (table[slot] === key) return true
      slot = (slot + 1) % table.length
    }
    table[slot] = key
    return false
  }

  /** True when it was there before. */
  return text => {
    const key = createHash('sha256').update(text).digest().readBigUInt64LE() || 1n
    if (put(slots, key)) return true
    if (++count > slots.length / 2) {
      const larger = new BigUint64Array(slots.length * 2)
      for (const each of slots) if (each !== 0n) put(larger, each)
      slots = larger
    }
    return false
  }
}
