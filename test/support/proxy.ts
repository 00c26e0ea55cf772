import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { freePort } from './processes.js'
import {
  type CommandWatch,
  type Cut,
  commandWatch,
  type WatchedConnection,
  type WatchOptions,
} from './proxy-commands.js'
import { type Faults, type Lane, lane, NO_FAULTS } from './proxy-lane.js'

const HOST = '127.0.0.1'

/** A TCP proxy whose network fails on demand. Faults add up and hold for all connections, until `pass`. */
export interface TcpProxy {
  readonly host: '127.0.0.1'
  readonly port: number
  /** How many clients are connected. With a command: how many of them have sent it. */
  connections(command?: string): number
  /** How many ever were. */
  accepted(): number
  /** Ends all faults and a planned cut. A connection that lost one of its sides meanwhile is cut. */
  pass(): Promise<void>
  /** Stops to listen, so that clients are refused, and cuts the connections. */
  refuse(): Promise<void>
  /** Listens again, on the same port. */
  accept(): Promise<void>
  /** Swallows all bytes of both sides, and that a side closed. */
  silence(): void
  /** Holds all bytes back until `thaw` delivers them in order. */
  freeze(): void
  thaw(): void
  /** Lets requests through and swallows what the server says. */
  dropReplies(): void
  /** Holds each chunk back for a time plus a random part of the jitter; keeps the order. */
  delay(ms: number, jitterMs?: number): void
  /** Forwards in pieces of so many bytes, each written on its own. */
  slice(bytes: number): void
  /** Resets all connections, on both sides. */
  cut(): void
  /** Connects new clients to another port, and cuts the others. */
  switchTo(port: number): void
  /** How many commands clients sent since `resetCount`. */
  commands(): number
  resetCount(): void
  /**
   * Cuts the connection that sends command `k`, counted from 1 since `resetCount`. `before`: the server has answered
   * every earlier command of the connection and never sees this one. `after`: the server has executed it, the client
   * gets no answer. Gives a promise that resolves with the cut.
   */
  cutAt(k: number, moment: Cut['moment'], options?: CutOptions): Promise<void>
  close(): Promise<void>
}

export interface CutOptions {
  /** What new connections meet. Default `pass`. */
  next?: 'pass' | 'refuse'
  /** Called before the client can notice. */
  onCut?: () => void
}

interface Link {
  client: Socket
  upstream: Socket
  lanes: Lane[]
  commands: WatchedConnection | undefined
}

/** Starts a proxy in front of a port. Only with a protocol does it count commands. */
export async function startProxy(target: { host?: string; port: number }, options?: WatchOptions): Promise<TcpProxy> {
  const faults: Faults = { ...NO_FAULTS }
  const watch = options && commandWatch(options)
  const links = new Set<Link>()
  let upstreamPort = target.port
  let accepted = 0

  const server = createServer({ allowHalfOpen: true, noDelay: true }, client => {
    accepted++
    const upstream = connect({ port: upstreamPort, host: target.host ?? HOST, allowHalfOpen: true, noDelay: true })
    const link = join(client, upstream, faults, watch)
    links.add(link)
    const leave = () => client.destroyed && upstream.destroyed && links.delete(link)
    client.once('close', leave)
    upstream.once('close', leave)
  })
  const port = await listen(server)

  const cut = () => {
    for (const link of links) reset(link)
  }
  const refuse = async () => {
    const closed = server.listening ? once(server, 'close') : undefined
    server.close()
    cut()
    await closed
  }
  const accept = async () => {
    if (server.listening) return
    await once(server.listen(port, HOST), 'listening')
  }
  const set = (changes: Partial<Faults>) => {
    Object.assign(faults, changes)
    for (const { lanes } of links) for (const each of lanes) each.resume()
  }
  return {
    host: HOST,
    port,
    connections(command) {
      const open = [...links].filter(({ client }) => !client.destroyed)
      if (command === undefined) return open.length
      mustWatch(watch)
      return open.filter(({ commands }) => commands?.hasSent(command)).length
    },
    accepted: () => accepted,
    async pass() {
      watch?.plan(null)
      for (const link of links) if (link.client.destroyed || link.upstream.destroyed) reset(link)
      for (const { lanes } of links) for (const each of lanes) each.hurry()
      set(NO_FAULTS)
      await accept()
    },
    refuse,
    accept,
    silence: () => set({ silent: true }),
    freeze: () => set({ frozen: true }),
    thaw: () => set({ frozen: false }),
    dropReplies: () => set({ mute: true }),
    delay: (delayMs, jitterMs = 0) => set({ delayMs, jitterMs }),
    slice: sliceBytes => set({ sliceBytes }),
    cut,
    switchTo(other) {
      upstreamPort = other
      cut()
    },
    commands: () => mustWatch(watch).commands(),
    resetCount: () => mustWatch(watch).resetCount(),
    cutAt: (k, moment, { next = 'pass', onCut } = {}) =>
      new Promise(resolve => {
        const onReached = () => {
          onCut?.()
          if (next === 'refuse') refuse()
          resolve()
        }
        mustWatch(watch).plan({ k, moment, onReached })
      }),
    async close() {
      watch?.plan(null)
      await refuse()
    },
  }
}

function mustWatch(watch: CommandWatch | undefined): CommandWatch {
  if (!watch) throw new TypeError('Only a proxy with a protocol counts commands')
  return watch
}

/** Listens on a free port outside the range of outgoing connections, so that it stays free while none is accepted. */
async function listen(server: ReturnType<typeof createServer>): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = await freePort()
    try {
      await once(server.listen(port, HOST), 'listening')
      return port
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || tries >= 20) throw error
    }
  }
}

function reset({ client, upstream, lanes }: Link): void {
  for (const each of lanes) each.close()
  client.resetAndDestroy()
  upstream.resetAndDestroy()
}

function join(client: Socket, upstream: Socket, faults: Faults, watch: CommandWatch | undefined): Link {
  const toServer = lane(upstream, faults, { replies: false })
  const toClient = lane(client, faults, { replies: true })
  const link: Link = { client, upstream, lanes: [toServer, toClient], commands: undefined }
  const commands = watch?.connection({
    toServer: bytes => toServer.push(bytes),
    toClient: bytes => toClient.push(bytes),
    swallows: () => faults.silent,
    cut(first) {
      toClient.flush()
      first()
      reset(link)
    },
  })
  link.commands = commands
  client.on('data', chunk => (commands ? commands.fromClient(chunk) : toServer.push(chunk)))
  upstream.on('data', chunk => (commands ? commands.fromServer(chunk) : toClient.push(chunk)))
  for (const [from, to] of [
    [client, toServer],
    [upstream, toClient],
  ] as const) {
    from.on('end', () => {
      // The side is gone, and the other does not hear of it.
      if (faults.silent) from.destroy()
      else to.push('end')
    })
    from.on('error', () => {
      if (!faults.silent) to.push('reset')
    })
  }
  return link
}
