import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Postgres, startPostgres } from '../support/engines.js'
import { type Fleet, type FleetNode, startFleet } from '../support/fleet.js'
import { newFolder } from '../support/server.js'
import { type Asked, AWAY_MS, ask, measured, slowest, statuses, until } from './answers.js'
import { check, type Person, renew, signIn, signOut, told } from './people.js'
import { crowd, LACKS_ENGINES, renewByKey } from './redis-servers.js'

/** A new PostgreSQL takes forty, and sixteen for each file of its log. */
const DISK = 'size=110m'
/** So many writes fill what the tables have already. */
const MOST_WRITES = 600

/** A folder on a small disk of its own; null where none can be made. */
function smallDisk(): string | null {
  const folder = newFolder()
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', DISK, 'tmpfs', folder]).status === 0) return folder
  rmSync(folder, { recursive: true })
  return null
}

function drop(disk: string): void {
  spawnSync('umount', ['-l', disk])
  rmSync(disk, { recursive: true, force: true })
}

const folder = LACKS_ENGINES ? null : smallDisk()
if (folder !== null) process.once('exit', () => drop(folder))
else if (process.env.CI || process.env.PAWL_REQUIRE_ENGINES) {
  throw new Error('No tmpfs can be mounted here, and CI or PAWL_REQUIRE_ENGINES says that no test may be skipped')
} else console.error('!!! No tmpfs can be mounted here. SKIPPED: what happens when the disk of PostgreSQL is full.')

describe.skipIf(folder === null)('PostgreSQL on a full disk', () => {
  const disk = folder as string
  const filler = join(disk, 'filler')
  let postgres: Postgres
  let fleet: Fleet
  let node: FleetNode
  let url: string

  beforeAll(async () => {
    const settings = { max_wal_size: '32MB', min_wal_size: '32MB', autovacuum: 'off' }
    postgres = await startPostgres({ folder: disk, settings })
    fleet = await startFleet({ store: 'postgres', engines: { postgres: postgres.url } })
    node = fleet.nodes[0] as FleetNode
    url = node.url()
  })
  afterAll(async () => {
    await fleet?.stop()
    await postgres?.stop()
    drop(disk)
  })

  /** Writes a file until there is no room for another byte. */
  async function fill(): Promise<void> {
    const file = await open(filler, 'w')
    const piece = Buffer.alloc(1 << 20)
    try {
      for (let bytes = piece.length; bytes >= 1; ) {
        const written = await file.write(piece, 0, bytes).catch(error => {
          if (error.code !== 'ENOSPC') throw error
          return null
        })
        if (written === null) bytes >>= 1
      }
    } finally {
      await file.close()
    }
  }

  /** Tells PostgreSQL something, past the server. */
  async function tell(sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: fleet.databaseUrl })
    client.on('error', () => {})
    await client.connect()
    await client.query(sql).finally(() => client.end().catch(() => {}))
  }

  /** Frees the disk, starts PostgreSQL where it ended, and gives the ms until writes are done again. */
  async function free(person: Person): Promise<number> {
    rmSync(filler)
    return until('writes are done', async () => {
      if (postgres.output().includes('\nended with')) await postgres.restart()
      return (await signIn(url, person)).status === 200
    })
  }

  const checkAll = (pairs: readonly Pick<Person, 'access'>[]) => Promise.all(pairs.map(pair => check(url, pair)))

  test('writes are 503 and checks go on; then everything told is there', async () => {
    const people = await crowd(url, 20)
    const [comer, leaver, ...others] = people as [Person, Person, ...Person[]]
    await fill()
    const live: Pick<Person, 'access'>[] = [...people]
    const gone: Pick<Person, 'access'>[] = []
    const tried = { told: 0, refused: 0 }
    const note = (answer: Asked): boolean => {
      expect([200, 503]).toContain(answer.status)
      expect(answer.ms).toBeLessThan(AWAY_MS)
      tried[answer.status === 200 ? 'told' : 'refused']++
      return answer.status === 200
    }
    // Pages that are there already have room for some.
    let inARow = 0
    for (let writes = 0; inARow < 5; writes++) {
      expect(writes).toBeLessThan(MOST_WRITES)
      const answer = await signIn(url, comer)
      if (note(answer)) live.push(told(answer))
      inARow = answer.status === 503 ? inARow + 1 : 0
    }
    const unknown: Person[] = []
    for (const person of others) {
      const answer = await renewByKey(url, person, person.email)
      live.splice(live.indexOf(person), 1)
      if (note(answer)) {
        gone.push(person)
        live.push(told(answer))
      } else unknown.push(person)
    }
    expect(unknown).not.toEqual([])
    const checked = await checkAll([...live, ...unknown])
    expect(statuses(checked)).toEqual(checked.map(() => 200))
    expect(slowest(checked)).toBeLessThan(AWAY_MS)
    expect((await ask(url, 'GET', '/readyz')).status).toBe(200)
    const left = await signOut(url, leaver)
    if (note(left)) {
      live.splice(live.indexOf(leaver), 1)
      gone.push(leaver)
    }

    const back = await free(comer)
    expect(statuses(await checkAll(live))).toEqual(live.map(() => 200))
    expect(statuses(await checkAll(gone))).toEqual(gone.map(() => 401))
    for (const person of unknown) {
      const pair = told(await renewByKey(url, person, person.email))
      expect((await check(url, pair)).status).toBe(200)
      expect((await check(url, person)).status).toBe(401)
    }
    expect((await signOut(url, leaver)).status).toBe(200)
    expect((await check(url, leaver)).status).toBe(401)
    measured('disk full', { ...tried, back })
  })

  test('of which the log needs a new file it is away: 503, and then everything told is there', async () => {
    const people = await crowd(url, 6)
    const [first, leaver, renewer] = people as [Person, Person, Person]
    await fill()
    const answers: Asked[] = []
    // Ends the file of the log, and with it what was prepared for this.
    await until('there is no log to write to', async () => {
      await tell('select pg_switch_wal()').catch(() => {})
      answers.push(await signOut(url, leaver), await renewByKey(url, renewer, 'full'))
      return answers.slice(-2).every(({ status }) => status === 503)
    })
    const away = await Promise.all([...people.map(person => check(url, person)), signIn(url, first)])
    for (const { status } of [...answers, ...away]) expect([200, 401, 503]).toContain(status)
    expect(slowest([...answers, ...away])).toBeLessThan(AWAY_MS)
    expect((await ask(url, 'GET', '/livez')).status).toBe(200)
    expect(node.server().child.exitCode).toBeNull()

    expect(postgres.output()).toMatch(/PANIC: .*No space left on device/)

    const back = await free(first)
    const leftBefore = answers.some(({ status }, index) => index % 2 === 0 && status === 200)
    if (leftBefore) expect((await check(url, leaver)).status).toBe(401)
    expect((await signOut(url, leaver)).status).toBe(200)
    expect((await check(url, leaver)).status).toBe(401)
    const renewed = told(await renewByKey(url, renewer, 'full'))
    expect((await check(url, renewer)).status).toBe(401)
    expect((await renew(url, renewed)).status).toBe(200)
    for (const person of people.slice(3)) expect((await check(url, person)).status).toBe(200)
    measured('no room for the log', { back })
  })
})
