import { randomUUID } from 'node:crypto'
import { Cluster, Redis } from 'ioredis'
import pg from 'pg'
import { createClient, createCluster } from 'redis'
import { afterAll, inject } from 'vitest'
import {
  type BaseUser,
  type Clock,
  memoryStore,
  memoryUsers,
  type Store,
  type UserRepository,
} from '../../src/index.js'
import { migrate } from '../../src/migrations.js'
import { nearCache } from '../../src/stores/near-cache.js'
import { postgresStore } from '../../src/stores/postgres.js'
import { type PostgresPool, postgresDatabase } from '../../src/stores/postgres-database.js'
import { nodeRedisOptions, type RedisStore, redisStore } from '../../src/stores/redis.js'
import type { RedisClient } from '../../src/stores/redis-client.js'
import { sentinelClient } from '../../src/stores/redis-sentinel.js'
import { sqliteStore } from '../../src/stores/sqlite.js'
import { sqlUsers } from '../../src/users/sql.js'
import { newDatabase } from './database.js'
import { createDatabase } from './engines.js'

export interface MadeStore {
  readonly store: Store
  readonly users: UserRepository<BaseUser>
}

export interface StoreKind {
  readonly name: string
  /** An empty store, and users where it keeps them. */
  make(tools: { readonly now: Clock }): Promise<MadeStore>
}

const opened: (() => unknown)[] = []
afterAll(() => Promise.all(opened.splice(0).map(close => close())))

/** Once for the tests of a file. */
function once<T>(open: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | null = null
  return () => {
    result ??= open()
    return result
  }
}

/** A pool on a database of its own with all tables. Closed after the tests of the file. */
export async function newPool(options: pg.PoolConfig = {}): Promise<PostgresPool> {
  const connectionString = await createDatabase(inject('pawlPostgres') as string)
  const pool = new pg.Pool({ connectionString, connectionTimeoutMillis: 5000, ...options }) as unknown as PostgresPool
  opened.push(() => pool.end())
  await migrate(postgresDatabase(pool, { deadlineMs: 20_000 }))
  return pool
}

function postgres(name: string, max: number): StoreKind {
  const open = once(() => newPool({ max }))
  return {
    name,
    async make({ now }) {
      const pool = await open()
      const database = postgresDatabase(pool)
      await database.prepare('truncate pawl_sessions, pawl_values, users').run()
      return { store: postgresStore(pool, { now }), users: sqlUsers(database) }
    },
  }
}

async function connected<Client extends { connect(): Promise<unknown>; destroy(): unknown }>(client: Client) {
  ;(client as unknown as { on(event: 'error', listener: () => void): void }).on('error', () => {})
  await client.connect()
  opened.push(() => client.destroy())
  return client as unknown as RedisClient
}

async function onIoRedis(client: Redis | Cluster): Promise<RedisClient> {
  client.on('error', () => {})
  if (client.status !== 'ready') await new Promise(resolve => client.once('ready', resolve))
  opened.push(() => client.disconnect())
  return client as unknown as RedisClient
}

function redis(
  name: string,
  open: () => Promise<RedisClient>,
  wrap: (store: RedisStore) => Store = store => store,
): StoreKind {
  const client = once(open)
  return {
    name,
    async make({ now }) {
      const store = redisStore(await client(), { now, prefix: `test-${randomUUID()}`, deadlineMs: 5000 })
      return { store: wrap(store), users: memoryUsers() }
    },
  }
}

const url = () => inject('pawlRedis') as string
const nodes = () => inject('pawlCluster') as string[]

function sentinels() {
  const { hosts = '', name = '' } =
    /^redis\+sentinel:\/\/(?<hosts>[^/]+)\/(?<name>.+)$/.exec(inject('pawlSentinel') as string)?.groups ?? {}
  const sentinelRootNodes = hosts.split(',').map(each => {
    const [host = '', port] = each.split(':')
    return { host, port: Number(port) }
  })
  return { name, sentinelRootNodes }
}

const LOCAL: readonly StoreKind[] = [
  { name: 'memory', make: async ({ now }) => ({ store: memoryStore({ now }), users: memoryUsers() }) },
  {
    name: 'sqlite',
    async make({ now }) {
      const database = await newDatabase()
      return { store: sqliteStore(database, { now }), users: sqlUsers(database) }
    },
  },
]

const POSTGRES: readonly StoreKind[] = [postgres('postgres', 10), postgres('postgres, a pool of one', 1)]

const REDIS: readonly StoreKind[] = [
  redis('redis', () => connected(createClient({ url: url() }))),
  redis(
    'redis with a near cache',
    () => connected(createClient({ url: url(), RESP: 3, emitInvalidate: true })),
    store => nearCache(store),
  ),
  redis('redis by ioredis', () => onIoRedis(new Redis(url(), { autoResendUnfulfilledCommands: false }))),
  redis('redis cluster', () => connected(createCluster({ rootNodes: nodes().map(each => ({ url: each })) }))),
  redis('redis cluster by ioredis', () =>
    onIoRedis(new Cluster(nodes(), { redisOptions: { autoResendUnfulfilledCommands: false } })),
  ),
  redis('redis by sentinels', () => {
    const { name, sentinelRootNodes } = sentinels()
    return connected(
      sentinelClient(createClient, { name, sentinels: sentinelRootNodes, client: nodeRedisOptions() }) as never,
    )
  }),
]

/** Every store there is, on the engines that are installed. */
export const STORES: readonly StoreKind[] = [
  ...LOCAL,
  ...(inject('pawlPostgres') === null ? [] : POSTGRES),
  ...(inject('pawlRedis') === null ? [] : REDIS),
]
