function octetsOf(text: string): readonly number[] | null {
  const parts = text.split('.')
  const isRight = parts.length === 4 && parts.every(part => /^\d{1,3}$/.test(part) && Number(part) < 256)
  return isRight ? parts.map(Number) : null
}

/** The groups of a part of an IPv6 address. The last may be written as an IPv4 one. */
function groupsIn(text: string): readonly number[] | null {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    const octets = index === parts.length - 1 ? octetsOf(part) : null
    if (octets) {
      const [a, b, c, d] = octets as [number, number, number, number]
      groups.push(a * 256 + b, c * 256 + d)
    } else if (/^[\da-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16))
    else return null
  }
  return groups
}

/** The eight groups of an IPv6 address, in whatever spelling; null for anything else. */
function groupsOf(text: string): readonly number[] | null {
  const [left = '', right, more] = text.replace(/%.*$/s, '').split('::')
  if (more !== undefined) return null
  const before = groupsIn(left)
  const after = groupsIn(right ?? '')
  if (!before || !after) return null
  const missing = 8 - before.length - after.length
  if (right === undefined ? missing !== 0 : missing < 1) return null
  return [...before, ...Array<number>(missing).fill(0), ...after]
}

const isMapped = (groups: readonly number[]) => groups.slice(0, 5).every(group => group === 0) && groups[5] === 0xffff

/** Who shares a count. */
export interface AddressBlock {
  /** An IPv4 address, the /64 of an IPv6 one, or `none` for all that have no address: that is one block, never no limit. */
  readonly block: string
  /** The /48 around it: somebody who has one has 65,536 of the others. Null for IPv4. */
  readonly network: string | null
}

export function addressBlock(address: string | null): AddressBlock {
  const text = address ?? ''
  const octets = octetsOf(text)
  if (octets) return { block: octets.join('.'), network: null }
  const groups = text.includes(':') ? groupsOf(text) : null
  if (!groups) return { block: 'none', network: null }
  if (isMapped(groups)) {
    const [high = 0, low = 0] = groups.slice(6)
    return { block: [high >> 8, high & 255, low >> 8, low & 255].join('.'), network: null }
  }
  const prefix = (count: number) =>
    groups
      .slice(0, count)
      .map(group => group.toString(16))
      .join(':')
  return { block: `${prefix(4)}/64`, network: `${prefix(3)}/48` }
}
