import { describe, expect, test } from 'vitest'
import { rateLimits } from '../../src/extensions/rate-limits/rate-limits.js'
import { bearerOrCookieSessions, type Extension, memoryUsers } from '../../src/index.js'
import { testExchange } from '../../src/testing/index.js'
import { ADDRESSES, AWAY, HOME, limited, PASSWORD, times } from '../support/limits.js'

describe('every way in', () => {
  const wrong = { email: 'me@example.com', password: 'wrong' }

  test('a custom controller is limited, in the account that the route counted too', async () => {
    const { auth, register, signIn } = limited({ signIn: { account: '3/10m' } })
    await register()
    await signIn('me@example.com')
    const call = async () => {
      const ctx = await auth.open(testExchange('POST', '/mine', { address: AWAY }))
      return auth.accounts
        .authenticate(ctx, { ...wrong, password: PASSWORD, email: ' ME@example.com' })
        .catch(error => error.code)
    }
    await signIn('me@example.com')
    await signIn('me@example.com')
    expect(await call()).toBe('rate_limits.exceeded')
  })

  test('a cookie is limited as a token is', async () => {
    const { register, request, signIn } = limited(
      { signIn: { account: '2/10m' } },
      { sessions: bearerOrCookieSessions() },
    )
    const cookie = () =>
      request('POST', '/session', {
        json: { user: wrong },
        address: AWAY,
        headers: { 'session-transport': 'cookie', origin: 'http://localhost', host: 'localhost' },
      })
    await register()
    await signIn('me@example.com')
    await cookie()
    expect((await signIn('me@example.com')).status).toBe(429)
    expect((await cookie()).status).toBe(429)
  })

  test("a registration's retry tries a password, and is counted as one", async () => {
    const { register, request, compared } = limited({ signIn: { account: '3/10m' } })
    await register()
    const guess = async (password: string) => {
      const user = { email: 'me@example.com', password, password_confirmation: password }
      const headers = { 'idempotency-key': 'a-key-of-mine-1234567890' }
      return (await request('POST', '/registration', { json: { user }, headers, address: AWAY })).status
    }
    compared.length = 0
    const run: number[] = []
    for (let index = 0; index < 8; index++) run.push(await guess(`guess number ${index}`))
    expect(compared).toHaveLength(3)
    expect(run.slice(-3)).toEqual([429, 429, 429])
    expect(await guess(PASSWORD)).toBe(429)
  })

  test.each([
    ['POST', '/session/reauthenticate', { password: 'wrong' }, 401],
    ['PATCH', '/registration', { email: 'new@example.com', current_password: 'wrong' }, 422],
    ['DELETE', '/registration', { current_password: 'wrong' }, 401],
  ] as const)('%s %s guesses the password of who holds a token as often as may, and no more', async (...row) => {
    const [method, path, user, refusal] = row
    const { register, request, signIn, statuses, compared, clock } = limited({
      currentPassword: '4/10m',
      signIn: { account: '3/10m' },
    })
    const token = await register()
    // Strangers cannot use it up.
    await statuses(10, () => signIn('me@example.com'))
    compared.length = 0
    const run = await statuses(10, index =>
      request(method, path, { token, json: { user }, address: ADDRESSES[index] as string }),
    )
    expect(run).toEqual([...times(4, refusal), ...times(6, 429)])
    expect(compared).toHaveLength(4)
    // One count for all three, and none of the sign-in's.
    const proof = { json: { user: { password: PASSWORD } }, token }
    expect((await request('POST', '/session/reauthenticate', proof)).status).toBe(429)
    expect((await signIn('me@example.com', PASSWORD, HOME)).status).toBe(200)
    clock.advance(600_000)
    expect((await request('POST', '/session/reauthenticate', proof)).status).toBe(200)
  })

  test('a password that is proven again ends the count; fields that need none do not', async () => {
    const { register, request, statuses } = limited({ currentPassword: '3/10m' })
    const token = await register()
    const prove = (password: string) =>
      request('POST', '/session/reauthenticate', { token, json: { user: { password } } })
    expect(await statuses(10, () => prove(PASSWORD))).toEqual(times(10, 200))
    expect([(await prove('a')).status, (await prove('b')).status, (await prove(PASSWORD)).status]).toEqual([
      401, 401, 200,
    ])
    expect(await statuses(4, () => prove('wrong'))).toEqual([401, 401, 401, 429])
  })

  test('registration is limited by address and together', async () => {
    const { request, statuses } = limited({ registration: { address: '3/10m', global: '5/10m' } })
    const join = (index: number, address: string) => {
      const user = { email: `a${index}@example.com`, password: PASSWORD, password_confirmation: PASSWORD }
      return request('POST', '/registration', { json: { user }, address })
    }
    expect(await statuses(5, index => join(index, HOME))).toEqual([200, 200, 200, 429, 429])
    expect(await statuses(5, index => join(10 + index, ADDRESSES[index] as string))).toEqual([200, 200, 429, 429, 429])
  })

  test('messages that anybody may ask for are limited by the address of who asks', async () => {
    const asks: Extension = {
      name: 'asks',
      setup: ({ run }) => ({
        routes: [
          {
            method: 'POST',
            path: '/ask',
            description: { summary: 'Asks', answers: 'Anything' },
            async handle(ctx) {
              await run('asking', { ctx, kind: 'reset_password' })
              return {}
            },
          },
        ],
      }),
    }
    const { request, statuses, signIn } = limited({ mail: { address: '2/10m' } }, { extensions: [asks] })
    expect(await statuses(4, () => request('POST', '/ask', { address: AWAY }))).toEqual([200, 200, 429, 429])
    expect((await signIn('me@example.com')).status).toBe(401)
  })

  test('a forwarded header changes nothing without proxies of the app’s own', async () => {
    const { request, statuses } = limited({ signIn: { address: '3/10m' } })
    const names = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'cf-connecting-ip', 'true-client-ip', 'x-client-ip']
    const run = await statuses(12, index =>
      request('POST', '/session', {
        json: { user: { email: `a${index}@example.com`, password: 'wrong' } },
        headers: Object.fromEntries(names.map(name => [name, ADDRESSES[index] as string])),
        address: AWAY,
      }),
    )
    expect(run).toEqual([...times(3, 401), ...times(9, 429)])
  })
})

