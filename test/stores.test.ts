import { test } from 'vitest'
import { memoryUsers } from '../src/index.js'
import { sessionsSuite, storeSuite, testAuth, testClock, usersSuite } from '../src/testing/index.js'
import { STORES } from './support/stores.js'

/** A busy machine is slow: that is no failure of a store. */
const PATIENT_MS = 20_000
const KEEPS_USERS = /^(?:sqlite|postgres)/

usersSuite(() => memoryUsers(), { test: (name, run) => test(`memory ${name}`, run) })

for (const { name: kind, make } of STORES) {
  const named = { test: (name: string, run: () => Promise<void>) => test(`${kind} ${name}`, run) }
  storeSuite(async tools => (await make(tools)).store, named)
  if (KEEPS_USERS.test(kind)) usersSuite(async tools => (await make(tools)).users, named)
  sessionsSuite(async () => {
    const { now } = testClock()
    return testAuth({ ...(await make({ now })), now, deadlineMs: PATIENT_MS }).auth
  }, named)
}
