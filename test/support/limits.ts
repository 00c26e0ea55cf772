import { expect } from 'vitest'
import { rateLimits } from '../../src/extensions/rate-limits/rate-limits.js'
import type { RateLimitsOptions } from '../../src/extensions/rate-limits/rules.js'
import type { AuthOptions, BaseUser } from '../../src/index.js'
import { cheapHasher, testAuth } from '../../src/testing/index.js'

export const PASSWORD = 'secret1234'
/** Where accounts are made. */
export const HOME = '198.51.100.7'
/** Where nobody signed in. */
export const AWAY = '203.0.113.9'

/** An auth with limits, that counts how often a password was compared. */
export function limited(options: RateLimitsOptions | 'off' = {}, rest: Partial<AuthOptions<BaseUser>> = {}) {
  const cheap = cheapHasher()
  const compared: (string | null)[] = []
  const limits = rateLimits(options)
  const { extensions = [], ...others } = rest
  const made = testAuth({
    hasher: {
      hash: cheap.hash,
      verify(password, hash) {
        compared.push(hash)
        return cheap.verify(password, hash)
      },
    },
    extensions: [limits, ...extensions],
    ...others,
  })
  const { request } = made
  async function register(email = 'me@example.com', address = HOME, more = {}) {
    const user = { email, password: PASSWORD, password_confirmation: PASSWORD, ...more }
    const { body, status } = await request('POST', '/registration', { json: { user }, address })
    expect(status).toBe(200)
    return body.data.access_token as string
  }
  const signIn = (email: string, password = 'wrong', address = AWAY) =>
    request('POST', '/session', { json: { user: { email, password } }, address })
  async function statuses(count: number, run: (index: number) => Promise<{ status: number }>) {
    const seen: number[] = []
    for (let index = 0; index < count; index++) seen.push((await run(index)).status)
    return seen
  }
  const exceeded = () => made.events.filter(({ name }) => name === 'rate_limits.exceeded')
  return { ...made, compared, verbs: made.auth.extension(limits), register, signIn, statuses, exceeded }
}

export const times = (count: number, status: number) => Array<number>(count).fill(status)
export const ADDRESSES = Array.from({ length: 250 }, (_, index) => `192.0.2.${index}`)
