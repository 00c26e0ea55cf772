import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Bench, CutPoint } from './benches.js'
import { type Ledger, type LedgerAccount, openLedger, register, settle } from './ledger.js'
import { OPERATIONS, type Operation, type Subject } from './operations.js'

const RECOVERY_MS = 5000
const POLL_MS = 5
/** Servers that start one after another take their time on a busy machine. */
const SLOW_MS = 240_000
/** No operation has so many commands: one that never ends must not run for ever. */
const MOST_COMMANDS = 100

/** What the cases on one bench share. */
interface Series {
  readonly bench: Bench
  readonly ledger: Ledger
  /** Somebody signed in to whom nothing may happen. */
  readonly bystander: LedgerAccount
}

/** An operation that met a fault. */
interface Attempted {
  readonly subject: Subject
  /** True when the client was told that it is done. */
  readonly isDone: boolean
}

/** Waits until a server answers what needs every store. Throws where that takes too long: the rest would only wait. */
async function recovered({ ledger, bystander }: Series, base: string, since: number): Promise<void> {
  const token = bystander.sessions[0]?.pair.access as string
  for (;;) {
    const answer = await ledger.ask(base, 'GET', '/protected', { token, allowed: [200, 503] })
    const ms = performance.now() - since
    if (ms > RECOVERY_MS) throw new Error(`L5 ${Math.round(ms)} ms after the fault the answer was ${answer?.status}`)
    if (answer?.status === 200) return
    await pause(POLL_MS)
  }
}

/** Sees that all holds: once the fault is over, after each client tried again what it was not told, and after more use. */
async function aftermath(series: Series, label: string, attempted: readonly Attempted[], back: Promise<void> | null) {
  const { bench, ledger, bystander } = series
  const tested = [bystander, ...attempted.map(({ subject }) => subject.account)]
  const check = async (bases: readonly string[]) => ledger.check(bases, await bench.census(), tested)

  back?.catch(() => {})
  // Where a server is dead, its clients go to another while it starts.
  const others = bench.bases().slice(1)
  const isAlone = others.length === 0
  if (isAlone) await back
  const serving = back && !isAlone ? others : bench.bases()
  ledger.during(label)
  await check(serving)
  ledger.during(`${label}, retried`)
  await Promise.all(attempted.map(({ subject, isDone }) => isDone || subject.retry(serving[0] as string)))
  await check(serving)
  await back
  ledger.during(`${label}, afterwards`)
  await Promise.all(attempted.map(({ subject }) => settle(ledger, bench.bases()[0] as string, subject.account)))
  await check(bench.bases())
}

/** One operation on a fresh account with a fault at one point, if it has such a point. False when it has not. */
async function tryPoint(series: Series, operation: Operation, point: CutPoint): Promise<boolean> {
  const { bench, ledger } = series
  const { link, k, moment, kills } = point
  const broken = bench.bases()[0] as string
  const label = `${operation.name}, ${kills ? 'killed' : 'cut'} ${moment} ${link} command ${k}`
  ledger.during(`${label}, preparing`)
  const subject = await operation.prepare(ledger, broken)

  ledger.during(label, { mayClose: kills })
  const forget = await bench.plan(point)
  const started = performance.now()
  const isDone = await subject.attempt(broken)
  const happened = await forget()
  ledger.during(label)
  ledger.claim('L4', isDone || happened, 'was not done, though nothing failed')
  if (!happened) return false
  if (!kills) await recovered(series, broken, started)
  await aftermath(series, label, [{ subject, isDone }], kills ? bench.restart() : null)
  return true
}

/** Tries every command of an operation on one link. Gives how many there are. */
async function tryAll(series: Series, operation: Operation, link: string, kills: boolean): Promise<number> {
  for (let k = 1; k < MOST_COMMANDS; k++) {
    // Nothing tells a server that died before a command from one that died after the last.
    const isKnown = kills && (k > 1 || link !== series.bench.links[0])
    const moments = isKnown ? (['after'] as const) : (['before', 'after'] as const)
    for (const moment of moments) {
      if (!(await tryPoint(series, operation, { link, k, moment, kills }))) return k - 1
    }
  }
  throw new Error(`${operation.name} has no end`)
}

/** All operations at once, and the death of the server at a random answer. */
async function killAtRandom(series: Series, round: number): Promise<void> {
  const { bench, ledger } = series
  const broken = bench.bases()[0] as string
  const label = `round ${round}`
  ledger.during(`${label}, preparing`)
  const subjects = await Promise.all(OPERATIONS.map(({ prepare }) => prepare(ledger, broken)))
  ledger.during(label, { mayClose: true })
  const fatal = Math.floor(Math.random() * subjects.length)
  let told = 0
  const attempted = await Promise.all(
    subjects.map(async subject => {
      const attempt = subject.attempt(broken)
      if (fatal === 0) bench.kill()
      const isDone = await attempt
      if (++told === fatal) bench.kill()
      return { subject, isDone }
    }),
  )
  await aftermath(series, label, attempted, bench.restart())
}

/** Everything that did not hold while a part of the series ran. */
async function violationsOf({ bench, ledger }: Series, run: () => Promise<void>): Promise<string[]> {
  await run().catch(error => {
    ledger.claim('L5', false, `and it could not go on: ${error}`)
    // What follows shall tell of its own troubles.
    return bench.restart()
  })
  return ledger.violations.splice(0)
}

export interface CutPointOptions {
  readonly ways: readonly ('cut' | 'killed')[]
  /** Default: all. */
  readonly operations?: readonly Operation[]
}

/** Tests every operation on a bench with a fault at each of its commands. */
export function testCutPoints(open: () => Promise<Bench>, { ways, operations = OPERATIONS }: CutPointOptions): void {
  let bench: Bench | undefined
  let series: Series
  beforeAll(async () => {
    bench = await open()
    const ledger = openLedger()
    ledger.during('the bystander')
    const bystander = ledger.newAccount()
    await register(ledger, bench.bases()[0] as string, bystander, { allowed: [200] })
    series = { bench, ledger, bystander }
  })
  afterAll(() => bench?.stop())

  describe.each(ways)('%s', { timeout: SLOW_MS }, way => {
    test.each(operations)('before and after every command of $name', async operation => {
      const counts: number[] = []
      const violations = await violationsOf(series, async () => {
        for (const link of series.bench.links) counts.push(await tryAll(series, operation, link, way === 'killed'))
      })
      expect(violations).toEqual([])
      // All of them change sessions: a count of none means that nothing was tried.
      expect(counts[0]).toBeGreaterThan(0)
    })
  })

  if (ways.includes('killed')) {
    test('killed at random answers while many are under way', { timeout: SLOW_MS }, async () => {
      const violations = await violationsOf(series, async () => {
        for (let round = 1; round <= 3; round++) await killAtRandom(series, round)
      })
      expect(violations).toEqual([])
    })
  }

  test('what was told in all cases holds at the end', async () => {
    const violations = await violationsOf(series, async () => {
      series.ledger.during('at the end')
      await series.ledger.check(series.bench.bases(), await series.bench.census())
    })
    expect(violations).toEqual([])
  })
}
