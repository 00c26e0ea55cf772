import type { AuditEvent } from '../extensions/audit/events.js'

/** What moves a cursor, colours a screen, turns text round or hides in it. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu

/** Text that a terminal shows and does not obey. */
function shown(text: string): string {
  return text.replace(UNSEEN, '\ufffd')
}

/** One event as a line of JSON, of characters that can be seen. */
export function jsonLine(event: AuditEvent): string {
  const { id, at, tenant, name, outcome, userId, actorId, sessionId, address, userAgent, requestId, ...rest } = event
  const json = JSON.stringify({
    id,
    at: new Date(at).toISOString(),
    tenant,
    name,
    outcome,
    user_id: userId,
    actor_id: actorId,
    session_id: sessionId,
    address,
    user_agent: userAgent,
    request_id: requestId,
    identifier_hash: rest.identifierHash,
    detail: rest.detail,
  })
  const escaped = json.replace(UNSEEN, character =>
    Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
      .map(unit => `\\u${unit.toString(16).padStart(4, '0')}`)
      .join(''),
  )
  return `${escaped}\n`
}

const COLUMNS: readonly [title: string, value: (event: AuditEvent) => string | null][] = [
  ['TIME', ({ at }) => new Date(at).toISOString()],
  ['EVENT', ({ name }) => name],
  ['OUTCOME', ({ outcome }) => outcome],
  ['TENANT', ({ tenant }) => tenant],
  ['USER', ({ userId }) => userId],
  // Most do what they do themselves.
  ['BY', ({ actorId, userId }) => (actorId === userId ? null : actorId)],
  ['ADDRESS', ({ address }) => address],
  ['DETAIL', ({ detail }) => detail],
  ['USER AGENT', ({ userAgent }) => userAgent],
]

/** Events as a table: columns that are empty are left out. */
export function auditTable(events: readonly AuditEvent[], isFirst: boolean): string {
  if (events.length === 0) return isFirst ? 'no events\n' : ''
  const columns = COLUMNS.map(([title, value]) => ({ title, cells: events.map(event => shown(value(event) ?? '')) }))
    .filter(({ cells }) => cells.some(cell => cell !== ''))
    .map(({ title, cells }) => [title, ...cells])
  const widths = columns.map(cells => Math.max(...cells.map(cell => cell.length)))
  const lines = Array.from({ length: events.length + 1 }, (_, row) =>
    columns.map((cells, index) => (cells[row] as string).padEnd(widths[index] as number)).join('  '),
  )
  return `${lines
    .slice(isFirst ? 0 : 1)
    .map(line => line.trimEnd())
    .join('\n')}\n`
}
