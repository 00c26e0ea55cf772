import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import type { FleetNode } from '../support/fleet.js'
import type { Pair } from '../support/guide.js'
import { until } from './answers.js'
import { HAS_ENGINES, twoServers } from './two-servers.js'

/** Most ms for which a near cache may believe what it cannot know. */
const BELIEVED_MS = 5000
const RECOVERY_MS = 20_000
const VICTIMS = 16
const BYSTANDERS = 4

type Network = FleetNode['sessions']

/** A fault between B and Redis, in the middle of a run of ends. */
interface Fault {
  readonly name: string
  readonly rounds: number
  /** Before the first end. */
  prepare?(network: Network): unknown
  begin(network: Network): unknown
  /** Most ms it lasts; infinite for one that lasts until B refuses all who were ended. */
  readonly lastsMs: number
  end(network: Network): unknown
  /** How many end before and while it begins; the others after. */
  readonly before: number
  /** B hears of it at once, and not only by its own patience. */
  readonly isHeard: boolean
}

const pass = (network: Network) => network.pass()
const silence = (network: Network) => network.silence()
const freeze = (network: Network) => network.freeze()
const thaw = (network: Network) => network.thaw()

/** Word of what ends is on its way when the connection closes. */
const hold = (network: Network) => network.dropReplies()

const FAULTS: Fault[] = [
  {
    name: 'cut',
    rounds: 12,
    prepare: hold,
    async begin(network) {
      await network.pass()
      network.cut()
    },
    lastsMs: 0,
    end: () => {},
    before: 12,
    isHeard: true,
  },
  {
    name: 'refused for a while',
    rounds: 4,
    prepare: hold,
    begin: network => network.refuse(),
    lastsMs: Number.POSITIVE_INFINITY,
    end: pass,
    before: 12,
    isHeard: true,
  },
  { name: 'frozen and thawed', rounds: 4, begin: freeze, lastsMs: 200, end: thaw, before: 12, isHeard: false },
  { name: 'frozen while all is read', rounds: 4, begin: freeze, lastsMs: 1000, end: thaw, before: 0, isHeard: false },
  {
    name: 'silent',
    rounds: 1,
    begin: silence,
    lastsMs: Number.POSITIVE_INFINITY,
    end: pass,
    before: 12,
    isHeard: false,
  },
  {
    name: 'silent while all is read',
    rounds: 1,
    begin: silence,
    lastsMs: Number.POSITIVE_INFINITY,
    end: pass,
    before: 0,
    isHeard: false,
  },
]

interface Answer {
  /** When the request was sent. */
  readonly asked: number
  readonly status: number
}

/** Somebody who asks B again and again. */
interface Watched {
  readonly answers: Answer[]
  /** When A had ended the session; infinite before. */
  ended: number
}

const last = ({ answers }: Watched) => answers.at(-1)?.status
const after = ({ answers, ended }: Watched) => answers.filter(({ asked }) => asked > ended)
const admitted = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 200)

/** After an end, B admits for no longer than it may, and after a refusal never again. */
function expectOver(one: Watched, mostMs: number): void {
  const asked = after(one)
  for (const each of admitted(asked)) expect(each.asked - one.ended).toBeLessThan(mostMs)
  const refused = asked.findIndex(({ status }) => status !== 200)
  expect(admitted(asked.slice(refused))).toEqual([])
  expect(last(one)).toBe(401)
}

/** Whoever was ended before the connection closed is admitted by nobody who knows of it. */
function expectHeard({ answers, ended }: Watched, closed: number): void {
  if (ended > closed) return
  const [first] = answers.filter(({ asked }) => asked > closed)
  // The close was there before the first request after it was sent, so a later one meets a server that knows.
  expect(admitted(answers.filter(({ asked }) => first && asked > first.asked))).toEqual([])
}

describe.skipIf(!HAS_ENGINES)('the near cache of a server whose connection to Redis is', () => {
  const { a, b, networkOfB, people, ready } = twoServers('redis', { PAWL_NEAR_CACHE: 'true' })
  afterEach(async () => {
    await networkOfB().pass()
    // Also a connection that lives, but hangs: no test is to suffer from the one before.
    networkOfB().cut()
    await until('B is ready', ready, RECOVERY_MS)
  })

  test.each(FAULTS)('$name admits nobody who was ended', { timeout: 120_000 }, async fault => {
    for (let round = 0; round < fault.rounds; round++) await oneRound(fault)
  })

  async function oneRound({ prepare, begin, lastsMs, end, before, isHeard }: Fault): Promise<void> {
    const pairs = await people(VICTIMS + BYSTANDERS)
    const known = await Promise.all(pairs.map(({ access }) => b('GET', '/session', access)))
    expect(new Set(known)).toEqual(new Set([200]))
    const watched = pairs.map((): Watched => ({ answers: [], ended: Number.POSITIVE_INFINITY }))
    const victims = watched.slice(0, VICTIMS)
    const bystanders = watched.slice(VICTIMS)
    const endSome = (from: number, to: number) =>
      Promise.all(
        pairs.slice(from, to).map(async ({ access }: Pair, index) => {
          expect(await a('DELETE', '/session', access)).toBe(200)
          ;(watched[from + index] as Watched).ended = performance.now()
        }),
      )

    let isOver = false
    const asking = Promise.all(
      pairs.map(async ({ access }, index) => {
        while (!isOver) {
          const asked = performance.now()
          watched[index]?.answers.push({ asked, status: await b('GET', '/session', access) })
          await pause(1)
        }
      }),
    )
    // A round that fails leaves them behind.
    asking.catch(() => {})

    await prepare?.(networkOfB())
    await endSome(0, before / 2)
    // Otherwise nothing was in memory, and there was nothing to fear.
    const isBelieved = (one: Watched) => admitted(after(one)).length > 0
    if (prepare) await until('they are believed', () => victims.slice(0, before / 2).every(isBelieved))
    const underWay = endSome(before / 2, before)
    await begin(networkOfB())
    const begun = performance.now()
    await Promise.all([underWay, endSome(before, VICTIMS)])
    if (Number.isFinite(lastsMs)) await pause(Math.random() * lastsMs)
    else {
      const isRefused = (one: Watched) => after(one).some(({ status }) => status !== 200)
      await until('everybody who was ended is refused', () => victims.every(isRefused), 2 * BELIEVED_MS)
    }
    await end(networkOfB())
    await until('everybody who was ended gets a 401', () => victims.every(one => last(one) === 401), RECOVERY_MS)
    await until('everybody else is admitted', () => bystanders.every(one => last(one) === 200), RECOVERY_MS)
    isOver = true
    await asking

    for (const one of victims) {
      expectOver(one, isHeard ? BELIEVED_MS / 2 : BELIEVED_MS)
      if (isHeard) expectHeard(one, begun)
    }
    if (before === 0) expect(victims.filter(isBelieved)).not.toEqual([])
    for (const { answers } of bystanders) {
      expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([])
    }
  }
})
