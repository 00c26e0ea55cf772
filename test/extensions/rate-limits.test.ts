import { describe, expect, test } from 'vitest'
import type { BaseUser } from '../../src/index.js'
import { testExchange } from '../../src/testing/index.js'
import { ADDRESSES, AWAY, HOME, limited, PASSWORD, times } from '../support/limits.js'

describe('an account', () => {
  test('is refused with 429 after its tries, with a whole Retry-After, and open again after that', async () => {
    const { register, signIn, statuses, clock, compared } = limited({ signIn: { account: '3/10m' } })
    await register()
    expect(await statuses(3, () => signIn('me@example.com'))).toEqual(times(3, 401))
    const { status, headers, body } = await signIn('me@example.com', PASSWORD)
    expect(status).toBe(429)
    expect(body).toEqual({
      error: { status: 429, message: 'Too many tries, try again later', reason: 'rate_limits.exceeded' },
    })
    expect(headers['retry-after']).toMatch(/^[1-9]\d*$/)
    expect(compared).toHaveLength(3)
    const seconds = Number(headers['retry-after'])
    expect(seconds).toBeLessThanOrEqual(600)
    clock.advance((seconds - 1) * 1000)
    expect((await signIn('me@example.com', PASSWORD)).status).toBe(429)
    clock.advance(1000)
    expect((await signIn('me@example.com', PASSWORD)).status).toBe(200)
  })

  test('known or not, gives one run of answers: status, headers and body, from everywhere', async () => {
    const { register, signIn, clock } = limited()
    await register()
    for (let index = 0; index < 150; index++) {
      const address = ADDRESSES[index % 3]
      const known = await signIn('me@example.com', `wrong ${index}`, address)
      const unknown = await signIn('nobody@example.com', `wrong ${index}`, address)
      expect(known).toEqual(unknown)
      expect(known.status).toBe(index < 100 ? 401 : 429)
      clock.advance(1)
    }
    const home = limited()
    await home.register('me@example.com', HOME)
    for (let index = 0; index < 150; index++) {
      expect(await home.signIn('me@example.com', 'wrong', HOME)).toEqual(
        await home.signIn('nobody@example.com', 'wrong', HOME),
      )
    }
  })

  test('has at most 100 tries in a day by default, and a burst that was refused uses none of them up', async () => {
    const { register, signIn, clock, compared } = limited()
    await register()
    const start = clock.now()
    for (let window = 0; window < 10; window++) {
      for (let index = 0; index < 70; index++) await signIn('me@example.com', 'wrong', ADDRESSES[index])
      clock.advance(600_000)
    }
    expect(clock.now() - start).toBeLessThan(86_400_000)
    expect(compared).toHaveLength(100)
    const { status, headers } = await signIn('me@example.com', PASSWORD)
    expect(status).toBe(429)
    expect(Number(headers['retry-after'])).toBeGreaterThan(600)
  })

  test.each([[['email']], [['email', 'username']]] as const)(
    'costs the store as many steps when nobody has it, where people are known by %j',
    async identifiers => {
      const made = limited({ signIn: { account: ['3/10m', '5/24h'] } }, { identifiers })
      await made.register('me@example.com', HOME, { username: 'myself' })
      const steps: string[] = []
      const { values } = made.auth.store as { values: unknown } as {
        values: Record<string, (...args: unknown[]) => unknown>
      }
      for (const [name, verb] of Object.entries(values)) {
        values[name] = (...args) => {
          steps.push(name)
          return verb(...args)
        }
      }
      const stepsOf = async (email: string) => {
        steps.length = 0
        await made.signIn(email)
        return [...steps]
      }
      for (let index = 0; index < 7; index++)
        expect(await stepsOf('me@example.com')).toEqual(await stepsOf('no@example.com'))
      expect(steps.length).toBeGreaterThan(identifiers.length + 2)
    },
  )

  test('is one, however its address is spelled', async () => {
    const { register, signIn, statuses } = limited({ signIn: { account: '5/10m' } })
    await register('zoë@example.com')
    const spellings = [
      'zoë@example.com',
      ' ZOË@Example.COM ',
      'zoe\u0308@example.com',
      '\tZoë@example.com\n',
      'ZOE\u0308@EXAMPLE.COM',
    ]
    expect(await statuses(10, index => signIn(spellings[index % 5] as string))).toEqual([
      ...times(5, 401),
      ...times(5, 429),
    ])
  })

  test('that signed in forgets its wrong tries, and its address does not', async () => {
    const { register, signIn, statuses } = limited({ signIn: { account: '3/10m', address: '10/10m' } })
    await register()
    await register('other@example.com')
    for (let round = 0; round < 3; round++) {
      expect(await statuses(2, () => signIn('me@example.com'))).toEqual([401, 401])
      expect((await signIn('me@example.com', PASSWORD)).status).toBe(200)
    }
    // An own account's success between guesses buys no more of them.
    expect((await signIn('other@example.com')).status).toBe(401)
    expect((await signIn('other@example.com')).status).toBe(429)
    expect((await signIn('me@example.com', PASSWORD)).status).toBe(429)
    expect((await signIn('me@example.com', PASSWORD, '192.0.2.5')).status).toBe(200)
  })

  test("another's success clears nothing, even within one request of a custom controller", async () => {
    const { auth, register, signIn, compared } = limited({ signIn: { account: '3/10m' } })
    await register('victim@example.com')
    await register('thief@example.com')
    const thief = (await auth.users.findByIdentifier('thief@example.com'))?.user as BaseUser
    compared.length = 0
    for (let index = 0; index < 20; index++) {
      const ctx = await auth.open(testExchange('POST', '/mine', { address: AWAY }))
      const wrong = { email: 'victim@example.com', password: `wrong ${index}` }
      await auth.accounts.authenticate(ctx, wrong).catch(() => {})
      await auth.accounts.signIn(ctx, thief, { methods: ['otp'] })
    }
    expect(compared).toHaveLength(3)
    expect((await signIn('victim@example.com', PASSWORD)).status).toBe(429)
  })
})

