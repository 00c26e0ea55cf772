import { newId } from '../tokens/random.js'
import {
  type IoRedisClient,
  isIoRedisCluster,
  isNodeRedis,
  kindOf,
  nodesOf,
  type RedisClient,
  type RedisLink,
} from './redis-client.js'
import { fixedLine, PING_MS } from './redis-line.js'
import { BEAT } from './redis-scripts.js'
import { type Line, openLine } from './revocation-line.js'
import { endedFrom, localRevocations, REVOCATIONS_CHANNEL, type Revocations } from './revocations.js'

/** What is used of a client of node-redis for one node. */
interface FixedNode {
  // biome-ignore lint/suspicious/noExplicitAny: the client's own options, and another client like it
  duplicate(overrides: object): any
  readonly options?: { readonly socket?: object }
}

/** One of several at random, so that after a loss another is tried. */
function anyOf<Node>(nodes: readonly Node[]): Node {
  const node = nodes[Math.floor(Math.random() * nodes.length)]
  if (node === undefined) throw new Error('no node of the cluster is known')
  return node
}

/** A client that stopped refuses to be stopped again, and that is fine. */
function quietly(stop: () => unknown): void {
  try {
    Promise.resolve(stop()).catch(() => {})
  } catch {}
}

/** News through a channel, on a connection of its own while anybody listens. `link` carries signs of life to it. */
export function redisRevocations(client: RedisClient, link: RedisLink, prefix: string): Revocations {
  const local = localRevocations()
  const hear = (message: string) => {
    const session = endedFrom(message)
    if (session) local.tell(session)
  }
  const beatChannel = `${REVOCATIONS_CHANNEL}.beat.${newId()}`
  const beat = (word: string) => link.run(BEAT, [`${prefix}:{0}`], [beatChannel, word])

  /** Opens what may fail half-way, or never end, and closes it then. */
  async function opened(close: () => void, open: () => Promise<void>): Promise<void> {
    let impatience: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      impatience = setTimeout(() => reject(new Error('the line was not up in time')), 2 * PING_MS)
    })
    try {
      await Promise.race([open(), late])
    } catch (error) {
      close()
      throw error
    } finally {
      clearTimeout(impatience)
    }
  }

  /** Sends a word of our own through the store, and resolves when it has come the whole way round. */
  let awaited: { readonly word: string; arrived(): void } | null = null
  const wayRound = () =>
    new Promise<void>((resolve, reject) => {
      const word = newId()
      awaited = { word, arrived: resolve }
      beat(word).catch(reject)
    })
  const arrived = (word: string) => {
    if (awaited?.word === word) awaited.arrived()
  }

  /** One connection that we make anew ourselves: so we know when there was none. In a cluster, to any one of its nodes. */
  async function fixed(node: FixedNode, isCluster: boolean, down: () => void): Promise<Line> {
    // Longer than our pings are apart, and short enough for a handshake that is not answered.
    const socketTimeout = 2 * PING_MS
    const socket = { ...node.options?.socket, reconnectStrategy: false, connectTimeout: PING_MS, socketTimeout }
    const line = node.duplicate({ socket, pingInterval: 0, emitInvalidate: false, readonly: false })
    const close = () => quietly(() => line.destroy())
    line.on('error', () => {})
    await opened(close, async () => {
      await line.connect()
      await line.subscribe(REVOCATIONS_CHANNEL, hear)
      if (isCluster) await line.subscribe(beatChannel, arrived)
    })
    const ping = isCluster ? wayRound : () => line.ping()
    return fixedLine({ on: line.on.bind(line), ping, close }, down)
  }

  async function ioredis(node: IoRedisClient, isCluster: boolean, down: () => void): Promise<Line> {
    const line = node.duplicate({
      retryStrategy: null,
      lazyConnect: true,
      enableOfflineQueue: true,
      readOnly: false,
      connectTimeout: PING_MS,
    })
    // Not asked to end politely: it may be silent.
    const close = () =>
      quietly(() => {
        line.disconnect()
        line.stream?.destroy()
      })
    line.on('error', () => {})
    line.on('message', (channel: string, message: string) => {
      if (channel === beatChannel) arrived(message)
      else hear(message)
    })
    await opened(close, async () => {
      await line.connect()
      await line.subscribe(REVOCATIONS_CHANNEL, ...(isCluster ? [beatChannel] : []))
    })
    const ping = isCluster ? wayRound : () => line.ping()
    return fixedLine({ on: line.on.bind(line), ping, close }, down)
  }

  return openLine(local, async down => {
    if (!isNodeRedis(client)) {
      const isCluster = isIoRedisCluster(client)
      return ioredis(isCluster ? anyOf(nodesOf(client)) : client, isCluster, down)
    }
    if (kindOf(client) === 'single') return fixed(client, false, down)
    const { masters } = client as unknown as { masters: readonly { client?: FixedNode }[] }
    return fixed(anyOf(masters.flatMap(each => each.client ?? [])), true, down)
  })
}
