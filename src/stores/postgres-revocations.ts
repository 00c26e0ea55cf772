import type { PostgresPool } from './postgres-database.js'
import { type Line, openLine } from './revocation-line.js'
import { endedFrom, localRevocations, REVOCATIONS_CHANNEL, type Revocations } from './revocations.js'

/** What is used of a connection to listen on. */
interface ListeningClient {
  connect(): Promise<unknown>
  query(query: { text: string }): Promise<unknown>
  readonly connection: { readonly stream: { destroy(): void } }
  on(event: 'notification', listener: (message: { channel: string; payload?: string }) => void): unknown
  on(event: 'error' | 'end', listener: () => void): unknown
}

/** How often the connection is asked for a sign of life, so that a silent one is noticed. */
const PING_MS = 2000

/** News through `LISTEN`, on a connection beside the pool while anybody listens: a pool of one has none to spare. */
export function postgresRevocations(pool: PostgresPool): Revocations {
  const local = localRevocations()

  async function connect(down: () => void): Promise<Line> {
    const { Client, options } = pool as unknown as { Client: new (options: object) => ListeningClient; options: object }
    // Not a copy: the password is not among what can be listed.
    const client = new Client(Object.assign(Object.create(options), { connectionTimeoutMillis: PING_MS }))
    let isUp = true
    let timer: ReturnType<typeof setTimeout> | undefined
    const close = () => {
      if (!isUp) return
      isUp = false
      clearTimeout(timer)
      // Not asked to end politely: it may be silent.
      client.connection.stream.destroy()
    }
    const lost = () => {
      if (!isUp) return
      close()
      down()
    }
    client.on('error', lost)
    client.on('end', lost)
    client.on('notification', ({ channel, payload = '' }) => {
      const session = channel === REVOCATIONS_CHANNEL ? endedFrom(payload) : null
      if (session) local.tell(session)
    })
    const ask = (text: string) => {
      const impatience = setTimeout(lost, PING_MS)
      return client.query({ text }).finally(() => clearTimeout(impatience))
    }
    const ping = () => {
      ask('select 1').then(() => {
        if (isUp) timer = setTimeout(ping, PING_MS)
      }, lost)
    }
    await client
      .connect()
      .then(() => ask(`listen "${REVOCATIONS_CHANNEL}"`))
      .catch(error => {
        close()
        throw error
      })
    timer = setTimeout(ping, PING_MS)
    return { close }
  }

  return openLine(local, connect)
}
