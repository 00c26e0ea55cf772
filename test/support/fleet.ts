import { inject } from 'vitest'
import { createDatabase } from './engines.js'
import { freePort } from './processes.js'
import { type TcpProxy as NetworkProxy, startProxy } from './proxy.js'
import { type ServerProcess, startServer } from './server.js'

export const SECRET = 'kR7vYw2pQ9sXzL4mN8bT1cF6gH3jD5aE'

/** Where a fleet keeps sessions. Users are in the same PostgreSQL, or beside Redis in one. */
export type FleetStore = 'postgres' | 'redis'

/** A server process with a network of its own between it and each engine. */
export interface FleetNode {
  /** The process now: `restart` makes another. */
  server(): ServerProcess
  readonly url: () => string
  readonly postgres: NetworkProxy
  /** Null where sessions are in PostgreSQL. */
  readonly redis: NetworkProxy | null
  /** The network to where sessions are. */
  readonly sessions: NetworkProxy
  /** Ends the process with a signal, and starts another on the same port and stores. */
  restart(options?: { signal?: NodeJS.Signals; env?: Record<string, string> }): Promise<void>
}

export interface Fleet {
  readonly nodes: readonly FleetNode[]
  readonly databaseUrl: string
  stop(): Promise<void>
}

export interface FleetOptions {
  store: FleetStore
  /** Default: 1. */
  size?: number
  env?: Record<string, string>
  /** Default: those of the whole run. */
  engines?: { postgres?: string; redis?: string }
}

/** Commands a server sends to say who it is and whether it is alive: no steps of what it does. */
const SET_UP = new Set(['HELLO', 'CLIENT', 'AUTH', 'SELECT', 'PING', 'SUBSCRIBE', 'INFO'])

function through(url: string, port: number): string {
  const changed = new URL(url)
  changed.hostname = '127.0.0.1'
  changed.port = String(port)
  return changed.href
}

const portOf = (url: string) => Number(new URL(url).port)

async function startNode(
  databaseUrl: string,
  redisUrl: string | null,
  given: Record<string, string>,
): Promise<FleetNode> {
  const postgres = await startProxy({ port: portOf(databaseUrl) }, { protocol: 'postgres' })
  const redis =
    redisUrl === null
      ? null
      : await startProxy({ port: portOf(redisUrl) }, { protocol: 'redis', ignore: name => SET_UP.has(name) })
  const start = (env: Record<string, string>) =>
    startServer({
      env: {
        DATABASE_URL: through(databaseUrl, postgres.port),
        PAWL_SECRET: SECRET,
        // So that commands are those of requests.
        PAWL_MAIL_WORKER: 'false',
        ...(redis && redisUrl !== null && { REDIS_URL: through(redisUrl, redis.port) }),
        ...given,
        ...env,
      },
    })
  // Not one the system hands out to others: a restart must find it free.
  let server = await start({ PAWL_PORT: String(await freePort()) })
  return {
    server: () => server,
    url: () => server.url,
    postgres,
    redis,
    sessions: redis ?? postgres,
    async restart({ signal = 'SIGTERM', env = {} } = {}) {
      const { port } = server
      await server.stop(signal)
      server = await start({ PAWL_PORT: String(port), ...env })
    },
  }
}

/** Starts servers on one store, in a database of their own, and waits until all listen. */
export async function startFleet({ store, size = 1, env = {}, engines = {} }: FleetOptions): Promise<Fleet> {
  const databaseUrl = await createDatabase(engines.postgres ?? (inject('pawlPostgres') as string))
  const redisUrl = store === 'redis' ? (engines.redis ?? (inject('pawlRedis') as string)) : null
  const nodes = await Promise.all(Array.from({ length: size }, () => startNode(databaseUrl, redisUrl, env)))
  return {
    nodes,
    databaseUrl,
    async stop() {
      await Promise.all(nodes.map(node => node.server().stop('SIGKILL')))
      await Promise.all(nodes.flatMap(({ postgres, redis }) => [postgres.close(), redis?.close()]))
    },
  }
}
