import { test } from 'vitest'
import { memoryUsers, type SqlDatabase } from '../../src/index.js'
import { type UsersSuiteOptions, usersSuite } from '../../src/testing/index.js'
import { sqlUsers } from '../../src/users/sql.js'
import { ENGINES, makeTable, NAMELESS, RENAMED, SMALL } from '../support/tables.js'

const named = (kind: string) => ({ test: (name: string, run: () => Promise<void>) => test(`${kind}: ${name}`, run) })

const FIELDS = {
  given: { name: 'Ann', age: 41.5, news: false, settings: { theme: ['dark', null], n: 1 } },
  changed: { name: 'Ünïcode "quoted"', age: 0, news: true, settings: 'plain' },
}
const ALL: UsersSuiteOptions = { identifiers: ['email', 'username'], tenants: true, roles: true, suspension: true }

usersSuite(() => memoryUsers({ fields: Object.keys(FIELDS.given) }), { ...ALL, fields: FIELDS, ...named('memory') })
usersSuite(() => memoryUsers(), { identifiers: ['username'], ...named('memory, usernames') })

/** Of one table for all tests of an engine, the part that a test has to itself. */
async function emptied(database: SqlDatabase): Promise<SqlDatabase> {
  await database.prepare('delete from users').run()
  return database
}

for (const engine of ENGINES) {
  const makeOn = (table: typeof RENAMED) => async () => {
    const opened = await engine.open()
    return sqlUsers(opened.database, await makeTable(opened, engine, table))
  }
  const makeDefault = async () => sqlUsers(await emptied((await engine.open()).database))

  usersSuite(makeDefault, { ...ALL, ...named(`${engine.name}, users, all it has`) })
  usersSuite(makeDefault, { identifiers: ['username'], ...named(`${engine.name}, users, usernames`) })
  usersSuite(makeOn(RENAMED), { ...ALL, fields: FIELDS, ...named(`${engine.name}, ${RENAMED.name}`) })
  usersSuite(makeOn(SMALL), { times: false, ...named(`${engine.name}, ${SMALL.name}`) })
  usersSuite(makeOn(NAMELESS), {
    identifiers: ['username'],
    roles: true,
    suspension: true,
    ...named(`${engine.name}, ${NAMELESS.name}`),
  })
}