describe('what is told', () => {
  test('an event for each limit and window, without what may be a password', async () => {
    const { register, signIn, statuses, exceeded, clock } = limited({ signIn: { account: '2/10m', address: '30/10m' } })
    await register()
    await statuses(10, () => signIn('me@example.com'))
    await statuses(10, () => signIn('no@example.com'))
    await statuses(30, () => signIn('hunter2hunter2'))
    expect(exceeded().map(({ detail, identifier, address }) => [detail, identifier, address])).toEqual([
      ['sign_in.account', 'me@example.com', AWAY],
      ['sign_in.account', 'no@example.com', AWAY],
      ['sign_in.account', undefined, AWAY],
      ['sign_in.address', undefined, AWAY],
    ])
    clock.advance(600_000)
    await statuses(10, () => signIn('me@example.com'))
    expect(exceeded()).toHaveLength(5)
    expect(exceeded()[0]).toHaveProperty('userId')
  })

  test('nothing that is stored holds a name or an address', async () => {
    const keys: string[] = []
    const { auth, register, signIn } = limited({ signIn: { account: '2/10m' } })
    const values = auth.store.values as unknown as Record<string, (...args: unknown[]) => unknown>
    for (const [name, verb] of Object.entries(values)) {
      values[name] = (...args) => {
        keys.push(JSON.stringify(args))
        return verb(...args)
      }
    }
    await register('me@example.com', HOME)
    await signIn('me@example.com', PASSWORD)
    await signIn('me@example.com')
    expect(keys.length).toBeGreaterThan(5)
    // Nothing a hash could hold by chance.
    for (const key of keys) expect(key).not.toMatch(/@|example|\d\.\d|secret/)
  })

  test('what is weaker than the default is said at the start', () => {
    const { events, verbs } = limited({ signIn: { account: '500/10m' }, registration: { address: false } })
    const said = events.filter(({ name }) => name === 'rate_limits.weak').map(({ detail }) => detail)
    expect(said).toEqual([
      'the rate limit sign_in.account lets 72000 pass in 24h, where 100 is the default',
      'the rate limit registration.address is off',
    ])
    expect(verbs.weaker).toEqual(said)
    expect(limited().events).toEqual([])
    expect(limited({ signIn: { account: '4/1h' } }).events).toEqual([])
  })
})

