import { randomUUID } from 'node:crypto'
import { createClient } from 'redis'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { type Auth, createAuth, memoryUsers } from '../../src/index.js'
import { nearCache } from '../../src/stores/near-cache.js'
import { redisStore } from '../../src/stores/redis.js'
import type { RedisClient } from '../../src/stores/redis-client.js'
import { cheapHasher, testClock, testExchange } from '../../src/testing/index.js'
import { PASSWORD } from '../support/guide.js'
import { startProxy, type TcpProxy } from '../support/proxy.js'
import { until } from './answers.js'

const SECRET = 'a secret for tests, and for tests alone'

async function status(auth: Auth, method: string, path: string, token: string): Promise<number> {
  return (await auth.respond(testExchange(method, `/api/v1${path}`, { token }))).status
}

async function connected(url: string) {
  const options = { disableOfflineQueue: true, socket: { reconnectStrategy: () => 5 } }
  const client = createClient({ url, RESP: 3, emitInvalidate: true, ...options })
  client.on('error', () => {})
  await client.connect()
  return client
}

describe.skipIf(inject('pawlRedis') === null)('a near cache, seen from its own process', () => {
  let network: TcpProxy
  let near: Awaited<ReturnType<typeof connected>>
  let close: () => Promise<void>
  /** Ends sessions. */
  let a: Auth
  /** Believes what it read, through the network. */
  let b: Auth

  beforeEach(async () => {
    const url = new URL(inject('pawlRedis') as string)
    network = await startProxy({ port: Number(url.port) })
    const direct = await connected(url.href)
    near = await connected(`redis://127.0.0.1:${network.port}`)
    // Nothing is too old to be believed.
    const { now } = testClock()
    const common = { secret: SECRET, users: memoryUsers(), hasher: cheapHasher(), now }
    const options = { now, prefix: `near-${randomUUID()}`, deadlineMs: 10_000 }
    const storeOf = (client: unknown) => redisStore(client as RedisClient, options)
    a = createAuth({ ...common, store: storeOf(direct), deadlineMs: 10_000 })
    b = createAuth({ ...common, store: nearCache(storeOf(near)), deadlineMs: 10_000 })
    close = async () => {
      direct.destroy()
      near.destroy()
      await network.close()
    }
  })
  afterEach(() => close())

  /** The access tokens of so many new people, each in the memory of B. */
  function known(size: number): Promise<string[]> {
    return Promise.all(
      Array.from({ length: size }, async () => {
        const email = `${randomUUID()}@example.com`
        const user = { email, password: PASSWORD, password_confirmation: PASSWORD }
        const { body } = await a.respond(testExchange('POST', '/api/v1/registration', { json: { user } }))
        const token: string = JSON.parse(body ?? '').data.access_token
        expect(await status(b, 'GET', '/session', token)).toBe(200)
        return token
      }),
    )
  }

  test('a check that starts after its connection was seen to close admits nobody who was ended before', async () => {
    for (let round = 0; round < 60; round++) {
      const tokens = await known(8)
      const ended: string[] = []
      const checks: Promise<number>[] = []
      const check = (some: readonly string[]) => checks.push(...some.map(token => status(b, 'GET', '/session', token)))
      // The very turn in which the client tells of it is after it.
      const closed = new Promise<void>(resolve => {
        near.once('error', () => {
          // Not all: to ask while it is away makes forget as well.
          check(ended.filter((_, index) => index % 2 === 0))
          resolve()
        })
      })
      // Word of the ends is on its way when the connection closes.
      network.dropReplies()
      await Promise.all(
        tokens.map(async (token, index) => {
          expect(await status(a, 'DELETE', '/session', token)).toBe(200)
          ended.push(token)
          if (index !== round % 8) return
          expect(await status(b, 'GET', '/session', token)).toBe(200)
          await network.pass()
          network.cut()
        }),
      )
      await closed
      await until('it is back', () => near.isReady)
      check(ended)
      const answers = await Promise.all(checks)
      expect(answers.filter(answer => answer === 200)).toEqual([])
      expect(answers.slice(-8)).toEqual(Array.from({ length: 8 }, () => 401))
    }
  })
})