describe('the owner', () => {
  test('gets in where they signed in before, while strangers use up every try', async () => {
    const { register, signIn, statuses } = limited({ signIn: { account: '3/10m' } })
    await register('me@example.com', HOME)
    expect(await statuses(50, index => signIn('me@example.com', 'wrong', ADDRESSES[index]))).toEqual([
      ...times(3, 401),
      ...times(47, 429),
    ])
    expect((await signIn('me@example.com', PASSWORD, AWAY)).status).toBe(429)
    expect((await signIn('me@example.com', PASSWORD, HOME)).status).toBe(200)
    // What is tried from there is limited as well, by itself.
    expect(await statuses(4, () => signIn('me@example.com', 'wrong', HOME))).toEqual([...times(3, 401), 429])
  })

  test('is a stranger again where they have not signed in for 30 days', async () => {
    const { register, signIn, clock } = limited({ signIn: { account: '1/10m' } })
    await register('me@example.com', HOME)
    const day = 86_400_000
    clock.advance(30 * day - 1)
    await signIn('me@example.com')
    expect((await signIn('me@example.com', PASSWORD, HOME)).status).toBe(200)
    clock.advance(30 * day)
    await signIn('me@example.com')
    expect((await signIn('me@example.com', PASSWORD, HOME)).status).toBe(429)
  })

  test('has ten places at most', async () => {
    const { register, signIn } = limited({ signIn: { account: '1/10m' } })
    await register('me@example.com', ADDRESSES[0])
    for (let index = 1; index <= 10; index++) {
      expect((await signIn('me@example.com', PASSWORD, ADDRESSES[index])).status).toBe(200)
    }
    await signIn('me@example.com')
    expect((await signIn('me@example.com', PASSWORD, ADDRESSES[10])).status).toBe(200)
    expect((await signIn('me@example.com', PASSWORD, ADDRESSES[0])).status).toBe(429)
  })

  test('is let in by a new password, and the place where it was set is theirs', async () => {
    const { auth, register, signIn, statuses } = limited({ signIn: { account: '3/10m' } })
    await register('me@example.com', HOME)
    // A thief who knew the password signed in as well.
    await signIn('me@example.com', PASSWORD, '192.0.2.66')
    await statuses(5, () => signIn('me@example.com'))
    const before = await auth.users.findByIdentifier('me@example.com')
    await auth.system.setPassword(before?.user.id as string, 'another1234')
    expect((await signIn('me@example.com', 'another1234', AWAY)).status).toBe(200)
    await statuses(5, () => signIn('me@example.com', 'wrong', ADDRESSES[1]))
    expect((await signIn('me@example.com', 'another1234', '192.0.2.66')).status).toBe(429)
    expect((await signIn('me@example.com', 'another1234', HOME)).status).toBe(429)
    expect((await signIn('me@example.com', 'another1234', AWAY)).status).toBe(200)
  })

  test('stays signed in and renews while strangers are refused', async () => {
    const { request, register, signIn, statuses } = limited({ signIn: { account: '1/10m', address: '5/10m' } })
    const token = await register('me@example.com', HOME)
    await statuses(20, () => signIn('me@example.com', 'wrong', HOME))
    expect((await request('GET', '/session', { token, address: HOME })).status).toBe(200)
    const other = limited({
      signIn: { account: '1/10m', address: '1/10m', global: '1/10m' },
      registration: { address: '1/10m' },
    })
    const user = { email: 'me@example.com', password: PASSWORD, password_confirmation: PASSWORD }
    let pair = (await other.request('POST', '/registration', { json: { user } })).body.data
    for (let index = 0; index < 20; index++) {
      const renewed = await other.request('POST', '/session/renew', { token: pair.renewal_token })
      expect(renewed.status).toBe(200)
      pair = renewed.body.data
    }
  })
})

