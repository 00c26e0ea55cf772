import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { tableOf } from '../../src/extensions/beside.js'
import type { SqlDatabase } from '../../src/index.js'
import { migrate } from '../../src/migrations.js'
import { defineTable, type RowsPage, type Table, type TableDefinition } from '../../src/stores/table.js'
import { ENGINES } from '../support/tables.js'

type Note = {
  readonly id: string
  readonly owner: string
  readonly at: number
  readonly title: string | null
}

function notes(): TableDefinition<Note> {
  const name = `notes_${randomUUID().slice(0, 8)}`
  return defineTable<Note>(`${name}_0001`, {
    name,
    columns: { id: 'text', owner: 'text', at: 'integer', title: 'text?' },
    key: ['owner', 'id'],
    indexes: [{ columns: ['at'] }, { columns: ['title'], unique: true }],
  })
}

const LONG_AGO = -5
const FAR = 8_640_000_000_000_000

async function inSql(database: SqlDatabase): Promise<Table<Note>> {
  const shape = notes()
  await migrate(database, { extensions: [{ migrations: [shape.migration] }] })
  return tableOf({ database, deadlineMs: 20_000 }, shape)
}

const PLACES = [
  { name: 'memory', make: async () => tableOf({ database: 'memory', deadlineMs: 500 }, notes()) },
  ...ENGINES.map(engine => ({ name: engine.name, make: async () => inSql((await engine.open()).database) })),
]

const note = (id: string, rest: Partial<Note> = {}): Note => ({ id, owner: 'me', at: 1, title: null, ...rest })
const fifty = <T>(run: (index: number) => T | Promise<T>) =>
  Promise.all(Array.from({ length: 50 }, async (_, index) => run(index)))

describe.each(PLACES)('a table of an extension in $name', ({ make }) => {
  test('gives rows as they were written, times of any size and nothing where nothing was', async () => {
    const table = await make()
    for (const row of [note('a', { at: FAR }), note('b', { at: LONG_AGO, title: "O'Brien" })]) {
      expect(await table.insert(row)).toBe(true)
    }
    expect(await table.find({ order: 'at' })).toEqual([
      note('b', { at: LONG_AGO, title: "O'Brien" }),
      note('a', { at: FAR }),
    ])
  })

  test('of fifty rows with one key, and of fifty with one unique value, one is written', async () => {
    const table = await make()
    expect((await fifty(index => table.insert(note('a', { at: index })))).filter(Boolean)).toHaveLength(1)
    expect((await fifty(index => table.insert(note(`t${index}`, { title: 'one' })))).filter(Boolean)).toHaveLength(1)
    expect(await table.find()).toHaveLength(2)
    // Nothing is no value: it is unique to nobody.
    expect(await table.insert(note('b'))).toBe(true)
  })

  test('put replaces the row with its key and no other', async () => {
    const table = await make()
    await table.put(note('a', { title: 'first' }))
    await table.put(note('a', { owner: 'you', title: 'yours' }))
    await table.put(note('a', { title: 'second' }))
    expect((await table.find({ order: 'owner' })).map(({ title }) => title)).toEqual(['second', 'yours'])
  })

  test('finds by values and bounds, in order, a page at a time', async () => {
    const table = await make()
    for (const at of [30, 10, 20, 40]) await table.insert(note(`n${at}`, { at, owner: at > 30 ? 'you' : 'me' }))
    const times = async (page: RowsPage<Note>) => (await table.find(page)).map(({ at }) => at)
    expect(await times({ order: 'at' })).toEqual([10, 20, 30, 40])
    expect(await times({ order: 'at', descending: true, limit: 2 })).toEqual([40, 30])
    expect(await times({ where: { owner: 'me' }, order: 'at', from: { at: 20 } })).toEqual([20, 30])
    expect(await times({ order: 'at', below: { at: 20 } })).toEqual([10])
    expect(await times({ where: { title: null, owner: 'you' } })).toEqual([40])
    expect(await times({ where: { title: 'none' } })).toEqual([])
  })

  test('of fifty changes that expect one value, one applies', async () => {
    const table = await make()
    await table.insert(note('a'))
    const changed = await fifty(index => table.update({ where: { id: 'a', at: 1 } }, { at: 100 + index }))
    expect(changed.flat()).toHaveLength(1)
    expect(changed.flat()).toEqual(await table.find())
  })

  test('of fifty who delete a row, one gets it', async () => {
    const table = await make()
    await table.insert(note('a'))
    await table.insert(note('b', { at: 2 }))
    const deleted = await fifty(() => table.delete({ below: { at: 2 } }))
    expect(deleted.flat()).toEqual([note('a')])
    expect(await table.find()).toEqual([note('b', { at: 2 })])
  })
})

test('a table with no place to be is refused, and the option named', () => {
  expect(() => tableOf({ database: null, deadlineMs: 500 }, notes())).toThrow(/createAuth the `database`/)
})

test('a table that is not there is 503, and its cause says what to do', async () => {
  const [engine] = ENGINES
  const { database } = await (engine as (typeof ENGINES)[number]).open()
  const table = tableOf({ database, deadlineMs: 500 }, notes())
  await expect(table.find()).rejects.toMatchObject({ code: 'unavailable' })
})
