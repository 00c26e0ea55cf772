const IPV4 = /^(?:::ffff:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.\d{1,3}$/i

/** The eight groups of an IPv6 address; null for other text. */
function groupsOf(text: string): number[] | null {
  const [address = ''] = text.split('%')
  const halves = address.split('::')
  if (!/^[\da-f:]+$/i.test(address) || halves.length > 2) return null
  const [head = [], tail = []] = halves.map(half => (half === '' ? [] : half.split(':')))
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null
  const groups = [...head, ...Array.from({ length: missing }, () => '0'), ...tail]
  return groups.every(group => /^[\da-f]{1,4}$/i.test(group)) ? groups.map(group => Number.parseInt(group, 16)) : null
}

/**
 * The network an address is in: the first three numbers of IPv4, the first 64 bits of IPv6, which one household has.
 * Null for none, and for this very machine: a proxy that nobody told of says nothing about who asks.
 */
export function addressBlock(address: string | null): string | null {
  const text = address?.trim() ?? ''
  const ipv4 = IPV4.exec(text)
  if (ipv4) return ipv4[1] === '127' ? null : ipv4.slice(1, 4).map(Number).join('.')
  const groups = groupsOf(text)
  if (!groups) return null
  const isLoopback = groups.slice(0, 7).every(group => group === 0) && (groups[7] ?? 0) <= 1
  return isLoopback
    ? null
    : groups
        .slice(0, 4)
        .map(group => group.toString(16))
        .join(':')
}