describe('an address', () => {
  test('is limited over all accounts, and takes nobody’s tries once it is', async () => {
    const { register, signIn, statuses } = limited({ signIn: { address: '5/10m', account: '3/10m' } })
    await register()
    expect(await statuses(5, index => signIn(`x${index}@example.com`))).toEqual(times(5, 401))
    expect(await statuses(50, () => signIn('me@example.com'))).toEqual(times(50, 429))
    expect((await signIn('me@example.com', 'wrong', '192.0.2.1')).status).toBe(401)
    expect((await signIn('me@example.com', PASSWORD, '192.0.2.1')).status).toBe(200)
  })

  test('of IPv6 is its /64, and a /48 has four times as much', async () => {
    const { signIn, statuses } = limited({ signIn: { address: '3/10m' } })
    const same = await statuses(6, index => signIn(`a${index}@example.com`, 'wrong', `2001:db8:1:1:${index}::${index}`))
    expect(same).toEqual([...times(3, 401), ...times(3, 429)])
    expect((await signIn('b@example.com', 'wrong', '2001:DB8:1:2::1')).status).toBe(401)
    const many = await statuses(40, index => signIn(`c${index}@example.com`, 'wrong', `2001:db8:1:${index + 16}::1`))
    expect(many.filter(status => status === 401)).toHaveLength(12 - 4)
    expect((await signIn('d@example.com', 'wrong', '2001:db8:2::1')).status).toBe(401)
  })

  test('of IPv4 in an IPv6 spelling is that IPv4 address', async () => {
    const { signIn, statuses } = limited({ signIn: { address: '4/10m' } })
    const spellings = ['203.0.113.9', '::ffff:203.0.113.9', '::FFFF:cb00:7109', '0:0:0:0:0:ffff:203.0.113.9']
    expect(await statuses(8, index => signIn(`a${index}@example.com`, 'wrong', spellings[index % 4]))).toEqual([
      ...times(4, 401),
      ...times(4, 429),
    ])
  })

  test('that is not known, or is none, is one bucket and nobody’s place', async () => {
    const { auth, register, signIn } = limited({ signIn: { address: '3/10m', account: '2/10m' } })
    await register('me@example.com', 'unix')
    const nowhere = async (address: string | null) => {
      const exchange = testExchange('POST', '/api/v1/session', {
        json: { user: { email: 'a@example.com', password: 'x' } },
      })
      return (await auth.respond({ ...exchange, address })).status
    }
    expect([await nowhere(null), await nowhere('unix'), await nowhere(''), await nowhere('1.2.3')]).toEqual([
      401, 401, 429, 429,
    ])
    expect((await signIn('me@example.com', PASSWORD, 'unknown')).status).toBe(429)
    expect((await signIn('me@example.com')).status).toBe(401)
  })
})

