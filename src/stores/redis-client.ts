import type { RedisScript } from './redis-scripts.js'

type Reply = Promise<unknown>
// biome-ignore lint/suspicious/noExplicitAny: each client names its own events
type Listen = (event: any, listener: (...args: any[]) => void) => unknown

/** What is used of a client of node-redis: single or Cluster. */
export interface NodeRedisClient {
  get(key: string): Promise<string | null>
  mGet(keys: string[]): Promise<(string | null)[]>
  eval(script: string, options: { keys: string[]; arguments: string[] }): Reply
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Reply
  readonly isReady: boolean
  readonly isOpen: boolean
  destroy(): unknown
  connect(): Promise<unknown>
  readonly on: Listen
  // The two have different ways to send a command, to subscribe and to make another like them.
  // biome-ignore lint/suspicious/noExplicitAny: told apart in `redisLink`
  sendCommand: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  subscribe: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  duplicate: any
}

/** What is used of a client of ioredis: `Redis` or `Cluster`. */
export interface IoRedisClient {
  get(key: string): Promise<string | null>
  mget(keys: string[]): Promise<(string | null)[]>
  // biome-ignore lint/suspicious/noExplicitAny: overloaded without end
  eval: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  evalsha: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  call: any
  // biome-ignore lint/suspicious/noExplicitAny: as above
  duplicate: any
  readonly status: string
  readonly options: object
  readonly on: Listen
}

export type RedisClient = NodeRedisClient | IoRedisClient

/** The few commands the store needs, whichever client brings them. */
export interface RedisLink {
  readonly isCluster: boolean
  /** False while there is no connection: nothing is sent then, since it would be sent late. */
  isReady(): boolean
  /** What is at each key, with one command. In a cluster: one key at a time. */
  get(keys: string[]): Promise<readonly (string | null)[]>
  run(script: RedisScript, keys: string[], args: string[]): Reply
  /** How many replicas have everything this connection wrote to the node of `key`. */
  wait(key: string, replicas: number, ms: number): Promise<number>
  /** Ends connections that do not answer, and makes new ones. */
  reset(): void
}

async function known(error: unknown, otherwise: () => Reply): Reply {
  if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return otherwise()
  throw error
}

type ClusterClient = NodeRedisClient & { getNodeClientForKey(key: string): Promise<NodeRedisClient> }

/**
 * Which of node-redis's clients it is. Throws `TypeError` for one of `createSentinel`: it may send a write a second time,
 * later, or to another Redis than the wait for its replicas.
 */
export function kindOf(client: NodeRedisClient): 'single' | 'cluster' {
  if ('acquire' in client)
    throw new TypeError('`redisStore` needs `sentinelClient` of Pawl in place of `createSentinel`')
  return 'masters' in client ? 'cluster' : 'single'
}

const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 1000

/** A client of Cluster gives up when no node answers, and is told again, so often. */
const ATTEMPTS = 60

/** Ends a client's connections and connects it anew. */
async function reopen(client: NodeRedisClient): Promise<void> {
  try {
    await client.destroy()
  } catch {
    // It was closed already.
  }
  // A single one tries by itself as long as its options say, and stops when the app closes it.
  const attempts = kindOf(client) === 'single' ? 1 : ATTEMPTS
  for (let attempt = 1, waitMs = FIRST_RETRY_MS; attempt <= attempts; attempt++) {
    try {
      return void (await client.connect())
    } catch {
      waitMs = Math.min(2 * waitMs, LAST_RETRY_MS)
      await new Promise<void>(resolve => {
        const timer: { unref?(): void } | number = setTimeout(resolve, waitMs * (0.5 + Math.random() / 2))
        // A process that is done does not wait for its Redis.
        if (typeof timer === 'object') timer.unref?.()
      })
    }
  }
}

function nodeRedisLink(client: NodeRedisClient): RedisLink {
  const kind = kindOf(client)
  const { _options: options } = client as { _options?: { useReplicas?: boolean } }
  if (options?.useReplicas) throw replicaReads()
  return {
    isCluster: kind === 'cluster',
    isReady: () => client.isReady,
    get: keys => (keys.length === 1 ? Promise.all(keys.map(key => client.get(key))) : client.mGet(keys)),
    run: ({ sha, text }, keys, args) =>
      client
        .evalSha(sha, { keys, arguments: args })
        .catch(error => known(error, () => client.eval(text, { keys, arguments: args }))),
    async wait(key, replicas, ms) {
      const command = ['WAIT', String(replicas), String(ms)]
      // A cluster would ask all its primaries.
      const node = kind === 'cluster' ? await (client as ClusterClient).getNodeClientForKey(key) : client
      return Number(await node.sendCommand(command))
    },
    reset() {
      // One that is looking for its server already needs no push.
      if (client.isReady) void reopen(client)
    },
  }
}

interface IoRedisOptions {
  readonly autoResendUnfulfilledCommands?: boolean
  readonly redisOptions?: IoRedisOptions
  readonly scaleReads?: unknown
  readonly role?: string
}

/** A write whose answer was lost must not be done again behind our back, and a replica lags. */
function refuseUnfit({ options }: IoRedisClient): void {
  const { autoResendUnfulfilledCommands: own, redisOptions, scaleReads = 'master', role } = options as IoRedisOptions
  if (own !== false && redisOptions?.autoResendUnfulfilledCommands !== false) {
    throw new TypeError('`redisStore` needs an ioredis client made with `autoResendUnfulfilledCommands: false`')
  }
  if (scaleReads !== 'master' || role === 'slave') throw replicaReads()
}

function replicaReads(): TypeError {
  return new TypeError(
    '`redisStore` needs a client that reads from primaries alone: what was ended may be live at a replica',
  )
}

/** The clients of all nodes an ioredis client knows: of itself, where it is no cluster. */
export function nodesOf(client: IoRedisClient): readonly IoRedisClient[] {
  return 'nodes' in client ? (client.nodes as (role: string) => IoRedisClient[])('all') : [client]
}

function ioRedisLink(client: IoRedisClient): RedisLink {
  refuseUnfit(client)
  const isCluster = isIoRedisCluster(client)
  return {
    isCluster,
    isReady: () => client.status === 'ready',
    get: keys => (keys.length === 1 ? Promise.all(keys.map(key => client.get(key))) : client.mget(keys)),
    run: ({ sha, text }, keys, args) =>
      (client.evalsha(sha, keys.length, ...keys, ...args) as Reply).catch(error =>
        known(error, () => client.eval(text, keys.length, ...keys, ...args)),
      ),
    async wait(_key, replicas, ms) {
      return Number(await client.call('WAIT', String(replicas), String(ms)))
    },
    reset() {
      for (const node of nodesOf(client)) (node as { stream?: { destroy(): void } }).stream?.destroy()
    },
  }
}

export function isNodeRedis(client: RedisClient): client is NodeRedisClient {
  return 'evalSha' in client
}

/** Wraps a client of node-redis or of ioredis. Throws `TypeError` for anything else. */
export function redisLink(client: RedisClient): RedisLink {
  // Unheard, the first connection that breaks would end the process.
  if ('on' in client) client.on('error', () => {})
  if (isNodeRedis(client)) return nodeRedisLink(client)
  if ('evalsha' in client) return ioRedisLink(client)
  throw new TypeError('`redisStore` needs a client of node-redis (`redis`) or of `ioredis`')
}

/** True for an ioredis `Cluster`, which cannot send a command without a key to a node of our choice. */
export function isIoRedisCluster(client: RedisClient): boolean {
  return !isNodeRedis(client) && 'nodes' in client
}
