import { setTimeout as wait } from 'node:timers/promises'
import { nearCache } from '../stores/near-cache.js'
import { nodeRedisOptions, redisStore } from '../stores/redis.js'
import type { NodeRedisClient } from '../stores/redis-client.js'
import { sentinelClient } from '../stores/redis-sentinel.js'
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
  readonly secure: boolean
  readonly login: { readonly username?: string; readonly password?: string }
  readonly hosts: readonly [{ readonly host: string; readonly port: number }, ...{ host: string; port: number }[]]
  /** The number of a database, or the name of the primary at the Sentinels. */
  readonly path: string
}

const URL_PATTERN = /^(?:redis|valkey)(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^/?#]*)@)?([^/?#@]+)(?:\/([^/?#]*))?$/
const HOST_PATTERN = /^(?:\[([0-9a-f:.]+)\]|([^[\]:]+))(?::(\d{1,5}))?$/i
const PATHS = { single: /^\d*$/, sentinel: /./, cluster: /^$/ }
const PORTS = { single: 6379, sentinel: 26_379, cluster: 6379 }

function loginOf(text: string): RedisPlace['login'] {
  const [, username = '', password = ''] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? []
  return {
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
  }
}

/** Reads a `REDIS_URL`; null for one that is none. */
function parsePlace(url: string): RedisPlace | null {
  const [whole, secure = '', scheme, login = '', authority = '', path = ''] = URL_PATTERN.exec(url) ?? []
  const kind = (scheme ?? 'single') as RedisPlace['kind']
  const hosts = authority.split(',').map(text => {
    const [found, v6, name = v6, port] = HOST_PATTERN.exec(text) ?? []
    return found === undefined ? null : { host: name as string, port: Number(port ?? PORTS[kind]) }
  })
  const [first, ...others] = hosts.filter(each => each !== null && each.port > 0 && each.port < 65_536) as {
    host: string
    port: number
  }[]
  const isWhole = whole !== undefined && others.length + 1 === hosts.length && PATHS[kind].test(path)
  if (!isWhole || !first || (kind === 'single' && others.length > 0)) return null
  try {
    return { kind, secure: secure === 's', login: loginOf(login), hosts: [first, ...others], path }
  } catch {
    // A `%` that is followed by no number.
    return null
  }
}

function placeOf(url: string): RedisPlace {
  const place = parsePlace(url)
  if (place) return place
  throw settingError(
    'REDIS_URL must be like redis://user:password@host:6379/0, redis+sentinel://host1:26379,host2:26379/name' +
      ' or redis+cluster://host1:6379,host2:6379, special characters of the password as %40 and the like',
  )
}

async function createClient(place: RedisPlace, { nearCache = false }: ServeConfig): Promise<NodeRedisClient> {
  const redis = await driver('redis', () => import('redis'), 'REDIS_URL')
  const { kind, secure, login, hosts, path } = place
  const { socket, ...defaults } = nodeRedisOptions()
  const tls = secure && { tls: true as const }
  const options = { ...defaults, ...login, socket: { ...socket, ...tls } }
  if (kind === 'cluster') {
    const rootNodes = hosts.map(each => ({ socket: { ...each, ...tls } }))
    return redis.createCluster({ rootNodes, defaults: options }) as unknown as NodeRedisClient
  }
  if (kind === 'sentinel') {
    const sentinel = { ...defaults, socket: { ...socket, ...tls } }
    return sentinelClient(redis.createClient, { name: path, sentinels: hosts, client: options, sentinel })
  }
  return redis.createClient({
    ...options,
    ...(path !== '' && { database: Number(path) }),
    socket: Object.assign(options.socket, hosts[0]),
    ...(nearCache && { RESP: 3, emitInvalidate: true }),
  }) as unknown as NodeRedisClient
}

/** Where Redis is; null without one. Throws, naming the setting, for a URL or a near cache that cannot be. */
export function redisPlace({ redisUrl, redisReplicas, nearCache = false, store }: ServeConfig): RedisPlace | null {
  const place = redisUrl === undefined ? null : placeOf(redisUrl)
  if (nearCache && place?.kind !== 'single') {
    throw settingError('PAWL_NEAR_CACHE needs a redis:// URL: its news come from one server')
  }
  if (redisReplicas !== undefined && !place) throw settingError('PAWL_REDIS_REPLICAS needs a REDIS_URL')
  if (place && store) throw settingError('REDIS_URL and the `store` of the configuration file cannot both be: keep one')
  return place
}

/** Tries for ten seconds: servers and their Redis are often started together. */
async function connect(client: NodeRedisClient): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  const impatience = setTimeout(() => client.destroy(), PATIENCE_MS)
  try {
    for (;;) {
      try {
        return void (await client.connect())
      } catch (error) {
        const isRefused = /^(?:WRONGPASS|NOAUTH|NOPERM)/.test((error as Error).message)
        if (isRefused || performance.now() >= until - 500) throw error
        await wait(500)
      }
    }
  } finally {
    clearTimeout(impatience)
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
    if (client.isOpen) await client.destroy()
  }
  await connect(client).catch(error => {
    throw settingError(`REDIS_URL ${name} cannot be used: ${error.message}`)
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
