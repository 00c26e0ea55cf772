import type { Clock } from '../base/clock.js'
import { isIoRedisCluster, type RedisClient, redisLink } from './redis-client.js'
import { batchedReads, lonelyReads, type RedisRead } from './redis-reads.js'
import { replicatedWrites } from './redis-replicas.js'
import { redisRevocations } from './redis-revocations.js'
import { POLICY, TIME } from './redis-scripts.js'
import { redisSessions } from './redis-sessions.js'
import { redisValues } from './redis-values.js'
import { watched } from './redis-watch.js'
import type { Store } from './store.js'

export interface RedisStoreOptions {
  /** Default: the system's. */
  now?: Clock
  /** What the names of all keys begin with. Default: `pawl`. */
  prefix?: string
  /**
   * Replicas that must have a write before it counts as done. With 0, the last moment's sign-ins, sign-outs and renewals
   * can be undone when the primary is lost; with 1, none that was answered. Default: 0.
   */
  replicas?: number
  /** `'allow'` works with a Redis that evicts keys when its memory is full: people are signed out then. Default: `'refuse'`. */
  eviction?: 'refuse' | 'allow'
  /** A connection that says nothing for this many ms is ended and made anew. Default: 500. */
  deadlineMs?: number
}

/**
 * What a client of node-redis needs to lose no time over a Redis that is away: nothing waits to be sent late, a handshake
 * that is not answered is given up, and it comes back soon, then slower, with jitter. Spread it into `createClient`'s
 * options; for a cluster, into `defaults`.
 */
export function nodeRedisOptions(): {
  disableOfflineQueue: true
  pingInterval: number
  socket: { connectTimeout: number; socketTimeout: number; reconnectStrategy: (retries: number) => number }
} {
  return {
    disableOfflineQueue: true,
    // Within `socketTimeout`, so that an idle connection is not taken for a dead one.
    pingInterval: 1000,
    socket: {
      connectTimeout: 1000,
      socketTimeout: 2000,
      reconnectStrategy: retries => Math.min(50 * 2 ** Math.min(retries, 5), 1000) * (0.5 + Math.random() / 2),
    },
  }
}

/** A store in Redis, and what `nearCache` needs of it. */
export interface RedisStore extends Store {
  readonly client: RedisClient
  readonly now: Clock
}

/** So many keys fall on every primary of a cluster of ordinary size. */
const POLICY_PROBES = 32

/**
 * Keeps sessions and values in Redis or Valkey, for many machines. `client` is one of node-redis or ioredis, connected
 * or connecting: single or Cluster, or a `sentinelClient`.
 */
export function redisStore(client: RedisClient, options: RedisStoreOptions = {}): RedisStore {
  const { now = Date.now, prefix = 'pawl', replicas = 0, eviction = 'refuse', deadlineMs = 500 } = options
  if (!Number.isSafeInteger(replicas) || replicas < 0) throw new TypeError('`replicas` must be 0 or more')
  if (replicas > 0 && isIoRedisCluster(client)) {
    throw new TypeError('`replicas` needs node-redis for a cluster: ioredis cannot wait at a node of our choice')
  }
  const link = watched(redisLink(client), deadlineMs)
  let isChecked = eviction === 'allow'
  let checking: Promise<void> | null = null

  /** Throws for a policy that is not allowed. */
  async function checkPolicy(probes: number): Promise<void> {
    const keys = Array.from({ length: probes }, (_, index) => `${prefix}:{${index}}`)
    const replies = await Promise.all(keys.map(key => link.run(POLICY, [key], [])))
    // It lags: what was ended may be live there still.
    if (replies.includes('replica')) throw new Error('this Redis is a replica: connect to the primary')
    const evicting = replies.find(policy => policy !== 'noeviction')
    if (evicting !== undefined && eviction === 'refuse') {
      throw new Error(
        `Redis has maxmemory-policy ${evicting}: it would sign people out when its memory is full;` +
          ' set it to noeviction, or allow eviction',
      )
    }
  }

  /** Before the first command, and again until it went well. */
  function checked(): Promise<void> {
    checking ??= checkPolicy(POLICY_PROBES).then(
      () => {
        isChecked = true
      },
      error => {
        checking = null
        throw error
      },
    )
    return checking
  }

  const batched = link.isCluster ? lonelyReads(link) : batchedReads(link)
  const read: RedisRead = key => (isChecked ? batched(key) : checked().then(() => batched(key)))
  const run: typeof link.run = (...call) => (isChecked ? link.run(...call) : checked().then(() => link.run(...call)))

  const write =
    replicas === 0 ? run : replicatedWrites({ link, run, replicas, deadlineMs, probeKey: `${prefix}:probe` })

  const parts = { read, run, write, isReplicated: replicas > 0, prefix, now }

  return {
    client,
    now,
    sessions: redisSessions(parts),
    values: redisValues(parts),
    revocations: redisRevocations(client, link, prefix),
    ping: () => checkPolicy(link.isCluster || !isChecked ? POLICY_PROBES : 1),
    clock: async () => Number(await link.run(TIME, [`${prefix}:{0}`], [])),
  }
}
