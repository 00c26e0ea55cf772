import { isNodeRedis, kindOf, type NodeRedisClient, type RedisClient } from './redis-client.js'
import { type Line, openLine } from './revocation-line.js'
import { endedFrom, localRevocations, REVOCATIONS_CHANNEL, type Revocations } from './revocations.js'

/** How often a line is asked for a sign of life, so that a silent one is noticed. */
const PING_MS = 2000

/** A connection that brings messages, of whichever client. */
interface Subscriber {
  on(event: string, listener: (...args: never[]) => void): unknown
  ping(): Promise<unknown>
  close(): void
}

/** Pings a subscriber until it is closed or down. */
function watch(subscriber: Subscriber, down: () => void): Line {
  let isUp = true
  let timer: ReturnType<typeof setTimeout> | undefined
  const close = () => {
    isUp = false
    clearTimeout(timer)
    subscriber.close()
  }
  const lost = () => {
    if (!isUp) return
    close()
    down()
  }
  const ping = () => {
    timer = setTimeout(lost, PING_MS)
    subscriber.ping().then(() => {
      clearTimeout(timer)
      if (isUp) timer = setTimeout(ping, PING_MS)
    }, lost)
  }
  for (const event of ['error', 'end', 'close']) subscriber.on(event, lost)
  timer = setTimeout(ping, PING_MS)
  return { close }
}

/** A client that stopped refuses to be stopped again, and that is fine. */
function quietly(stop: () => unknown): void {
  try {
    Promise.resolve(stop()).catch(() => {})
  } catch {}
}

/** News through a channel, on a connection of its own while anybody listens. */
export function redisRevocations(client: RedisClient): Revocations {
  const local = localRevocations()
  const hear = (message: string) => {
    const session = endedFrom(message)
    if (session) local.tell(session)
  }

  /** One connection that we make anew ourselves: so we know when there was none. */
  async function single({ duplicate, options }: NodeRedisClient & { options?: { socket?: object } }, down: () => void) {
    // Longer than our pings are apart, and short enough for a handshake that is not answered.
    const socketTimeout = 2 * PING_MS
    const socket = { ...options?.socket, reconnectStrategy: false, connectTimeout: PING_MS, socketTimeout }
    const line = duplicate.call(client, { socket, pingInterval: 0, emitInvalidate: false })
    line.on('error', () => {})
    const close = () => quietly(() => line.destroy())
    try {
      await line.connect()
      await line.subscribe(REVOCATIONS_CHANNEL, hear)
    } catch (error) {
      close()
      throw error
    }
    return watch({ on: line.on.bind(line), ping: () => line.ping(), close }, down)
  }

  /** Clients that find a new node by themselves. Whatever they tell of means that something may have been missed. */
  async function roaming(line: NodeRedisClient): Promise<Line> {
    for (const event of ['error', 'topology-change', 'client-error', 'node-error', 'node-reconnecting']) {
      line.on(event, () => local.missed())
    }
    const close = () => quietly(() => line.destroy())
    try {
      await line.connect()
      await line.subscribe(REVOCATIONS_CHANNEL, hear)
    } catch (error) {
      close()
      throw error
    }
    return { close }
  }

  async function ioredis(down: () => void): Promise<Line> {
    const isCluster = 'nodes' in client
    const line = isCluster
      ? client.duplicate([], { enableOfflineQueue: true, redisOptions: { autoResendUnfulfilledCommands: false } })
      : client.duplicate({ retryStrategy: null, lazyConnect: true, enableOfflineQueue: true })
    line.on('error', () => {})
    const close = () => quietly(() => line.disconnect())
    if (isCluster) for (const event of ['node error', '-node', 'reconnecting']) line.on(event, () => local.missed())
    line.on('message', (_channel: string, message: string) => hear(message))
    try {
      if (!isCluster) await line.connect()
      await line.subscribe(REVOCATIONS_CHANNEL)
    } catch (error) {
      close()
      throw error
    }
    return isCluster ? { close } : watch({ on: line.on.bind(line), ping: () => line.ping(), close }, down)
  }

  return openLine(local, down => {
    if (!isNodeRedis(client)) return ioredis(down)
    return kindOf(client) === 'single' ? single(client, down) : roaming(client.duplicate())
  })
}
