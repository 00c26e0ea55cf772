import type { NodeRedisClient } from './redis-client.js'

interface Address {
  readonly host: string
  readonly port: number
}

export interface SentinelOptions {
  /** What the Sentinels call the primary. */
  name: string
  sentinels: readonly Address[]
  /** Of the client to the primary: `nodeRedisOptions()` and what else it needs, without host and port. */
  client: { socket?: object; [option: string]: unknown }
  /** Of the clients to the Sentinels, where they ask for a password or TLS. */
  sentinel?: { socket?: object; [option: string]: unknown }
}

/** node-redis's `createClient`. */
// biome-ignore lint/suspicious/noExplicitAny: its types come with the package, which is the app's
type CreateClient = (options: any) => any

/** How often the Sentinels are asked who is the primary, and how long each may take to say. */
const ASK_EVERY_MS = 500
const ANSWER_MS = 300

type Fields = Readonly<Record<string, unknown>>

/** A reply of `SENTINEL MASTER`: pairs in a list, or an object in RESP3. */
function fieldsOf(reply: unknown): Fields {
  if (!Array.isArray(reply)) return Object(reply) as Fields
  return Object.fromEntries(reply.flatMap((name, index) => (index % 2 === 0 ? [[String(name), reply[index + 1]]] : [])))
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('a Sentinel did not answer in time')), ANSWER_MS)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/**
 * A client of node-redis that is connected to whomever the Sentinels call the primary, and to nobody else: one connection,
 * so that a write and the wait for its replicas go to the same Redis. Sentinels that hang or are away hold nothing up while
 * one answers. Pass it to `redisStore`.
 */
export function sentinelClient(createClient: CreateClient, options: SentinelOptions): NodeRedisClient {
  const { name, sentinels, client: own, sentinel: asking = {} } = options
  type Listener = readonly [event: string, listener: (...args: unknown[]) => void]
  const listeners: Listener[] = []
  let inner: NodeRedisClient | null = null
  let address = ''
  let askers: NodeRedisClient[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  let opening: { up(): void; fail(error: Error): void } | null = null
  /** This opening; null while closed. */
  let opened: object | null = null

  /** The word of the Sentinel that knows of the latest change: after a failover some are behind. */
  async function askWho(): Promise<Address | null> {
    const asked = askers
      .filter(each => each.isReady)
      .map(async each => inTime(each.sendCommand(['SENTINEL', 'MASTER', name])))
    const settled = await Promise.allSettled(asked)
    const epoch = (fields: Fields) => Number(fields['config-epoch'] ?? -1)
    let latest: Fields | null = null
    for (const each of settled) {
      const fields = fieldsOf(each.status === 'fulfilled' ? each.value : [])
      if (!latest || epoch(fields) > epoch(latest)) latest = fields
    }
    return latest?.ip === undefined ? null : { host: String(latest.ip), port: Number(latest.port) }
  }

  function quit(client: NodeRedisClient | null): void {
    try {
      if (client?.isOpen) client.destroy()
    } catch {
      // It was closed already.
    }
  }

  function moveTo(found: Address): void {
    const before = inner
    address = `${found.host}:${found.port}`
    const next: NodeRedisClient = createClient({ ...own, socket: { ...own.socket, ...found } })
    inner = next
    next.on('error', () => {})
    next.on('ready', () => {
      if (inner === next) opening?.up()
    })
    for (const [event, listener] of listeners) next.on(event, listener)
    quit(before)
    next.connect().catch(() => {})
  }

  /** Asks again and again, until this opening is over. */
  async function follow(time: object): Promise<void> {
    const found = await askWho()
    if (time !== opened) return
    if (found && `${found.host}:${found.port}` !== address) moveTo(found)
    // One that knows nobody is asked again soon: the first connections are being made.
    timer = setTimeout(follow, inner ? ASK_EVERY_MS : ASK_EVERY_MS / 10, time)
  }

  function current(): NodeRedisClient {
    if (!inner) throw new Error('no Sentinel has named a primary yet')
    return inner
  }

  return {
    get isReady() {
      return inner?.isReady ?? false
    },
    get isOpen() {
      return opened !== null
    },
    get options() {
      return (inner as { options?: object } | null)?.options ?? own
    },
    async get(key: string) {
      return current().get(key)
    },
    async mGet(keys: string[]) {
      return current().mGet(keys)
    },
    eval: async (...call: Parameters<NodeRedisClient['eval']>) => current().eval(...call),
    evalSha: async (...call: Parameters<NodeRedisClient['evalSha']>) => current().evalSha(...call),
    sendCommand: async (command: string[]) => current().sendCommand(command),
    subscribe: async (...call: unknown[]) => current().subscribe(...call),
    duplicate: (overrides: object) => current().duplicate(overrides),
    on(event: string, listener: Listener[1]) {
      listeners.push([event, listener])
      inner?.on(event, listener)
    },
    connect() {
      if (opened) return Promise.reject(new Error('it is open already'))
      opened = {}
      askers = sentinels.map(each => {
        const asker = createClient({ ...asking, socket: { ...asking.socket, ...each } })
        asker.on('error', () => {})
        asker.connect().catch(() => {})
        return asker
      })
      void follow(opened)
      return new Promise<void>((resolve, reject) => {
        opening = { up: resolve, fail: reject }
      })
    },
    destroy() {
      opened = null
      clearTimeout(timer)
      for (const asker of askers.splice(0)) quit(asker)
      quit(inner)
      inner = null
      address = ''
      opening?.fail(new Error('it was closed'))
      opening = null
    },
  } as NodeRedisClient
}
