import { describe, expect, test } from 'vitest'
import { addressBlock } from '../../src/extensions/rate-limits/address-block.js'
import { forwardedAddress } from '../../src/http/forwarded.js'
import { createAuth, memoryUsers } from '../../src/index.js'
import { testExchange } from '../../src/testing/index.js'
import { limited, times } from '../support/limits.js'

const PEER = '10.0.0.1'

function seen(hops: number, forwarded?: string): string | null {
  const headers: Record<string, string> = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  return forwardedAddress(testExchange('GET', '/', { headers, address: PEER }), hops)
}

describe('an address behind proxies', () => {
  test.each([
    [1, '203.0.113.9', '203.0.113.9'],
    [1, '1.1.1.1, 203.0.113.9', '203.0.113.9'],
    [1, '1.1.1.1,2.2.2.2 ,  203.0.113.9 ', '203.0.113.9'],
    [2, '203.0.113.9, 10.0.0.2', '203.0.113.9'],
    [2, '1.1.1.1, 203.0.113.9, 10.0.0.2', '203.0.113.9'],
    [3, '1.1.1.1, 203.0.113.9, 10.0.0.2, 10.0.0.3', '203.0.113.9'],
    [1, '2001:db8::1', '2001:db8::1'],
    [1, '[2001:db8::1]', '2001:db8::1'],
    [1, '[2001:db8::1]:4711', '2001:db8::1'],
    [1, '203.0.113.9:4711', '203.0.113.9'],
    [1, '::ffff:203.0.113.9', '::ffff:203.0.113.9'],
  ])('with %i hops of %j is %s', (hops, header, address) => {
    expect(seen(hops, header)).toBe(address)
  })

  test.each([
    [1, undefined],
    [1, ''],
    [2, '203.0.113.9'],
    [3, '1.1.1.1, 203.0.113.9'],
  ])('with %i hops and only %j came past a proxy: the peer counts', (hops, header) => {
    expect(seen(hops, header)).toBe(PEER)
  })

  test.each([
    'unknown',
    '_hidden',
    '1.1.1.1, nonsense',
    '203.0.113.9, ',
    '<script>',
    '1.2.3.4.5',
    'bad',
    '12',
    '...',
    '[12]',
    'localhost:80',
  ])('that a proxy writes as %j is none, and never the peer’s or one of before', header => {
    expect(seen(1, header)).toBe(null)
  })

  test('is nothing in this header where no hops are configured, whatever it says', async () => {
    const auth = createAuth({ secret: 'a secret for tests, and for tests alone', users: memoryUsers() })
    const headers = { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9', 'x-real-ip': '203.0.113.9' }
    expect((await auth.open(testExchange('GET', '/', { headers, address: PEER }))).address).toBe(PEER)
  })

  test.each([-1, 1.5, 101, Number.NaN, '1'])('cannot be reckoned with %j hops', proxyHops => {
    const options = { secret: 'a secret for tests, and for tests alone', users: memoryUsers(), proxyHops }
    expect(() => createAuth(options as never)).toThrow('`proxyHops` must be a whole number from 0 to 100')
  })
})

/** The statuses of tries with a header, one after another, each at another account. */
async function run(proxyHops: number, headers: readonly (string | null)[]): Promise<number[]> {
  const { request } = limited({ signIn: { address: '2/10m' } }, { proxyHops })
  const statuses: number[] = []
  for (const [index, header] of headers.entries()) {
    const { status } = await request('POST', '/session', {
      json: { user: { email: `a${index}@example.com`, password: 'wrong' } },
      ...(header !== null && { headers: { 'x-forwarded-for': header } }),
      address: PEER,
    })
    statuses.push(status)
  }
  return statuses
}

describe('a limit by address', () => {
  test('is not got round by what a client writes before what the proxies write', async () => {
    const forged = (end: string) => Array.from({ length: 6 }, (_, index) => `8.8.8.${index}, ${end}`)
    const stopped = [401, 401, ...times(4, 429)]
    expect(await run(0, forged('203.0.113.9'))).toEqual(stopped)
    expect(await run(1, forged('203.0.113.9'))).toEqual(stopped)
    expect(await run(2, forged('203.0.113.9, 10.0.0.2'))).toEqual(stopped)
  })

  test('keeps clients of one proxy apart', async () => {
    expect(await run(1, ['203.0.113.1', '203.0.113.1', '203.0.113.1', '203.0.113.2'])).toEqual([401, 401, 429, 401])
    const behindTwo = [
      '203.0.113.1, 10.0.0.2',
      '203.0.113.1, 10.0.0.3',
      '203.0.113.1, 10.0.0.2',
      '203.0.113.2, 10.0.0.2',
    ]
    expect(await run(2, behindTwo)).toEqual([401, 401, 429, 401])
  })

  test('has one bucket for those that no address can be read of', async () => {
    expect(await run(1, ['unknown', '_x', 'nonsense', 'y'])).toEqual([401, 401, 429, 429])
    expect(await run(1, [null, '', null])).toEqual([401, 401, 429])
  })
})

describe('a block of addresses', () => {
  test.each([
    ['203.0.113.9', '203.0.113.9', null],
    ['203.000.113.09', '203.0.113.9', null],
    ['::ffff:203.0.113.9', '203.0.113.9', null],
    ['::ffff:cb00:7109', '203.0.113.9', null],
    ['::FFFF:203.0.113.9%eth0', '203.0.113.9', null],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2/64', '2001:db8:1/48'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2/64', '2001:db8:1/48'],
    ['2001:db8::1', '2001:db8:0:0/64', '2001:db8:0/48'],
    ['::1', '0:0:0:0/64', '0:0:0/48'],
    ['::', '0:0:0:0/64', '0:0:0/48'],
    ['fe80::1%eth0', 'fe80:0:0:0/64', 'fe80:0:0/48'],
    ['64:ff9b::203.0.113.9', '64:ff9b:0:0/64', '64:ff9b:0/48'],
    ['1:2:3:4:5:6:7::', '1:2:3:4/64', '1:2:3/48'],
  ])('of %s is %s', (address, block, network) => {
    expect(addressBlock(address)).toEqual({ block, network })
  })

  test.each([
    null,
    '',
    'unix',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '1.2.3.-4',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    'g::',
    '::1.2.3',
    '1:2:3:4:5:6:7:8::',
    'abc',
    '1.2.3.4:80',
    '::1.2.3.4.5',
  ])('of %j is the one of all that have none', address => {
    expect(addressBlock(address)).toEqual({ block: 'none', network: null })
  })
})
