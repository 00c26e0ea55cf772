import type { RedisLink } from './redis-client.js'

/** Reads one key. Nothing is there: null. */
export type RedisRead = (key: string) => Promise<string | null>

interface Waiting {
  readonly key: string
  resolve(value: string | null): void
  reject(error: unknown): void
}

/** Most keys of one command, so that no other waits long behind it. */
const MOST = 512

/**
 * Reads together what is asked for in one turn of the event loop: under load a command brings the sessions of many
 * requests. Each asks for itself; nobody gets an answer that was on its way before they asked.
 */
export function batchedReads({ get }: Pick<RedisLink, 'get'>): RedisRead {
  let waiting: Waiting[] = []

  function send(): void {
    const batch = waiting
    waiting = []
    for (let start = 0; start < batch.length; start += MOST) {
      const part = batch.slice(start, start + MOST)
      get(part.map(({ key }) => key)).then(
        values => {
          for (let index = 0; index < part.length; index++) part[index]?.resolve(values[index] ?? null)
        },
        error => {
          for (const { reject } of part) reject(error)
        },
      )
    }
  }

  return key =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(send)
      waiting.push({ key, resolve, reject })
    })
}

/** Each read by itself, for a cluster: a shard that is away must not keep the answers of others. */
export function lonelyReads({ get }: Pick<RedisLink, 'get'>): RedisRead {
  return async key => (await get([key]))[0] ?? null
}
