import { Problem } from '../../base/problem.js'
import { sha1 } from '../../tokens/digest.js'
import { hashQueue } from '../../users/hash-queue.js'

export interface BreachedOptions {
  /** Five hex digits are put after it. Default: the range look-up of Have I Been Pwned. */
  url?: string
  /** For the whole look-up, waiting included. Default: 1000. */
  timeoutMs?: number
  /** In how many leaks a password must be found. Default: 1. */
  minCount?: number
}

/** Whether a password was found; a text says why nobody knows. */
export type Found = { readonly found: boolean } | { readonly unchecked: string }

export interface Breached {
  look(password: string): Promise<Found>
  /** Ends what is under way. */
  close(): void
}

const PUBLIC_URL = 'https://api.pwnedpasswords.com/range/'
const PREFIX = 5
/** A thousand lines are some 40 KB, and there are two thousand at most. */
const MOST_BYTES = 512 * 1024
const AT_ONCE = 16
const MOST_WAITING = 256
const LINE = /^([0-9A-F]{35}):(\d{1,10})$/

/** Reads an answer to its end. Null for one that is too long. */
async function textOf(response: Response): Promise<string | null> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > MOST_BYTES) return null
    text += decoder.decode(chunk, { stream: true })
  }
  return text
}

/** How often an answer has the rest of a hash. Null for what is no such answer: a page of somebody else's, say. */
function countIn(text: string, rest: string): number | null {
  const lines = text.split('\n').map(line => LINE.exec(line.trim().toUpperCase()))
  if (lines.at(-1) === null && text.endsWith('\n')) lines.pop()
  if (lines.includes(null)) return null
  return Number(lines.find(line => line?.[1] === rest)?.[2] ?? 0)
}

/** Completes the options. Throws `TypeError` for those that cannot be. */
export function checkBreached(options: BreachedOptions): Required<BreachedOptions> {
  const { url = PUBLIC_URL, timeoutMs = 1000, minCount = 1 } = options
  const parsed = URL.canParse(`${url}00000`) ? new URL(`${url}00000`) : null
  const isRight = parsed && /^https?:$/.test(parsed.protocol) && parsed.hash === '' && parsed.username === ''
  if (!isRight) {
    throw new TypeError("`breached.url` must be like 'https://example.com/range/': five hex digits are put after it")
  }
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > 10_000) {
    throw new TypeError('`breached.timeoutMs` must be a whole number from 1 to 10000')
  }
  if (!Number.isSafeInteger(minCount) || minCount < 1) throw new TypeError('`breached.minCount` must be 1 or more')
  return { url, timeoutMs, minCount }
}

/**
 * Looks passwords up among leaked ones: tells the service the first five of forty hex digits of its SHA-1, and compares
 * the rest here.
 */
export function breachedPasswords({ url, timeoutMs, minCount }: Required<BreachedOptions>): Breached {
  const enqueue = hashQueue(AT_ONCE, MOST_WAITING)
  const underWay = new Set<AbortController>()

  async function ask(password: string, signal: AbortSignal): Promise<Found> {
    const digest = sha1(password).toUpperCase()
    const response = await fetch(url + digest.slice(0, PREFIX), {
      // Padded: the length of an answer would tell somebody on the line which one it is.
      headers: { 'add-padding': 'true', accept: 'text/plain', 'user-agent': 'pawl' },
      // Nobody is followed: a 3xx is an answer like any that is not 200. Workers know no `error`.
      redirect: 'manual',
      signal,
    })
    if (response.status !== 200) return { unchecked: `status ${response.status}` }
    const text = await textOf(response)
    const count = text === null ? null : countIn(text, digest.slice(PREFIX))
    return count === null ? { unchecked: 'answer' } : { found: count >= minCount }
  }

  return {
    close() {
      for (const ending of underWay) ending.abort()
    },
    async look(password) {
      const ending = new AbortController()
      const { signal } = ending
      underWay.add(ending)
      const deadline = setTimeout(() => ending.abort(), timeoutMs)
      const ended = new Promise<Found>(resolve => {
        signal.addEventListener('abort', () => resolve({ unchecked: 'timeout' }))
      })
      try {
        // Who waits for a place waits no longer than for an answer.
        return await Promise.race([enqueue(() => (signal.aborted ? ended : ask(password, signal))), ended])
      } catch (error) {
        if (signal.aborted) return ended
        return { unchecked: Problem.is(error) ? error.code : 'unreachable' }
      } finally {
        clearTimeout(deadline)
        underWay.delete(ending)
        // An answer that was not read to its end is not waited for.
        ending.abort()
      }
    },
  }
}