describe('verbs for support', () => {
  test('say whether an account is refused, and open it again', async () => {
    const { verbs, register, signIn, statuses } = limited({ signIn: { account: '2/10m', address: '8/10m' } })
    await register()
    expect(await verbs.status('me@example.com')).toEqual({ limited: false, retryAfter: null })
    await statuses(4, () => signIn('me@example.com'))
    await statuses(4, () => signIn('me@example.com', 'wrong', HOME))
    const { limited: isLimited, retryAfter } = await verbs.status(' ME@example.com')
    expect(isLimited).toBe(true)
    expect(retryAfter).toBe(Number((await signIn('me@example.com')).headers['retry-after']))
    await verbs.clear('ME@example.com ')
    expect(await verbs.status('me@example.com')).toEqual({ limited: false, retryAfter: null })
    expect((await signIn('me@example.com', PASSWORD, HOME)).status).toBe(200)
    expect((await signIn('me@example.com', PASSWORD)).status).toBe(200)
    await statuses(9, index => signIn(`x${index}@example.com`))
    expect((await signIn('me@example.com', PASSWORD)).status).toBe(429)
    await verbs.clearAddress(AWAY)
    expect((await signIn('me@example.com', PASSWORD)).status).toBe(200)
  })

  test('know an account that is none', async () => {
    const { verbs, signIn, statuses } = limited({ signIn: { account: '2/10m' } })
    await statuses(3, () => signIn('no@example.com'))
    expect((await verbs.status('no@example.com')).limited).toBe(true)
    await verbs.clear('no@example.com')
    expect((await signIn('no@example.com')).status).toBe(401)
  })
})

describe('options', () => {
  test("'off' and false limit nothing", async () => {
    for (const options of ['off', { signIn: { account: false, address: false, global: false } }] as const) {
      const { signIn, statuses, verbs } = limited(options)
      expect(await statuses(200, () => signIn('a@example.com'))).toEqual(times(200, 401))
      expect((await verbs.status('a@example.com')).limited).toBe(false)
    }
  })

  test.each([
    [{ signIn: { account: '0/10m' } }, /`signIn.account` must be like '20\/10m', a list of such, or false/],
    [{ signIn: { account: [] } }, /`signIn.account`/],
    [{ signIn: { adress: false } }, /unknown option `signIn.adress`; known are account, address, global/],
    [{ currentPassword: '5/500ms' }, /`currentPassword`/],
    [{ registration: { global: '5' } }, /`registration.global`/],
    [{ mail: { address: true } }, /`mail.address`/],
    [{ renewal: false }, /unknown option `renewal`/],
    ['on', /rateLimits takes options, or 'off'/],
  ])('%j is refused, and the message says what to write', (options, message) => {
    expect(() => rateLimits(options as never)).toThrow(TypeError)
    expect(() => rateLimits(options as never)).toThrow(message)
  })

  test('a few hundred sign-ups and sign-ins of one machine in a minute are let pass', async () => {
    const { register, signIn, statuses } = limited({}, { users: memoryUsers() })
    for (let index = 0; index < 300; index++) await register(`a${index}@example.com`, '127.0.0.1')
    expect(await statuses(300, index => signIn(`a${index}@example.com`, PASSWORD, '127.0.0.1'))).toEqual(
      times(300, 200),
    )
    const fifty = await Promise.all(Array.from({ length: 50 }, () => signIn('a1@example.com', PASSWORD, '127.0.0.1')))
    expect(fifty.map(({ status }) => status)).toEqual(times(50, 200))
  })
})
