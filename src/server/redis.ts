import { setTimeout as wait } from 'node:timers/promises'
import { nearCache } from '../stores/near-cache.js'
import { nodeRedisOptions, redisStore } from '../stores/redis.js'
import type { NodeRedisClient } from '../stores/redis-client.js'
import type { Store } from '../stores/store.js'
import { driver } from './database.js'
import { shownUrl } from './database-url.js'
import { type ServeConfig, settingError } from './env.js'

const PATIENCE_MS = 10_000

export interface OpenRedis {
  /** Where it is, for people: without a password. */
  readonly name: string
  readonly store: Store
  close(): Promise<void>
}

export interface RedisPlace {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  /** `redis://user:password@host:port/database` of each node. */
  readonly nodes: readonly string[]
  /** The path: a database's number, or the name of the primary at the Sentinels. */
  readonly path: string
}

const URL_PATTERN = /^(redis|valkey)(s?)(?:\+(sentinel|cluster))?:\/\/([^/?#]+)(?:\/([^/?#]*))?$/

function placeOf(url: string): RedisPlace {
  const [, , secure = '', kind = 'single', authority = '', path = ''] = URL_PATTERN.exec(url) ?? []
  const at = authority.lastIndexOf('@')
  const login = authority.slice(0, at + 1)
  const hosts = authority.slice(at + 1).split(',')
  const isRight = authority !== '' && (kind !== 'single' || hosts.length === 1) && (kind !== 'sentinel' || path !== '')
  if (!isRight) {
    throw settingError(
      'REDIS_URL must be like redis://host:6379, redis+sentinel://host1:26379,host2:26379/name' +
        ' or redis+cluster://host1:6379,host2:6379',
    )
  }
  return { kind: kind as RedisPlace['kind'], path, nodes: hosts.map(host => `redis${secure}://${login}${host}`) }
}

async function createClient(place: RedisPlace, { nearCache = false }: ServeConfig): Promise<NodeRedisClient> {
  const redis = await driver('redis', () => import('redis'), 'REDIS_URL')
  const [first = ''] = place.nodes
  const { hostname, port, username, password } = new URL(first)
  const login = {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  }
  const defaults = nodeRedisOptions()
  const options = {
    ...defaults,
    ...login,
    socket: { ...defaults.socket, ...(first.startsWith('rediss:') && { tls: true as const }) },
  }
  if (place.kind === 'cluster') {
    const rootNodes = place.nodes.map(url => ({ url }))
    return redis.createCluster({ rootNodes, defaults: options }) as unknown as NodeRedisClient
  }
  if (place.kind === 'sentinel') {
    const sentinelRootNodes = place.nodes
      .map(url => new URL(url))
      .map(each => ({
        host: each.hostname,
        port: Number(each.port || 26379),
      }))
    return redis.createSentinel({
      name: place.path,
      sentinelRootNodes,
      // A command whose answer was lost is not sent again. Looking for the primary is the scan's business.
      maxCommandRediscovers: 0,
      scanInterval: 500,
      nodeClientOptions: options,
      sentinelClientOptions: { socket: { connectTimeout: 1000, socketTimeout: 2000 }, pingInterval: 1000 },
    }) as unknown as NodeRedisClient
  }
  const database = place.path === '' ? {} : { database: Number(place.path) }
  return redis.createClient({
    ...options,
    ...database,
    socket: Object.assign(options.socket, { host: hostname, port: Number(port || 6379) }),
    ...(nearCache && { RESP: 3, emitInvalidate: true }),
  }) as unknown as NodeRedisClient
}

/** Where Redis is; null without one. Throws, naming the setting, for a URL or a near cache that cannot be. */
export function redisPlace({ redisUrl, nearCache = false }: ServeConfig): RedisPlace | null {
  const place = redisUrl === undefined ? null : placeOf(redisUrl)
  if (nearCache && place?.kind !== 'single') {
    throw settingError('PAWL_NEAR_CACHE needs a redis:// URL: its news come from one server')
  }
  return place
}

/** Tries for ten seconds: servers and their Redis are often started together. */
async function connect(client: NodeRedisClient): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  const impatience = setTimeout(() => client.destroy(), PATIENCE_MS)
  for (;;) {
    try {
      await client.connect()
      return clearTimeout(impatience)
    } catch (error) {
      if (performance.now() >= until - 500) throw error
      await wait(500)
    }
  }
}

/** Connects to the configured Redis. Throws, naming the setting, when it does not answer or would evict sessions. */
export async function openRedis(place: RedisPlace, config: ServeConfig): Promise<OpenRedis> {
  const { deadlineMs = 500, redisEviction: eviction = 'refuse' } = config
  const { redisReplicas: replicas = place.kind === 'single' ? 0 : 1 } = config
  const client = await createClient(place, config)
  client.on('error', () => {})
  const name = shownUrl(config.redisUrl as string)
  const close = async () => {
    if (client.isReady) client.destroy()
  }
  await connect(client).catch(error => {
    throw settingError(`REDIS_URL ${name} does not answer: ${error.message}`)
  })
  const store = redisStore(client, { replicas, eviction, deadlineMs })
  try {
    await store.ping()
  } catch (error) {
    await close()
    throw settingError(`REDIS_URL ${name}: ${(error as Error).message}; PAWL_REDIS_EVICTION=allow starts all the same`)
  }
  return { name, store: config.nearCache ? nearCache(store) : store, close }
}
