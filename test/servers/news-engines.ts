import { randomUUID } from 'node:crypto'
import { Cluster, Redis } from 'ioredis'
import pg from 'pg'
import { createClient, createCluster } from 'redis'
import { inject } from 'vitest'
import { type BaseUser, memoryUsers, type Store, type UserRepository } from '../../src/index.js'
import { migrate } from '../../src/migrations.js'
import { postgresStore } from '../../src/stores/postgres.js'
import { type PostgresPool, postgresDatabase } from '../../src/stores/postgres-database.js'
import { nodeRedisOptions, redisStore } from '../../src/stores/redis.js'
import type { RedisClient } from '../../src/stores/redis-client.js'
import { sentinelClient } from '../../src/stores/redis-sentinel.js'
import { REVOCATIONS_CHANNEL } from '../../src/stores/revocations.js'
import { sqlUsers } from '../../src/users/sql.js'
import { createDatabase } from '../support/engines.js'
import { startProxy, type TcpProxy } from '../support/proxy.js'

const DEADLINE_MS = 10_000
const HOST = '127.0.0.1'
/** A connection of its own to the store. */
export interface NewsNode {
  readonly store: Store
  /** Between it and every process of the engine that has sessions. */
  readonly networks: readonly TcpProxy[]
  /** How many of its connections have asked for the news. The others come and go as its client likes. */
  lines(): number
  close(): Promise<unknown>
}

export interface NewsPlace {
  readonly users: UserRepository<BaseUser>
  connect(): Promise<NewsNode>
  close(): Promise<unknown>
}

/** An engine that carries the news of ended sessions. */
export interface NewsEngine {
  readonly name: string
  open(): Promise<NewsPlace>
}

const portOf = (url: string) => Number(new URL(url).port)

/** The command that asks for the news. */
const ASKS = { redis: 'SUBSCRIBE', postgres: `listen "${REVOCATIONS_CHANNEL}"` }

async function proxiesTo(ports: readonly number[], protocol: keyof typeof ASKS) {
  const networks = await Promise.all(ports.map(port => startProxy({ port }, { protocol })))
  /** Where to go instead of a process of the engine; a Sentinel is met without a proxy. */
  const mapped = (address: string) => {
    const port = Number(address.slice(address.lastIndexOf(':') + 1))
    return { host: HOST, port: networks[ports.indexOf(port)]?.port ?? port }
  }
  const lines = () => networks.reduce((sum, network) => sum + network.connections(ASKS[protocol]), 0)
  return { networks, lines, mapped, urls: networks.map(({ port }) => `redis://${HOST}:${port}`) }
}

type Proxies = Awaited<ReturnType<typeof proxiesTo>>
interface Client {
  readonly client: RedisClient
  close(): unknown
}

async function nodeRedis(client: {
  on(event: 'error', listener: () => void): unknown
  connect(): Promise<unknown>
  destroy(): unknown
}): Promise<Client> {
  client.on('error', () => {})
  await client.connect()
  return { client: client as unknown as RedisClient, close: () => client.destroy() }
}

async function ioRedis(client: Redis | Cluster): Promise<Client> {
  client.on('error', () => {})
  if (client.status !== 'ready') await new Promise(resolve => client.once('ready', resolve))
  return { client: client as unknown as RedisClient, close: () => client.disconnect() }
}

function redis(
  name: string,
  ports: () => number[] | Promise<number[]>,
  connect: (proxies: Proxies) => Promise<Client>,
): NewsEngine {
  return {
    name,
    async open() {
      const prefix = `news-${randomUUID()}`
      return {
        users: memoryUsers(),
        async connect() {
          const proxies = await proxiesTo(await ports(), 'redis')
          const { client, close } = await connect(proxies)
          const { networks, lines } = proxies
          return {
            store: redisStore(client, { prefix, deadlineMs: DEADLINE_MS }),
            networks,
            lines,
            close: () => Promise.all([close(), ...networks.map(network => network.close())]),
          }
        },
        close: async () => {},
      }
    },
  }
}

const single = () => [portOf(inject('pawlRedis') as string)]
const cluster = () => (inject('pawlCluster') as string[]).map(portOf)
const POSTGRES: NewsEngine = {
  name: 'PostgreSQL',
  async open() {
    const url = await createDatabase(inject('pawlPostgres') as string)
    const direct = new pg.Pool({ connectionString: url, max: 5 }) as unknown as PostgresPool
    await migrate(postgresDatabase(direct, { deadlineMs: DEADLINE_MS }))
    return {
      users: sqlUsers(postgresDatabase(direct)),
      async connect() {
        const { networks, lines } = await proxiesTo([portOf(url)], 'postgres')
        const through = new URL(url)
        through.port = String(networks[0]?.port)
        const options = { connectionString: through.href, max: 5, connectionTimeoutMillis: 1000 }
        const pool = new pg.Pool(options) as unknown as PostgresPool
        return {
          store: postgresStore(pool, { deadlineMs: DEADLINE_MS }),
          networks,
          lines,
          close: () => Promise.all([pool.end(), ...networks.map(network => network.close())]),
        }
      },
      close: () => direct.end(),
    }
  },
}

const sentinels = () =>
  [...(inject('pawlSentinel') as string).matchAll(/:(\d+)/g)].map(([, port]) => ({ host: HOST, port: Number(port) }))

/** The port of the primary, as the Sentinels have it. */
async function primary(): Promise<number[]> {
  const [first] = sentinels()
  const client = await createClient({ socket: { ...first } }).connect()
  const [, port] = await client.sendCommand<[string, string]>(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'pawl'])
  client.destroy()
  return [Number(port)]
}

/** As `docs/redis.md` has them. */
const SAFE = { autoResendUnfulfilledCommands: false }

const ALL: NewsEngine[] = [
  POSTGRES,
  redis('Redis', single, ({ urls: [url] }) => nodeRedis(createClient({ url: url as string, ...nodeRedisOptions() }))),
  redis('Redis by ioredis', single, ({ urls: [url] }) =>
    ioRedis(new Redis(url as string, { ...SAFE, enableOfflineQueue: false })),
  ),
  redis('Redis Cluster', cluster, ({ urls, mapped }) =>
    nodeRedis(
      createCluster({ rootNodes: urls.map(url => ({ url })), nodeAddressMap: mapped, defaults: nodeRedisOptions() }),
    ),
  ),
  redis('Redis Cluster by ioredis', cluster, ({ urls, mapped }) =>
    ioRedis(new Cluster(urls, { natMap: mapped, redisOptions: SAFE })),
  ),
  redis('Redis Sentinel', primary, ({ mapped }) => {
    // Through the networks, as an address map of the client would have it.
    const create = (options: { socket: { host: string; port: number } }) =>
      createClient({ ...options, socket: { ...options.socket, ...mapped(`:${options.socket.port}`) } })
    return nodeRedis(
      sentinelClient(create, { name: 'pawl', sentinels: sentinels(), client: nodeRedisOptions() }) as never,
    )
  }),
]

export const NEWS_ENGINES = inject('pawlPostgres') === null || inject('pawlRedis') === null ? [] : ALL
