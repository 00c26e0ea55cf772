import { nearCache } from '../stores/near-cache.js'
import { redisStore } from '../stores/redis.js'
import type { NodeRedisClient } from '../stores/redis-client.js'
import type { Store } from '../stores/store.js'
import { driver } from './database.js'
import { shownUrl } from './database-url.js'
import { type ServeConfig, settingError } from './env.js'

export interface OpenRedis {
  /** Where it is, for people: without a password. */
  readonly name: string
  readonly store: Store
  close(): Promise<void>
}

/** Reconnects soon, then slower, with jitter: many servers must not all knock at once. */
function reconnectStrategy(retries: number): number {
  return Math.min(50 * 2 ** Math.min(retries, 5), 1000) * (0.5 + Math.random() / 2)
}

export interface RedisPlace {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  /** `redis://user:password@host:port/database` of each node. */
  readonly nodes: readonly string[]
  /** The path: a database's number, or the name of the primary at the Sentinels. */
  readonly path: string
}

const URL_PATTERN = /^(redis|rediss|valkey|valkeys|redis\+sentinel|redis\+cluster):\/\/([^/?#]+)(?:\/([^/?#]*))?$/

function placeOf(url: string): RedisPlace {
  const [, scheme = '', authority = '', path = ''] = URL_PATTERN.exec(url) ?? []
  const at = authority.lastIndexOf('@')
  const login = authority.slice(0, at + 1)
  const hosts = authority.slice(at + 1).split(',')
  const kind = scheme === 'redis+sentinel' ? 'sentinel' : scheme === 'redis+cluster' ? 'cluster' : 'single'
  const isRight = authority !== '' && (kind !== 'single' || hosts.length === 1) && (kind !== 'sentinel' || path !== '')
  if (!isRight) {
    throw settingError(
      'REDIS_URL must be like redis://host:6379, redis+sentinel://host1:26379,host2:26379/name' +
        ' or redis+cluster://host1:6379,host2:6379',
    )
  }
  const secure = scheme === 'rediss' || scheme === 'valkeys'
  return { kind, path, nodes: hosts.map(host => `redis${secure ? 's' : ''}://${login}${host}`) }
}

async function createClient(place: RedisPlace, { nearCache = false }: ServeConfig): Promise<NodeRedisClient> {
  const redis = await driver('redis', () => import('redis'), 'REDIS_URL')
  const [first = ''] = place.nodes
  const { hostname, port, username, password } = new URL(first)
  const login = {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  }
  const options = {
    // What could not be sent at once is refused at once: sent later it would come late.
    disableOfflineQueue: true,
    // A handshake that is not answered is given up after the time-out; a connection in use is pinged within it.
    socket: { connectTimeout: 1000, socketTimeout: 2000, reconnectStrategy },
    pingInterval: 1000,
  }
  if (place.kind === 'cluster') {
    const rootNodes = place.nodes.map(url => ({ url }))
    return redis.createCluster({ rootNodes, defaults: { ...options, ...login } }) as unknown as NodeRedisClient
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
      maxCommandRediscovers: 1,
      nodeClientOptions: { ...options, ...login },
      sentinelClientOptions: { socket: { connectTimeout: 1000, socketTimeout: 2000 }, pingInterval: 1000 },
    }) as unknown as NodeRedisClient
  }
  const database = place.path === '' ? {} : { database: Number(place.path) }
  return redis.createClient({
    ...options,
    ...login,
    ...database,
    socket: {
      ...options.socket,
      host: hostname,
      port: Number(port || 6379),
      ...(first.startsWith('rediss') && { tls: true }),
    },
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
  try {
    const impatience = setTimeout(() => client.destroy(), 10_000)
    await client.connect().finally(() => clearTimeout(impatience))
  } catch (error) {
    throw settingError(`REDIS_URL ${name} does not answer: ${(error as Error).message}`)
  }
  const store = redisStore(client, { replicas, eviction, deadlineMs })
  try {
    await store.ping()
  } catch (error) {
    await close()
    throw settingError(`REDIS_URL ${name}: ${(error as Error).message}; PAWL_REDIS_EVICTION=allow starts all the same`)
  }
  return { name, store: config.nearCache ? nearCache(store) : store, close }
}
