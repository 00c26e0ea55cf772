import { randomUUID } from 'node:crypto'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { createClient } from 'redis'
import { openSqlite } from '../../src/server/sqlite.js'
import { sessionOf } from '../../src/stores/redis-record.js'
import type { Redis } from './engines.js'
import { SECRET, startFleet } from './fleet.js'
import type { Census } from './ledger.js'
import { newFolder, startServer } from './server.js'

/** The k-th command of one link to a store, counted from 1. */
export interface CutPoint {
  readonly link: string
  readonly k: number
  /** `after`: it is executed, and the server does not hear of it. */
  readonly moment: 'before' | 'after'
  /** SIGKILL of the server at this moment, and not only a cut connection. */
  readonly kills: boolean
}

/** Servers on one store, with a way to break the first of them at a command. */
export interface Bench {
  /** URLs with the base path. Faults happen to the first, and a restart changes its URL; the others are well always. */
  bases(): readonly string[]
  /** What can be cut; first the one to where sessions are. */
  readonly links: readonly string[]
  /** Plans a fault. Gives a function that forgets it and says whether it happened. */
  plan(point: CutPoint): Promise<() => Promise<boolean>>
  kill(): void
  /** Starts the first server again, killed if it is not yet. */
  restart(): Promise<void>
  census(): Promise<Census>
  stop(): Promise<void>
}

const BASE_PATH = '/api/v1'

const ENV = {
  // A replaced token is tried more than once, and late on a slow machine: that must not look like theft.
  PAWL_RACE_WINDOW: '1h',
  PAWL_RETRY_WINDOW: '1h',
  // A busy machine must not look like a store that is away, and a lost answer must be noticed sooner.
  PAWL_STORE_DEADLINE: '10s',
  // Nothing but the connection that was cut.
  PAWL_DATABASE_POOL: '1',
  // And no command but those of requests.
  PAWL_MAIL_WORKER: 'false',
}

const ACCOUNTS = 'select id, email, password_hash as hash, credential_epoch as epoch from users'
const SESSIONS = 'select id, user_id as "userId", credential_epoch as epoch from pawl_sessions'

type Row = Record<string, unknown>

/** PostgreSQL gives a bigint as text. */
const numbered = <T>(rows: readonly Row[]) => rows.map(row => ({ ...row, epoch: Number(row.epoch) })) as T

interface Records {
  keys(pattern: string): Promise<string[]>
  mGet(keys: string[]): Promise<(string | null)[]>
}

async function sessionsIn(redis: Records): Promise<Census['sessions']> {
  const keys = await redis.keys('pawl:*:s:*')
  const records = keys.length === 0 ? [] : await redis.mGet(keys)
  return keys.flatMap((key, index) => {
    const record = records[index]
    if (!record) return []
    const { id, userId, credentialEpoch } = sessionOf(key.slice(key.lastIndexOf(':') + 1), record)
    return [{ id, userId, epoch: credentialEpoch }]
  })
}

/** Two servers, with sessions in PostgreSQL, or in a Redis that no one else uses. */
export async function networkBench(engine?: Redis): Promise<Bench> {
  const fleet = await startFleet({
    store: engine ? 'redis' : 'postgres',
    size: 2,
    env: ENV,
    ...(engine && { engines: { redis: engine.url } }),
  })
  const [node] = fleet.nodes
  if (!node) throw new Error('a fleet without nodes')
  const sql = new pg.Client(fleet.databaseUrl)
  await sql.connect()
  const redis = engine ? createClient({ url: engine.url }) : null
  await redis?.connect()

  return {
    bases: () => fleet.nodes.map(({ url }) => url() + BASE_PATH),
    links: engine ? ['redis', 'postgres'] : ['postgres'],
    async plan({ link, k, moment, kills }) {
      const proxy = link === 'postgres' ? node.postgres : node.sessions
      let happened = false
      proxy.resetCount()
      void proxy.cutAt(k, moment, {
        onCut() {
          happened = true
          if (kills) node.server().child.kill('SIGKILL')
        },
      })
      return async () => {
        await proxy.pass()
        return happened
      }
    },
    kill: () => void node.server().child.kill('SIGKILL'),
    // On another port: somebody else may have taken the old one meanwhile.
    restart: () => node.restart({ signal: 'SIGKILL', env: { PAWL_PORT: '0' } }),
    async census() {
      const accounts = numbered<Census['accounts']>((await sql.query(ACCOUNTS)).rows)
      if (redis) return { accounts, sessions: await sessionsIn(redis) }
      return { accounts, sessions: numbered((await sql.query(SESSIONS)).rows) }
    },
    async stop() {
      redis?.destroy()
      await sql.end()
      await fleet.stop()
    },
  }
}

const KILL_AT_STATEMENT = new URL('kill-at-statement.js', import.meta.url)

/** One server on a file. There is no network: it dies at a statement. */
export async function sqliteBench(): Promise<Bench> {
  const folder = newFolder()
  const [plan, killed] = [join(folder, 'kill-at'), join(folder, 'killed')]
  const env = { ...ENV, PAWL_SECRET: SECRET, NODE_OPTIONS: `--import=${KILL_AT_STATEMENT.href}` }
  let server = await startServer({ folder, env })

  return {
    bases: () => [server.url + BASE_PATH],
    links: ['sqlite'],
    async plan({ k, moment, kills }) {
      if (!kills) throw new TypeError('SQLite has no connection to cut')
      rmSync(killed, { force: true })
      writeFileSync(plan, `${k} ${moment} ${randomUUID()}`)
      return async () => {
        rmSync(plan)
        return existsSync(killed)
      }
    },
    kill: () => void server.child.kill('SIGKILL'),
    async restart() {
      await server.stop('SIGKILL')
      server = await startServer({ folder, env })
    },
    async census() {
      const database = await openSqlite(join(folder, 'pawl-data', 'pawl.db'))
      try {
        const all = async (text: string) => (await database.prepare(text).all()) as Row[]
        return { accounts: numbered(await all(ACCOUNTS)), sessions: numbered(await all(SESSIONS)) }
      } finally {
        await database.close()
      }
    },
    async stop() {
      await server.stop('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
