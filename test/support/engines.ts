import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort, mustFind, type Running, run } from './processes.js'
import { newFolder } from './server.js'

const exec = promisify(execFile)
const HOST = '127.0.0.1'

export interface Postgres extends Running {
  /** Of the database `postgres`, as superuser. */
  readonly url: string
  /** The URL of a new empty database. */
  createDatabase(): Promise<string>
}

export interface PostgresOptions {
  /** Over `fsync=off` and the like. */
  settings?: Record<string, string>
  /** Default 200. */
  maxConnections?: number
  /** Default: a new one, removed when it stops. */
  folder?: string
}

/** A PostgreSQL of its own. It may lose data when the machine fails, but not when it is killed. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const folder = options.folder ?? newFolder()
  const user = postgresUser()
  if (user) chownSync(folder, user.uid, user.gid)
  if (!existsSync(join(folder, 'PG_VERSION'))) {
    const how = ['--no-sync', '--auth=trust', '--encoding=UTF8', '--locale=C', '-U', 'pawl', '-D', folder]
    await exec(mustFind('initdb'), how, { cwd: folder, ...user })
  }
  const settings = {
    listen_addresses: HOST,
    unix_socket_directories: folder,
    max_connections: String(options.maxConnections ?? 200),
    fsync: 'off',
    // In its folder, so that a SIGKILL leaves nothing in /dev/shm.
    dynamic_shared_memory_type: 'mmap',
    ...options.settings,
  }
  const running = await run({
    command: mustFind('postgres'),
    args: port => [
      ...['-D', folder, '-p', String(port)],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    folder,
    ready: /database system is ready to accept connections/,
    stopSignal: 'SIGINT',
    abortSignal: 'SIGQUIT',
    user,
    keepFolder: options.folder !== undefined,
  })
  const url = `postgres://pawl@${HOST}:${running.port}/postgres`
  return Object.defineProperties({ url, createDatabase: () => createDatabase(url) }, describe(running)) as Postgres
}

/** Makes an empty database on the server of a URL, and gives its URL. */
export async function createDatabase(adminUrl: string): Promise<string> {
  const name = `test_${randomBytes(8).toString('hex')}`
  await query(adminUrl, `create database ${name} template template0`)
  const url = new URL(adminUrl)
  url.pathname = name
  return url.href
}

/** PostgreSQL refuses to run as root. */
function postgresUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const [uid, gid] = ['-u', '-g'].map(flag => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' })))
  return { uid: uid as number, gid: gid as number }
}

/** One statement in PostgreSQL's own protocol, which takes a tenth of the time psql takes to start. */
function query(url: string, sql: string): Promise<void> {
  const { hostname, port, username, pathname } = new URL(url)
  const start = Buffer.from(`\0\0\0\0\0\x03\0\0user\0${username}\0database\0${pathname.slice(1)}\0\0`)
  start.writeInt32BE(start.length)
  const statement = Buffer.from(`Q\0\0\0\0${sql}\0`)
  statement.writeInt32BE(statement.length - 1, 1)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(start))
    let received = Buffer.alloc(0)
    let idle = 0
    socket.once('error', reject)
    socket.once('close', () => reject(new Error(`PostgreSQL closed the connection: ${received}`)))
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      while (received.length >= 5 && received.length > received.readInt32BE(1)) {
        const type = String.fromCharCode(received[0] as number)
        const text = received.toString('utf8', 5, received.readInt32BE(1) + 1)
        received = received.subarray(received.readInt32BE(1) + 1)
        if (type === 'E') reject(new Error(text.replaceAll('\0', ' ')))
        if (type === 'Z' && ++idle === 1) socket.write(statement)
        if (type === 'Z' && idle === 2) {
          resolve()
          socket.end('X\0\0\0\x04')
        }
      }
    })
  })
}

export interface Redis extends Running {
  readonly url: string
  /** What redis-cli prints for a command; rejects where the command fails. */
  cli(...args: string[]): Promise<string>
}

export interface RedisOptions {
  /** As on its command line: `['--appendonly', 'yes']`. */
  args?: string[]
  /** Default: a free one. */
  port?: number
  /** Default: a new one, removed when it stops. */
  folder?: string
}

/** A Redis of its own that keeps nothing on disk, unless args say so. */
export function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const defaults = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction']
  return runRedis(options, [...defaults, ...(options.args ?? [])], [], /Ready to accept connections/)
}

async function runRedis(options: RedisOptions, args: string[], flags: string[], ready: RegExp): Promise<Redis> {
  const folder = options.folder ?? newFolder()
  // A file, so that Redis can write into it what a failover changed.
  const file = join(folder, 'redis.conf')
  const lines = ['--bind', HOST, '--protected-mode', 'no', '--dir', folder, ...args]
  writeFileSync(file, lines.map(each => (each.startsWith('--') ? `\n${each.slice(2)}` : ` ${quote(each)}`)).join(''))
  const running = await run({
    command: mustFind('redis-server'),
    args: port => [file, '--port', String(port), ...flags],
    folder,
    ready,
    stopSignal: 'SIGTERM',
    abortSignal: 'SIGKILL',
    port: options.port,
    keepFolder: options.folder !== undefined,
  })
  const url = `redis://${HOST}:${running.port}`
  const cli = (...words: string[]) => redisCli('-p', String(running.port), ...words)
  return Object.defineProperties({ url, cli }, describe(running)) as Redis
}

