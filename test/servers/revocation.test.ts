import { describe, expect, test } from 'vitest'
import type { FleetStore } from '../support/fleet.js'
import type { Pair } from '../support/guide.js'
import { measured } from './answers.js'
import { HAS_ENGINES, twoServers } from './two-servers.js'

const STORES: FleetStore[] = HAS_ENGINES ? ['postgres', 'redis'] : []
/** Ends at once: as many as keep two servers busy, not more. */
const BATCH = 20
/** Most ms for which a near cache may believe what it cannot know. */
const BELIEVED_MS = 5000
/** Of a hundred, 99 are over within this, on however busy a machine; `benchmarks/revocation.mjs` measures. */
const HEARD_MS = 250
const PATIENT = { PAWL_STORE_DEADLINE: '10s' }

describe.each(STORES)('two servers on one %s', store => {
  const { a, b, people, sessionsOfOne } = twoServers(store, PATIENT)

  test('a session ended on one is refused by the first request to the other', { timeout: 120_000 }, async () => {
    let refused = 0
    for (let round = 0; round < 30; round++) {
      const pairs = await people(BATCH)
      await Promise.all(
        pairs.map(async ({ access, renewal }, index) => {
          expect(await b('GET', '/session', access)).toBe(200)
          expect(await a('DELETE', '/session', index % 2 ? access : renewal)).toBe(200)
          const first = index % 4 < 2 ? b('GET', '/session', access) : b('POST', '/session/renew', renewal)
          expect(await first).toBe(401)
          refused++
        }),
      )
    }
    expect(refused).toBe(30 * BATCH)
  })

  test('all others of a person ended on one are refused by the first requests to the other', async () => {
    for (let round = 0; round < 10; round++) {
      const [own, ...others] = (await sessionsOfOne(BATCH)) as [Pair, ...Pair[]]
      const answers = () => Promise.all(others.map(({ access }) => b('GET', '/session', access)))
      expect(new Set(await answers())).toEqual(new Set([200]))
      expect(await a('DELETE', '/sessions', own.access)).toBe(200)
      expect(new Set(await answers())).toEqual(new Set([401]))
      expect(await b('GET', '/session', own.access)).toBe(200)
    }
  })
})

describe.skipIf(!HAS_ENGINES)('two servers with near caches on one Redis', () => {
  const { a, b, networkOfB, people } = twoServers('redis', { ...PATIENT, PAWL_NEAR_CACHE: 'true' })

  /**
   * Ends a session that is in B's cache. Gives the ms from then until the first refusal by B, and until the last request
   * that B admitted was sent; 0 when it admitted none.
   */
  async function endAndWait(access: string): Promise<{ refused: number; admitted: number }> {
    expect(await a('DELETE', '/session', access)).toBe(200)
    const ended = performance.now()
    const spent = () => performance.now() - ended
    let admitted = 0
    for (;;) {
      const sent = spent()
      const status = await b('GET', '/session', access)
      if (status !== 200) {
        expect(status).toBe(401)
        const refused = spent()
        expect(await b('GET', '/session', access)).toBe(401)
        return { refused, admitted }
      }
      admitted = sent
      expect(admitted).toBeLessThan(BELIEVED_MS)
    }
  }

  test('a session in the cache of one is refused there soon after its end on the other, for good', {
    timeout: 120_000,
  }, async () => {
    const ends: { refused: number; admitted: number }[] = []
    const size = 60 * BATCH
    while (ends.length < size) {
      const pairs = await people(BATCH)
      const asked = async () => new Set(await Promise.all(pairs.map(({ access }) => b('GET', '/session', access))))
      expect(await asked()).toEqual(new Set([200]))
      networkOfB().resetCount()
      expect(await asked()).toEqual(new Set([200]))
      // Otherwise there is no cache, and nothing to be late.
      expect(networkOfB().commands()).toBe(0)
      ends.push(...(await Promise.all(pairs.map(({ access }) => endAndWait(access)))))
      expect(ends.filter(({ admitted }) => admitted >= HEARD_MS).length).toBeLessThanOrEqual(size / 100)
    }
    const percentile = (share: number, of: 'refused' | 'admitted') =>
      ends.map(each => each[of]).sort((x, y) => x - y)[Math.ceil(ends.length * share) - 1] as number
    measured('ms from an end to its refusal', {
      p50: percentile(0.5, 'refused'),
      p99: percentile(0.99, 'refused'),
      max: percentile(1, 'refused'),
      'last admitted': percentile(1, 'admitted'),
    })
  })
})
