import { type Protocol, postgresProtocol, redisProtocol } from './proxy-protocols.js'

const PROTOCOLS = { redis: redisProtocol, postgres: postgresProtocol }

export interface WatchOptions {
  protocol: keyof typeof PROTOCOLS
  /** Commands that do not count. Gets the name in capitals in Redis; the SQL in PostgreSQL, or '' where it is prepared. */
  ignore?: (name: string) => boolean
}

/** A place in the stream of commands where a connection breaks. */
export interface Cut {
  /** Counted from 1 since the last reset. */
  k: number
  moment: 'before' | 'after'
  onReached: () => void
}

/** Counts the commands of all connections of a proxy, and breaks the one that reaches the planned cut. */
export interface CommandWatch {
  commands(): number
  resetCount(): void
  /** One cut at a time; null for none. */
  plan(cut: Cut | null): void
  connection(ends: Ends): WatchedConnection
}

/** Goes between the two sides of a connection. */
export interface WatchedConnection {
  fromClient(chunk: Buffer): void
  fromServer(chunk: Buffer): void
  /** Whether the client ever sent such a command, by its name as `ignore` gets it. */
  hasSent(name: string): boolean
}

interface Ends {
  toServer: (bytes: Buffer) => void
  toClient: (bytes: Buffer) => void
  /** Nothing that the client sends arrives. */
  swallows: () => boolean
  /** Calls a function and resets both sides in the same turn. */
  cut: (first: () => void) => void
}

export function commandWatch({ protocol, ignore = () => false }: WatchOptions): CommandWatch {
  let count = 0
  let planned: Cut | null = null

  /** Counts a command, and takes the planned cut if this is its place. */
  const reached = (): Cut | null => {
    if (++count !== planned?.k) return null
    const cut = planned
    planned = null
    return cut
  }
  return {
    commands: () => count,
    resetCount() {
      count = 0
    },
    plan(cut) {
      if (cut && cut.k <= count) throw new RangeError(`Command ${cut.k} is over: ${count} were sent since resetCount`)
      planned = cut
    },
    connection: ends => watched(PROTOCOLS[protocol](), ends, name => (ignore(name) ? null : reached())),
  }
}

function watched(
  talk: Protocol,
  { toServer, toClient, swallows, cut }: Ends,
  sent: (name: string) => Cut | null,
): WatchedConnection {
  const names = new Set<string>()
  let unanswered = 0
  let cutting: Cut | null = null

  /** Only when the earlier commands are answered, because a reset may drop what the server has not read. */
  const cutWhenDue = () => {
    if (!cutting || unanswered > 0) return
    cut(cutting.onReached)
  }
  return {
    fromClient(chunk: Buffer) {
      // What comes after the command of the cut never arrives.
      if (cutting) return
      const through: Buffer[] = []
      for (const { bytes, name, answered } of talk.requests(chunk)) {
        if (name !== null) names.add(name)
        cutting = name === null ? null : sent(name)
        if (cutting?.moment !== 'before') {
          through.push(bytes)
          if (answered && !swallows()) unanswered++
        }
        if (cutting) break
      }
      if (through.length > 0) toServer(Buffer.concat(through))
      cutWhenDue()
    },
    fromServer(chunk: Buffer) {
      const through: Buffer[] = []
      for (const { bytes, completes } of talk.replies(chunk)) {
        const withheld = cutting?.moment === 'after' && unanswered === 1
        if (!withheld) through.push(bytes)
        if (completes && unanswered > 0) unanswered--
      }
      if (through.length > 0) toClient(Buffer.concat(through))
      cutWhenDue()
    },
    hasSent: name => names.has(name),
  }
}
