import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { sqliteStore } from '../src/stores/sqlite.js'
import { testClock } from '../src/testing/index.js'
import { newDatabase } from './support/database.js'

test('a write whose commit fails is an error and not a row', async () => {
  const database = await newDatabase()
  // A constraint that is looked at when the transaction ends, as a full disk is noticed.
  await sql`create table limits (key text primary key)`.execute(database.kysely)
  await sql`create table strict_values (key text references limits (key) deferrable initially deferred)`.execute(
    database.kysely,
  )
  await sql`create trigger fails after update on pawl_values begin
    insert into strict_values values ('no such key'); end`.execute(database.kysely)
  const { values } = sqliteStore(database)
  expect(values.increment('k', 1000)).toBe(1)
  expect(() => values.increment('k', 1000)).toThrow(/constraint/i)
  expect(values.get('k')).toBe(1)
})

test('expired rows go in small batches as others are written', async () => {
  const database = await newDatabase()
  const { now, advance } = testClock()
  const { values } = sqliteStore(database, { now })
  for (let index = 0; index < 1200; index++) await values.put(`old-${index}`, index, 1000)
  const count = () => (database.prepare('select count(*) as n from pawl_values').get() as { n: number }).n
  expect(count()).toBe(1200)
  advance(61_000)
  await values.put('a', 1, 1000)
  expect(count()).toBe(701)
  await values.put('b', 1, 1000)
  await values.put('c', 1, 1000)
  expect(count()).toBe(3)
})
