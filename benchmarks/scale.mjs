// What a check, a renewal, a list and an end cost with few sessions in the store and with many, side by side in one run.
// node benchmarks/scale.mjs [few] [many] [rounds]      default: 10000 1000000 9. Starts a PostgreSQL and two Redis.
import { randomUUID } from 'node:crypto'
import { createJiti } from 'jiti'
import { migrate } from 'pawl/migrations'
import { postgresDatabase } from 'pawl/postgres'
import { postgresStore } from 'pawl/stores/postgres'
import { redisStore } from 'pawl/stores/redis'
import pg from 'pg'
import { createClient } from 'redis'

const [few = 10_000, many = 1_000_000, rounds = 9] = process.argv.slice(2).map(Number)
const jiti = createJiti(import.meta.url)
const { startPostgres, startRedis } = await jiti.import('../test/support/engines.ts')
const { sessionOf } = await jiti.import('../test/support/session.ts')

/** Each user has so many sessions. */
const PER_USER = 4
/** Operations of one kind in a round, and how many at once. */
const OPERATIONS = 1500
const AT_ONCE = 16
const BAR = 1.5

async function each(items, run, atOnce = AT_ONCE) {
  let next = 0
  const work = async () => {
    while (next < items.length) await run(items[next++])
  }
  await Promise.all(Array.from({ length: atOnce }, work))
}

/** Fills a store, and gives the sessions of as many users as the rounds will need. */
async function fill({ sessions }, count) {
  const time = Date.now()
  const kept = []
  const users = Array.from({ length: count / PER_USER }, randomUUID)
  const wanted = (rounds + 1) * OPERATIONS
  const every = Math.max(1, Math.floor(users.length / wanted))
  await each(
    users.map((userId, index) => ({ userId, index })),
    async ({ userId, index }) => {
      const made = Array.from({ length: PER_USER }, () => sessionOf(userId, time))
      await Promise.all(made.map(session => sessions.insert(session)))
      if (index % every === 0) kept.push(made[0])
    },
    200,
  )
  return kept
}

const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

/** So many of them, none twice. */
function pick(items) {
  const picked = new Set()
  while (picked.size < Math.min(OPERATIONS, items.length)) picked.add(items[Math.floor(Math.random() * items.length)])
  return [...picked]
}

const KINDS = {
  check: ({ store, kept }) => each(pick(kept), ({ id }) => store.sessions.find(id)),
  renew: ({ store, kept, generations }) =>
    each(pick(kept), async session => {
      const from = generations.get(session.id) ?? 0
      const next = { ...session, generation: from + 1, renewedAt: Date.now() }
      if (!(await store.sessions.advance(session.id, from, next))) throw new Error('a renewal was lost')
      generations.set(session.id, from + 1)
    }),
  list: ({ store, kept }) => each(pick(kept), ({ userId }) => store.sessions.listByUser(userId)),
  'end all': async ({ store, kept }) => {
    const users = pick(kept)
    await each(users, ({ userId }) => store.sessions.deleteByUser(userId))
    const again = users.flatMap(({ userId }) => Array.from({ length: PER_USER }, () => sessionOf(userId, Date.now())))
    return () => each(again, session => store.sessions.insert(session))
  },
}

async function timed(run, subject) {
  const started = performance.now()
  const after = await run(subject)
  const ms = performance.now() - started
  await after?.()
  return ms
}

const postgres = await startPostgres({ settings: { shared_buffers: '1GB', max_wal_size: '4GB' } })
const redises = [await startRedis(), await startRedis()]

async function onPostgres(count) {
  const pool = new pg.Pool({ connectionString: await postgres.createDatabase(), max: 20 })
  const database = postgresDatabase(pool, { deadlineMs: 600_000 })
  await migrate(database)
  const store = postgresStore(pool)
  const kept = await fill(store, count)
  await pool.query('vacuum analyze pawl_sessions')
  const { rows } = await pool.query(`select pg_total_relation_size('pawl_sessions') as bytes`)
  return { store, kept, generations: new Map(), bytes: Number(rows[0].bytes) / count, close: () => pool.end() }
}

async function onRedis(count, { url, cli }) {
  const client = createClient({ url })
  await client.connect()
  const used = async () => Number(/used_memory:(\d+)/.exec(await cli('info', 'memory'))[1])
  const store = redisStore(client, { deadlineMs: 600_000 })
  const before = await used()
  const kept = await fill(store, count)
  const bytes = ((await used()) - before) / count
  return { store, kept, generations: new Map(), bytes, close: () => client.destroy() }
}

let failed = false
try {
  for (const [name, open] of [
    ['PostgreSQL', count => onPostgres(count)],
    ['Redis', count => onRedis(count, redises[count === few ? 0 : 1])],
  ]) {
    const small = await open(few)
    const large = await open(many)
    console.log(
      `${name}: ${Math.round(large.bytes)} bytes per session at ${many}, ${Math.round(small.bytes)} at ${few}`,
    )
    for (const [kind, run] of Object.entries(KINDS)) {
      const ratios = []
      const times = []
      for (const subject of [small, large]) await timed(run, subject)
      for (let round = 0; round < rounds; round++) {
        const pair = {}
        // Alternating who goes first: the machine's mood is shared fairly.
        for (const which of round % 2 ? ['large', 'small'] : ['small', 'large']) {
          pair[which] = await timed(run, which === 'large' ? large : small)
        }
        ratios.push(pair.large / pair.small)
        times.push(pair.large)
      }
      const ratio = median(ratios)
      if (ratio > BAR) failed = true
      const micros = Math.round((median(times) / OPERATIONS) * 1000)
      console.log(`  ${kind}: ${micros} µs each at ${many}, ratio ${ratio.toFixed(2)} (bar ${BAR})`)
    }
    await small.close()
    await large.close()
  }
} finally {
  await Promise.all([postgres.stop(), ...redises.map(redis => redis.stop())])
}
process.exitCode = failed ? 1 : 0
