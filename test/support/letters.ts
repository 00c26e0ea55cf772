import { randomUUID } from 'node:crypto'
import { tableOf } from '../../src/extensions/beside.js'
import type { Extension } from '../../src/index.js'
import { defineTable, type Table } from '../../src/stores/table.js'

type LetterRow = {
  readonly id: string
  readonly position: number
  readonly kind: string
  readonly to: string | null
  readonly facts: string
}

const LETTERS = defineTable<LetterRow>('mail_0001', {
  name: 'letters',
  columns: { id: 'text', position: 'integer', kind: 'text', to: 'text?', facts: 'text' },
  key: ['id'],
})

export interface Letter {
  readonly kind: string
  /** Null: nobody is told. */
  readonly to: string | null
  readonly facts: Readonly<Record<string, string>>
}

/** An app's own way to tell people, in place of `mail`: it keeps what is to be told in a table. */
export interface Letters {
  readonly extension: Extension
  /** All so far, in order, of a kind or of all. */
  all(kind?: string): Promise<readonly Letter[]>
  /** The latest of a kind to an address. Fails where there is none. */
  last(kind: string, to?: string): Promise<Letter>
}

export function letters(): Letters {
  let table: Table<LetterRow>
  let count = 0
  async function all(kind?: string): Promise<readonly Letter[]> {
    const rows = await table.find({ order: 'position' })
    const read = rows.map(({ kind, to, facts }) => ({ kind, to, facts: JSON.parse(facts) }))
    return kind === undefined ? read : read.filter(letter => letter.kind === kind)
  }
  return {
    all,
    async last(kind, to) {
      const found = (await all(kind)).filter(letter => to === undefined || letter.to === to).at(-1)
      if (!found) throw new Error(`no ${kind} was sent${to === undefined ? '' : ` to ${to}`}`)
      return found
    },
    extension: {
      name: 'mail',
      migrations: [LETTERS.migration],
      setup(tools) {
        table = tableOf(tools, LETTERS)
        return {
          hooks: {
            noticing({ kind, to, facts = {} }) {
              count++
              return [table.beside({ id: randomUUID(), position: count, kind, to, facts: JSON.stringify(facts) })]
            },
          },
        }
      },
    },
  }
}