describe('everything', () => {
  test('is limited together', async () => {
    const { signIn, statuses } = limited({ signIn: { global: '10/10m' } })
    const run = await statuses(15, index => signIn(`a${index}@example.com`, 'wrong', ADDRESSES[index]))
    expect(run).toEqual([...times(10, 401), ...times(5, 429)])
  })

  test('ends its windows not at once for all addresses, and at once for all names', async () => {
    const { signIn } = limited({ signIn: { address: '1/1h', account: '1/1h' } })
    const ends = new Set<string | undefined>()
    for (const address of ADDRESSES.slice(0, 20)) {
      await signIn('a@example.com', 'wrong', address)
      ends.add((await signIn('b@example.com', 'wrong', address)).headers['retry-after'])
    }
    expect(ends.size).toBeGreaterThan(10)
  })

  test('is apart for each tenant', async () => {
    const { request } = limited(
      { signIn: { account: '2/10m', address: '2/10m', global: '2/10m' } },
      { tenant: ({ header }) => header('x-tenant') },
    )
    const tryAt = async (tenant: string) => {
      const user = { email: 'me@example.com', password: 'wrong' }
      return (await request('POST', '/session', { json: { user }, headers: { 'x-tenant': tenant } })).status
    }
    expect([await tryAt('acme'), await tryAt('acme'), await tryAt('acme')]).toEqual([401, 401, 429])
    expect(await tryAt('umbrella')).toBe(401)
  })
})

describe('two names of one account', () => {
  const both = { identifiers: ['email', 'username'] } as const

  test('share its tries, and nothing tells that they are one', async () => {
    const { request, register, signIn, compared } = limited({ signIn: { account: '10/10m' } }, both)
    await register('me@example.com', HOME, { username: 'myself' })
    compared.length = 0
    for (let index = 0; index < 15; index++) {
      expect(await signIn('me@example.com')).toEqual(await signIn('nobody@example.com'))
    }
    for (let index = 0; index < 15; index++) {
      const [mine, nobodys] = await Promise.all(
        ['myself', 'nobody'].map(username =>
          request('POST', '/session', { json: { user: { username, password: PASSWORD } }, address: AWAY }),
        ),
      )
      expect(mine).toEqual(nobodys)
      expect(mine?.status).toBe(index < 10 ? 401 : 429)
    }
    expect(compared.filter(hash => hash !== null)).toHaveLength(10)
    expect(compared).toHaveLength(40)
  })

  test('use up no more of the day than they were compared in ten minutes', async () => {
    const { request, register, signIn, statuses, clock } = limited({ signIn: { account: ['2/10m', '4/24h'] } }, both)
    await register('me@example.com', HOME, { username: 'myself' })
    const byName = (password: string) =>
      request('POST', '/session', { json: { user: { username: 'myself', password } }, address: '192.0.2.1' })
    expect(await statuses(2, () => signIn('me@example.com'))).toEqual([401, 401])
    expect(await statuses(2, () => byName('wrong'))).toEqual([401, 401])
    clock.advance(600_000)
    expect((await byName(PASSWORD)).status).toBe(200)
  })

  test('are both open again after the window, a success, or a new password', async () => {
    const { auth, request, register, signIn, statuses, clock } = limited({ signIn: { account: '3/10m' } }, both)
    await register('me@example.com', HOME, { username: 'myself' })
    const byName = (password = PASSWORD) =>
      request('POST', '/session', { json: { user: { username: 'myself', password } }, address: '192.0.2.1' })
    await statuses(4, () => signIn('me@example.com'))
    expect((await byName()).status).toBe(401)
    clock.advance(600_000)
    expect((await byName()).status).toBe(200)
    await statuses(4, () => signIn('me@example.com'))
    const found = await auth.users.findByIdentifier('myself')
    await auth.system.setPassword(found?.user.id as string, 'another1234')
    expect((await byName('another1234')).status).toBe(200)
  })
})
