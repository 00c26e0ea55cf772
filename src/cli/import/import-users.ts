import { createHash } from 'node:crypto'
import type { Clock } from '../../base/clock.js'
import { Problem } from '../../base/problem.js'
import type { FieldKind } from '../../users/sql.js'
import { type Cells, cellsOf } from './cells.js'
import type { Checkpoint } from './checkpoint.js'
import { addOne, type Counts, noCounts } from './counts.js'
import { hashKind } from './hash-kind.js'
import { accountId, type Mapping, type Prepared, passwordHashOf, prepare } from './prepare.js'
import type { Report } from './report.js'
import type { SourceRow } from './rows.js'
import { seenTexts } from './seen.js'
import type { KeepSession } from './sessions.js'
import { readRows, type SourceFile } from './source-file.js'
import type { Reading, Source } from './sources/source.js'
import { type Part, tablesOf } from './tables.js'
import type { Outcome, Target } from './target.js'

/** How many users one transaction writes. */
const BATCH = 500

export interface ImportOptions {
  readonly source: Source
  readonly files: readonly SourceFile[]
  readonly target: Target
  /** Which users these are, in words that stay the same: part of what a checkpoint is of. */
  readonly into: string
  readonly tenant: string
  readonly namespace: string
  /** The table of users, where it has another name than usual. */
  readonly table?: string | undefined
  readonly mapping: Mapping
  readonly kinds: Readonly<Record<string, FieldKind>>
  readonly reading: Omit<Reading, 'now'>
  readonly isDry: boolean
  /** `'skip'` counts somebody whose address is taken as left out. */
  readonly onTaken: 'refuse' | 'skip'
  /** Null keeps no sessions. */
  readonly keepSession: KeepSession | null
  readonly checkpoint: Checkpoint
  openReport(from: number): Report
  /** Told after each piece: how far the reading is, and in which part. */
  progress?(at: { readonly part: Part; readonly bytes: number; readonly rows: number }): void
  readonly now: Clock
}

/** One row on its way, with where it stands. */
interface Placed<Value> {
  readonly file: string
  readonly line: number
  readonly value: Value
}

/** What only the reading of users has told. */
interface Known {
  readonly counts: Counts
  /** Ids at the source of those who are not here. Their passwords and sessions are nobody's. */
  readonly absent: Set<string>
  /** Ids here by ids there, where they cannot be computed. */
  readonly ids: Map<string, string>
  /** Rows of each part that were met. */
  readonly met: Record<Part, number>
}

/** Which import this is: of the same files, into the same users, by the same rules. */
function nameOf({ files, into, tenant, namespace, table, mapping, source, reading, onTaken }: ImportOptions): string {
  const rules = [into, tenant, namespace, table ?? '', [...mapping], Object.keys(source), reading, onTaken]
  const text = JSON.stringify([files.map(({ fingerprint }) => fingerprint), source.users.needs, rules])
  return createHash('sha256').update(text).digest('hex')
}

/** The reason of a refusal that a row's reading threw. Anything else is told without its words, which may quote cells. */
const reasonOf = (error: unknown): string => (Problem.is(error) ? error.code : 'not_readable')

