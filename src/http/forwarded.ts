import type { Exchange } from './exchange.js'

/** An address, with or without a port or brackets. Null for anything else, and that is a shared bucket, never no limit. */
function addressIn(text: string): string | null {
  const address =
    /^\s*(?:\[([\da-f.]*:[\da-f:.]+)\](?::\d+)?|(\d+(?:\.\d+){3})(?::\d+)?|([\da-f.]*:[\da-f:.]+))\s*$/i.exec(text)
  return address ? (address[1] ?? address[2] ?? address[3] ?? null) : null
}

/**
 * Whose request it is, by what so many proxies of the app's own wrote: each added whom it heard it from to the end of
 * `X-Forwarded-For`. What stands before that is anybody's word. With fewer entries it did not come through all of them:
 * then the peer counts.
 */
export function forwardedAddress({ header, address }: Exchange, hops: number): string | null {
  const heard = (header('x-forwarded-for') ?? '').split(',')
  const text = heard[heard.length - hops]
  return text === undefined || text === '' ? address : addressIn(text)
}
