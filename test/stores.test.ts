import { test } from 'vitest'
import { memoryStore, memoryUsers } from '../src/index.js'
import { sqliteStore } from '../src/stores/sqlite.js'
import { sessionsSuite, storeSuite, testAuth, usersSuite } from '../src/testing/index.js'
import { sqlUsers } from '../src/users/sql.js'
import { newDatabase } from './support/database.js'

storeSuite(({ now }) => memoryStore({ now }), { test: (name, run) => test(`memory ${name}`, run) })
storeSuite(async ({ now }) => sqliteStore(await newDatabase(), { now }), {
  test: (name, run) => test(`sqlite ${name}`, run),
})

usersSuite(() => memoryUsers(), { test: (name, run) => test(`memory ${name}`, run) })
usersSuite(async () => sqlUsers(await newDatabase()), { test: (name, run) => test(`sqlite ${name}`, run) })

sessionsSuite(() => testAuth().auth, { test: (name, run) => test(`memory ${name}`, run) })
sessionsSuite(
  async () => {
    const database = await newDatabase()
    return testAuth({ users: sqlUsers(database), store: sqliteStore(database) }).auth
  },
  { test: (name, run) => test(`sqlite ${name}`, run) },
)
