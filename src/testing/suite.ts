import { test as nodeTest } from 'node:test'
import type { Clock } from '../base/clock.js'

/** The runner's own `test`: vitest's, node:test's, or any of that shape. */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown

export interface SuiteOptions {
  /** Default: `test` of `node:test`. */
  test?: TestFunction
}

/** A clock that stands still until it is told to move. */
export interface TestClock {
  readonly now: Clock
  advance(ms: number): void
}

/** Starts on a round day, so that failures read well. */
export function testClock(start: number = Date.UTC(2030, 0, 1)): TestClock {
  let time = start
  return {
    now: () => time,
    advance(ms) {
      time += ms
    },
  }
}

/** Registers a named test that gets a fresh subject and a clock, and closes the subject after. */
export function suite<Subject>(
  kind: string,
  make: (tools: { readonly now: Clock }) => Subject | Promise<Subject>,
  { test = nodeTest }: SuiteOptions = {},
) {
  return (name: string, run: (subject: Subject, clock: TestClock) => Promise<void>): void => {
    test(`${kind}: ${name}`, async () => {
      const clock = testClock()
      await run(await make({ now: clock.now }), clock)
    })
  }
}

/** Runs fifty of one thing at once. */
export function fifty<T>(run: (index: number) => T | Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: 50 }, async (_, index) => run(index)))
}