/** Several settings take several words, so only what needs quotes gets them. */
const quote = (text: string) => (text === '' || /["'\\\n]/.test(text) ? JSON.stringify(text) : text)

async function redisCli(...args: string[]): Promise<string> {
  const { stdout } = await exec(mustFind('redis-cli'), ['-e', ...args])
  return stdout.trimEnd()
}

/** Its properties with their getters, which a spread would replace with what they give now. */
const describe = (running: Running) => Object.getOwnPropertyDescriptors(running)

export interface RedisCluster {
  readonly urls: string[]
  /** The three that began as masters, then the three that began as replicas. */
  readonly nodes: Redis[]
  stop(): Promise<void>
}

/** Three masters with a replica each. */
export async function startRedisCluster({ nodeTimeoutMs = 1000 } = {}): Promise<RedisCluster> {
  const args = [
    ...['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs)],
    ...['--cluster-replica-validity-factor', '0', '--repl-diskless-sync-delay', '0'],
  ]
  const nodes = await all(Array.from({ length: 6 }, () => startRedis({ args })))
  const stop = () => stopAll(nodes)
  try {
    const addresses = nodes.map(({ port }) => `${HOST}:${port}`)
    await redisCli('--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes')
    await until('the cluster is whole', async () => {
      const states = await Promise.all(nodes.map(node => node.cli('cluster', 'info')))
      const roles = await Promise.all(nodes.slice(3).map(node => node.cli('info', 'replication')))
      return states.every(text => text.includes('cluster_state:ok')) && roles.every(isInSync)
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { urls: nodes.map(({ url }) => url), nodes, stop }
}

const isInSync = (replication: string) =>
  replication.includes('role:slave') && replication.includes('master_link_status:up')

export interface Sentinels {
  readonly name: 'pawl'
  readonly sentinels: (Redis & { readonly host: string })[]
  /** `redis+sentinel://host:port,host:port,host:port/pawl` */
  readonly url: string
  /** What began as primary. */
  readonly primary: Redis
  readonly replica: Redis
  stop(): Promise<void>
}

/** A primary, its replica, and three Sentinels of which two decide. */
export async function startSentinel({ downAfterMs = 500, failoverTimeoutMs = 2000 } = {}): Promise<Sentinels> {
  const engines: Redis[] = []
  const stop = () => stopAll(engines)
  const started = <T extends Redis>(engine: T) => {
    engines.push(engine)
    return engine
  }
  try {
    const primary = started(await startRedis({ args: ['--repl-diskless-sync-delay', '0'] }))
    const replicaArgs = ['--repl-diskless-sync-delay', '0', '--replicaof', `${HOST} ${primary.port}`]
    const replica = started(await startRedis({ args: replicaArgs }))
    // Each is told of the others, because finding them would take a round of greetings.
    const ids = await all([1, 2, 3].map(async () => ({ id: randomBytes(20).toString('hex'), port: await freePort() })))
    const watch = (id: string) => [
      ...['myid', id, 'monitor', `pawl ${HOST} ${primary.port} 2`, 'down-after-milliseconds', `pawl ${downAfterMs}`],
      ...['failover-timeout', `pawl ${failoverTimeoutMs}`, 'parallel-syncs', 'pawl 1'],
      ...['known-replica', `pawl ${HOST} ${replica.port}`],
      ...ids
        .filter(other => other.id !== id)
        .flatMap(other => ['known-sentinel', `pawl ${HOST} ${other.port} ${other.id}`]),
    ]
    const sentinels = await all(
      ids.map(async ({ id, port }) => {
        const args = watch(id).map((each, index) => (index % 2 === 0 ? `--sentinel ${each}` : each))
        const sentinel = started(await runRedis({ port }, args, ['--sentinel'], /Sentinel ID is/))
        return Object.defineProperty(sentinel, 'host', { value: HOST, enumerable: true }) as Redis & { host: string }
      }),
    )
    await until('the Sentinels agree', async () => {
      const inSync = isInSync(await replica.cli('info', 'replication'))
      return inSync && (await Promise.all(sentinels.map(canFailOver))).every(Boolean)
    })
    const hosts = sentinels.map(({ port }) => `${HOST}:${port}`).join(',')
    return { name: 'pawl', sentinels, url: `redis+sentinel://${hosts}/pawl`, primary, replica, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function canFailOver(sentinel: Redis): Promise<boolean> {
  const quorum = await sentinel.cli('sentinel', 'ckquorum', 'pawl').catch(() => '')
  const replicas = await sentinel.cli('sentinel', 'replicas', 'pawl')
  return quorum.startsWith('OK 3 ') && /\nflags\nslave\n[\s\S]*\nmaster-link-status\nok\n/.test(replicas)
}

/** All of them, or the first failure after the others are through, so that none is left behind. */
async function all<T>(promises: Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises)
  return Promise.all(promises)
}

async function stopAll(engines: Running[]): Promise<void> {
  await Promise.all(engines.map(engine => engine.stop()))
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Waited 30 seconds in vain until ${what}`)
    await pause(50)
  }
}