export async function importUsers(options: ImportOptions): Promise<Counts> {
  const { source, files, target, mapping, isDry, checkpoint, keepSession, now } = options
  const reading: Reading = { ...options.reading, now: now() }
  const by = { ...options, now: reading.now }
  const hasMapped = (row: Cells) => ['email', 'username'].some(name => row.has(mapping.get(name) ?? ''))
  const { partNamed, partOf } = tablesOf(source, options.table, hasMapped)
  const needsMore = source.passwords !== undefined || keepSession !== null
  const of = nameOf(options)

  /** Where an earlier run has come to. One that has to read other tables as well begins anew: rows know their users. */
  async function resumed() {
    const before = needsMore || isDry ? null : checkpoint.read(of)
    const isThere = before?.witness ? (await target.find([before.witness])).length > 0 : before !== null
    return isThere ? before : null
  }

  const before = await resumed()
  const report = options.openReport(before?.report ?? 0)
  const known: Known = {
    counts: before?.counts ?? noCounts(),
    absent: new Set(),
    ids: new Map(),
    met: { users: 0, passwords: 0, sessions: 0 },
  }
  const { counts, absent, ids, met } = known
  let witness = before?.witness ?? null

  /** Calls `each` for the rows of a part, and `full` where a batch may be written. */
  async function readPart(
    part: Part,
    each: (row: SourceRow, cells: Cells, file: string) => void,
    full: () => Promise<void>,
  ) {
    let earlier = 0
    for (const file of files) {
      let found = 0
      for await (const { rows, bytes } of readRows(file, name => partNamed(name) !== null)) {
        for (const row of rows) {
          const cells = cellsOf(row)
          const rowPart = row.broken ? (row.table === null ? 'users' : partNamed(row.table)) : partOf(row, cells)
          if (rowPart === null) continue
          found++
          if (part === 'users') met[rowPart]++
          if (rowPart !== part) continue
          each(row, cells, file.path)
          await full()
        }
        options.progress?.({ part, bytes: earlier + bytes, rows: met.users })
      }
      if (found === 0) throw new TypeError(nothingIn(file.path))
      earlier += file.size
    }
  }

  function nothingIn(path: string): string {
    const named = options.table ?? source.users.names[0]
    return `${path} has no row of users: in a dump they are in the table \`${named}\`, see --table; a CSV names its columns in its first line, see --map`
  }

  function tell(
    place: { file: string; line: number },
    result: 'refused' | 'left_out',
    reason: string,
    more = {},
  ): void {
    counts[result]++
    addOne(counts.reasons, reason)
    report.write({ file: place.file, line: place.line, result, reason, ...more })
  }

  function decided({ file, line, value }: Placed<Prepared>, outcome: Outcome): void {
    const { oldId, email } = value
    if (outcome.result === 'refused') {
      const isSkipped = outcome.reason === 'taken' && options.onTaken === 'skip'
      if (oldId !== null && needsMore) absent.add(oldId)
      return tell({ file, line }, isSkipped ? 'left_out' : 'refused', outcome.reason, { old_id: oldId, email })
    }
    counts[outcome.result]++
    if (value.suspendedAt !== null) counts.suspended++
    if (value.confirmedAt !== null) counts.confirmed++
    if (value.passwordHash !== null) addOne(counts.hashes, hashKind(value.passwordHash) as string)
    if (oldId === null || oldId === outcome.id) return
    if (!target.keepsIds && needsMore) ids.set(oldId, outcome.id)
    report.write({ file, line, result: outcome.result, old_id: oldId, id: outcome.id, email })
  }

  async function readUsers(): Promise<void> {
    const isSeen = seenTexts()
    const skipped = before?.rows ?? 0
    let rows = 0
    let waiting: Placed<Prepared>[] = []

    async function flush(): Promise<void> {
      const outcomes = await target.write(
        waiting.map(({ value }) => value),
        isDry,
      )
      outcomes.forEach((outcome, index) => {
        decided(waiting[index] as Placed<Prepared>, outcome)
        if (outcome.result !== 'refused') witness = outcome.id
      })
      waiting = []
      if (!needsMore && !isDry) checkpoint.write({ of, rows, report: report.size, counts, witness })
    }

    function take(row: SourceRow, cells: Cells, file: string): void {
      rows++
      const place = { file, line: row.line }
      const isDecided = rows <= skipped
      if (row.broken) return isDecided ? undefined : tell(place, 'refused', row.broken)
      let oldId: string | null = null
      try {
        const person = source.person(cells, reading)
        oldId = person.id
        if (person.leftOut) {
          if (oldId !== null && needsMore) absent.add(oldId)
          return isDecided ? undefined : tell(place, 'left_out', person.leftOut, { old_id: oldId })
        }
        const value = prepare(cells, person, by)
        const isTwice = [value.email, value.username].filter(name => name !== null).some(isSeen)
        if (isDecided) return
        if (!isTwice) return void waiting.push({ ...place, value })
        if (oldId !== null && needsMore) absent.add(oldId)
        tell(place, 'refused', 'twice_in_the_source', { old_id: oldId, email: value.email })
      } catch (error) {
        if (oldId !== null && needsMore) absent.add(oldId)
        if (!isDecided) tell(place, 'refused', reasonOf(error))
      }
    }

    await readPart('users', take, async () => {
      if (waiting.length >= BATCH) await flush()
    })
    await flush()
  }

  const idHere = (oldId: string): string | null => {
    if (absent.has(oldId)) return null
    return target.keepsIds || isDry ? accountId(by, oldId) : (ids.get(oldId) ?? null)
  }

  /** Reads a table whose rows belong to users, in batches. */
  async function readMore<Value>(
    part: 'passwords' | 'sessions',
    read: (cells: Cells) => Value | null,
    write: (values: readonly Value[]) => Promise<void>,
  ): Promise<void> {
    if (met[part] === 0) return
    let waiting: Value[] = []
    async function flush(): Promise<void> {
      if (waiting.length > 0 && !isDry) await write(waiting)
      if (isDry) counts[part] += waiting.length
      waiting = []
    }
    await readPart(
      part,
      (row, cells, file) => {
        try {
          const value = row.broken ? null : read(cells)
          if (value !== null) waiting.push(value)
          else if (row.broken) tell({ file, line: row.line }, 'refused', row.broken)
        } catch (error) {
          tell({ file, line: row.line }, 'refused', reasonOf(error))
        }
      },
      async () => {
        if (waiting.length >= BATCH) await flush()
      },
    )
    await flush()
  }

  function passwordIn(cells: Cells) {
    const given = source.password?.(cells)
    const id = given ? idHere(given.userId) : null
    if (!given || id === null) return null
    const hash = passwordHashOf(given.hash) as string
    addOne(counts.hashes, hashKind(hash) as string)
    return { id, hash }
  }

  function sessionIn(cells: Cells) {
    const given = source.session?.(cells, reading)
    const id = given ? idHere(given.userId) : null
    return given && id !== null && given.expiresAt > reading.now ? { ...given, userId: id } : null
  }

  try {
    await readUsers()
    await readMore('passwords', passwordIn, async passwords => {
      counts.passwords += (await target.setPasswords(passwords)).filter(isSet => isSet).length
    })
    if (keepSession) {
      await readMore('sessions', sessionIn, async sessions => {
        counts.sessions += await keepSession(
          sessions,
          await target.find([...new Set(sessions.map(({ userId }) => userId))]),
        )
      })
    }
    report.write({ result: 'summary', ...counts })
  } finally {
    report.close()
  }
  checkpoint.remove()
  return counts
}
