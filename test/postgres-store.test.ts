import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, describe, expect, inject, test, vi } from 'vitest'
import { createAuth } from '../src/index.js'
import { migrate } from '../src/migrations.js'
import { postgresStore } from '../src/stores/postgres.js'
import { type PostgresPool, postgresDatabase } from '../src/stores/postgres-database.js'
import { cheapHasher, testClock, testExchange } from '../src/testing/index.js'
import { sqlUsers } from '../src/users/sql.js'
import { createDatabase } from './support/engines.js'
import { startProxy } from './support/proxy.js'
import { DAY_MS, sessionOf } from './support/session.js'
import { newPool } from './support/stores.js'

const closers: (() => unknown)[] = []
afterAll(() => Promise.all(closers.map(close => close())))

const rowsOf = (pool: PostgresPool, sql: string) => (pool as unknown as pg.Pool).query(sql).then(({ rows }) => rows)

describe.skipIf(inject('pawlPostgres') === null)('postgresStore', () => {
  /** A database of its own behind a proxy that counts round trips. */
  async function counted() {
    const url = new URL(await createDatabase(inject('pawlPostgres') as string))
    const proxy = await startProxy({ port: Number(url.port) }, { protocol: 'postgres' })
    url.port = String(proxy.port)
    const pool = new pg.Pool({ connectionString: url.href, max: 1 })
    closers.push(async () => {
      await pool.end()
      await proxy.close()
    })
    const database = postgresDatabase(pool as unknown as PostgresPool, { deadlineMs: 20_000 })
    await migrate(database)
    return { pool: pool as unknown as PostgresPool, database, proxy }
  }

  test('a check with its user is one query and a renewal one statement more, both prepared', async () => {
    const { pool, database, proxy } = await counted()
    const users = sqlUsers(database)
    const secret = 'a secret for tests, and for tests alone'
    const auth = createAuth({ secret, users, store: postgresStore(pool), hasher: cheapHasher(), deadlineMs: 20_000 })
    const user = { email: 'a@example.com', password: 'secret1234', password_confirmation: 'secret1234' }
    const send = async (method: string, path: string, request = {}) => {
      const { status, body } = await auth.respond(testExchange(method, `/api/v1${path}`, request))
      return { status, data: JSON.parse(body as string).data }
    }
    let { data } = await send('POST', '/registration', { json: { user } })
    const renew = async () => {
      ;({ data } = await send('POST', '/session/renew', { token: data.renewal_token }))
    }
    const check = () => auth.open(testExchange('GET', '/', { token: data.access_token }))

    expect((await check()).user?.email).toBe('a@example.com')
    proxy.resetCount()
    expect((await check()).user?.email).toBe('a@example.com')
    expect(proxy.commands()).toBe(1)

    await renew()
    proxy.resetCount()
    await renew()
    // The session with its user, and the swap.
    expect(proxy.commands()).toBe(2)
    expect((await check()).user).not.toBeNull()
    const prepared = await rowsOf(pool, `select statement from pg_prepared_statements where name like 'pawl_%'`)
    const texts = prepared.map(({ statement }) => statement).join('\n')
    expect(texts).toMatch(/update pawl_sessions set generation/)
    expect(texts).toMatch(/left join "users"/)
  })

  test('expired rows go in batches of five hundred, and live ones stay', async () => {
    const { now, advance } = testClock()
    const pool = await newPool()
    const { sessions, values } = postgresStore(pool, { now })
    for (let batch = 0; batch < 12; batch++) {
      await Promise.all(Array.from({ length: 100 }, () => sessions.insert(sessionOf(randomUUID(), now()))))
    }
    await values.put('old', 1, 1000)
    advance(31 * DAY_MS)
    const live = sessionOf(randomUUID(), now())
    const count = async (table: string) => Number((await rowsOf(pool, `select count(*) from ${table}`))[0].count)
    await sessions.insert(live)
    await vi.waitFor(async () => expect(await count('pawl_sessions')).toBe(701))
    for (let write = 0; write < 4; write++) {
      await sessions.update(live.id, { data: { write } })
      await sessions.insert(sessionOf(live.userId, now()))
      await sessions.deleteByUser(live.userId, { except: live.id })
    }
    await vi.waitFor(async () => expect(await count('pawl_sessions')).toBe(1))
    await values.put('new', 1, 1000)
    await vi.waitFor(async () => expect(await count('pawl_values')).toBe(1))
    expect(await sessions.find(live.id)).not.toBeNull()
  })

  test('fifty renewals of one session have one winner at every isolation level', async () => {
    for (const level of ['read committed', 'repeatable read', 'serializable']) {
      const options = `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`
      const { sessions } = postgresStore(await newPool({ options }))
      const session = sessionOf(randomUUID(), Date.now())
      await sessions.insert(session)
      for (let generation = 0; generation < 10; generation++) {
        const next = { ...session, generation: generation + 1 }
        const tries = Array.from({ length: 50 }, () => sessions.advance(session.id, generation, next))
        const settled = await Promise.allSettled(tries.map(each => Promise.resolve(each)))
        const won = settled.filter(each => each.status === 'fulfilled' && each.value !== null)
        expect(won, level).toHaveLength(1)
        // Whoever conflicted three times in a row is told that it failed, not that it lost.
        for (const each of settled) if (each.status === 'rejected') expect(each.reason.code, level).toBe('40001')
      }
      expect((await sessions.find(session.id))?.generation).toBe(10)
    }
  })

  test('a database without tables says what to run', async () => {
    const connectionString = await createDatabase(inject('pawlPostgres') as string)
    const pool = new pg.Pool({ connectionString }) as unknown as PostgresPool
    closers.push(() => pool.end())
    const failure = await Promise.resolve(postgresStore(pool).sessions.find(randomUUID())).catch(error => error)
    expect(failure.cause.message).toMatch(/pawl migrate/)
  })

  test('too many that wait are refused at once, and late connections are given back unused', async () => {
    const connectionString = await createDatabase(inject('pawlPostgres') as string)
    const pool = new pg.Pool({ connectionString, max: 1 }) as unknown as PostgresPool
    closers.push(() => pool.end())
    const database = postgresDatabase(pool, { deadlineMs: 50, maxWaiting: 2 })
    const held = await pool.connect()
    const asked = Array.from({ length: 5 }, () => database.prepare('select 1 as one').get())
    const settled = await Promise.allSettled(asked.map(each => Promise.resolve(each)))
    const reasons = settled.map(each => (each.status === 'rejected' ? each.reason.message : 'answered'))
    expect(reasons.filter(reason => /too many wait/.test(reason))).toHaveLength(3)
    expect(reasons.filter(reason => /in time/.test(reason))).toHaveLength(2)
    held.release()
    expect(await database.prepare('select 1 as one').get()).toEqual({ one: 1 })
  })

  test('one pool is one database, shared by stores and users', async () => {
    const pool = await newPool()
    expect(postgresDatabase(pool)).toBe(postgresStore(pool).database)
    expect(sqlUsers(postgresDatabase(pool)).joined?.database).toBe(postgresStore(pool).database)
  })

  test('options that another part of the app already chose differently are refused', async () => {
    const pool = await newPool()
    expect(() => postgresStore(pool, { deadlineMs: 7 })).toThrow(/other options already/)
  })

  test('news need no connection of the pool', async () => {
    const pool = await newPool({ max: 1 })
    const { sessions, revocations } = postgresStore(pool)
    const heard: string[] = []
    const news = revocations?.listen({ ended: ({ sessionId }) => heard.push(sessionId) })
    await news?.ready
    const session = sessionOf(randomUUID(), Date.now())
    await sessions.insert(session)
    await sessions.delete(session.id)
    await vi.waitFor(() => expect(heard).toEqual([session.id]))
    news?.stop()
  })

  test('tells the time of the database, and is not ready as a replica', async () => {
    const store = postgresStore(await newPool())
    await store.ping()
    expect(Math.abs(((await store.clock?.()) as number) - Date.now())).toBeLessThan(5000)
  })

  test('of migrations that run at once one does the work', async () => {
    const url = await createDatabase(inject('pawlPostgres') as string)
    const pools = Array.from({ length: 5 }, () => new pg.Pool({ connectionString: url }) as unknown as PostgresPool)
    closers.push(...pools.map(pool => () => pool.end()))
    const ran = await Promise.all(pools.map(pool => migrate(postgresDatabase(pool, { deadlineMs: 20_000 }))))
    expect(ran.filter(names => names.length > 0)).toHaveLength(1)
  })
})
