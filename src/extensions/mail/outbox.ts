import type { RowBeside, Table, TableDefinition } from '../../stores/table.js'
import { defineTable } from '../../stores/table.js'
import { newId } from '../../tokens/random.js'
import type { Seal } from '../../tokens/seal.js'

export type OutboxRow = {
  readonly id: string
  /** Of several auths on one database each sends its own. */
  readonly realm: string
  readonly tenant: string
  readonly kind: string
  /** When it is tried. Whoever tries it moves this on first: that is the claim, and it ends by itself. */
  readonly due_at: number
  /** Rises with every claim, so that of many workers one gets the row. Also how often it was tried. */
  readonly version: number
  readonly created_at: number
  readonly expires_at: number | null
  readonly payload: string
}

export const OUTBOX: TableDefinition<OutboxRow> = defineTable<OutboxRow>('mail_0001', {
  name: 'mail_outbox',
  columns: {
    id: 'text',
    realm: 'text',
    tenant: 'text',
    kind: 'text',
    due_at: 'integer',
    version: 'integer',
    created_at: 'integer',
    expires_at: 'integer?',
    payload: 'text',
  },
  key: ['id'],
  indexes: [{ columns: ['realm', 'due_at'] }],
})

/** What a row holds sealed. */
export interface Letter {
  /** Null: nobody is told, and the row is thrown away. */
  readonly to: string | null
  readonly userId: string | null
  readonly locale: string
  readonly facts: Readonly<Record<string, string>>
}

/** What stands on the outside of a letter. */
export type Envelope = Pick<OutboxRow, 'tenant' | 'kind' | 'created_at' | 'expires_at'>

/** A row that one worker holds. Its verbs do nothing once the claim is over and somebody else has the row. */
export interface Claim {
  readonly row: OutboxRow
  /** Null where no secret opens it. */
  readonly letter: Letter | null
  remove(): Promise<void>
  delayUntil(time: number): Promise<void>
}

export interface Outbox {
  /** A row that makes the letter be sent. */
  rowOf(envelope: Envelope, letter: Letter): RowBeside
  /** Rows that are due, the longest due first. */
  due(now: number, limit: number): Promise<readonly OutboxRow[]>
  /** Null when somebody else has claimed it. */
  claim(row: OutboxRow, until: number): Promise<Claim | null>
}

const BLOCK = 1024

/** Filled up to whole blocks, so that a row's size does not say whether anybody is told. */
function padded(letter: Letter): string {
  const text = JSON.stringify(letter)
  const bytes = new TextEncoder().encode(text).length
  return text + ' '.repeat(BLOCK - (bytes % BLOCK))
}

export function createOutbox(table: Table<OutboxRow>, seal: Seal, realm: string): Outbox {
  const placeOf = (id: string) => `mail_outbox/${id}`
  return {
    rowOf(envelope, letter) {
      const id = newId()
      const payload = seal.seal(padded(letter), placeOf(id))
      return table.beside({ ...envelope, id, realm, due_at: envelope.created_at, version: 0, payload })
    },
    async due(now, limit) {
      return table.find({ where: { realm }, below: { due_at: now + 1 }, order: 'due_at', limit })
    },
    async claim({ id, version }, until) {
      const [row] = await table.update({ where: { id, version } }, { due_at: until, version: version + 1 })
      if (!row) return null
      const mine = { where: { id, version: row.version } }
      const text = seal.open(row.payload, placeOf(id))
      return {
        row,
        letter: text === null ? null : JSON.parse(text),
        async remove() {
          await table.delete(mine)
        },
        async delayUntil(time) {
          await table.update(mine, { due_at: time })
        },
      }
    },
  }
}
