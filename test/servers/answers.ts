import { existsSync, readFileSync } from 'node:fs'
import type { Answered } from '../support/guide.js'

/** Most ms for an answer while a store is away. The claim is one second; the rest is room for a busy machine. */
export const AWAY_MS = 3000
/** Most ms from the end of a fault until everything works again. */
export const RECOVERY_MS = 5000
/** Signed by nobody. */
export const FORGED = 'pawl_at_forged'

const LEAK =
  /select|insert|update |delete |pawl_sessions|relation|E[A-Z]{4,}|\d+\.\d+\.\d+\.\d+|localhost|\.[jt]s\b|node_modules|postgres|redis|replica|deadline|OOM|stack|cause/

/** An answer and how long it took. The status is 0 when the connection was closed instead. */
export interface Asked extends Answered {
  readonly ms: number
}

export interface Asking {
  token?: string
  body?: URLSearchParams
  headers?: Record<string, string>
}

/** What is wrong with an answer, whatever was asked; null when it is one of the contract's. */
function wrongWith(path: string, { status, headers, text, json }: Answered): string | null {
  const isHealth = path === '/livez' || path === '/readyz'
  if (isHealth) return /^\{"status":"(ok|unavailable)"\}$/.test(text) ? null : 'no health answer'
  if (status === 200) return json?.data ? null : '200 without data'
  if (!json?.error) return 'no JSON error'
  if (LEAK.test(text)) return 'tells something of the inside'
  if (status === 401) return null
  if (status === 500) return path === '/registration' && json.error.reason === 'invalid_user' ? null : 'a 500'
  if (status !== 503) return 'a status of no contract'
  return /^[1-9]\d*$/.test(headers.get('retry-after') ?? '') ? null : '503 without Retry-After'
}

/** Sends a request to a server and holds its answer against the contract. No answer in 20 s throws. */
export async function ask(url: string, method: string, path: string, asking: Asking = {}): Promise<Asked> {
  const { token, body, headers } = asking
  const base = path === '/livez' || path === '/readyz' ? url : `${url}/api/v1`
  const started = performance.now()
  const spent = () => Math.round(performance.now() - started)
  try {
    const response = await fetch(base + path, {
      method,
      headers: { ...(token !== undefined && { authorization: token }), ...headers },
      signal: AbortSignal.timeout(20_000),
      ...(body && { body }),
    })
    const text = await response.text()
    const json = text.startsWith('{') ? JSON.parse(text) : null
    const answer = { status: response.status, headers: response.headers, text, json, ms: spent() }
    const wrong = wrongWith(path, answer)
    if (wrong) throw new TypeError(`${method} ${path} answered ${answer.status} ${text}: ${wrong}`)
    return answer
  } catch (error) {
    const { name, message } = error as Error
    if (name === 'TimeoutError') throw new Error(`no answer to ${method} ${path} in 20 s`)
    if (name !== 'TypeError' || message !== 'fetch failed') throw error
    return { status: 0, headers: new Headers(), text: '', json: null, ms: spent() }
  }
}

export const statuses = (answers: readonly Asked[]) => answers.map(({ status }) => status)
export const slowest = (answers: readonly Asked[]) => Math.max(...answers.map(({ ms }) => ms))

/** Says on the console what a test measured. */
export function measured(what: string, numbers: Record<string, number>): void {
  const list = Object.entries(numbers).map(([name, value]) => `${name} ${Math.round(value)}`)
  console.info(`${what}: ${list.join(', ')}`)
}

/** Asks again and again until an answer fits, and gives the ms that took. Throws after `mostMs`. */
export async function until(
  what: string,
  fits: () => Promise<boolean> | boolean,
  mostMs: number = RECOVERY_MS,
): Promise<number> {
  const started = performance.now()
  while (!(await fits())) {
    if (performance.now() - started > mostMs) throw new Error(`Waited ${mostMs} ms in vain until ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return performance.now() - started
}

const ESTABLISHED = '01'

/** How many connections to a port are open at the side that opened them: what a process holds. 0 without a Linux. */
export function openConnections(port: number): number {
  if (!existsSync('/proc/net/tcp')) return 0
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const lines = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1)
  return lines.filter(line => {
    const [, , remote = '', state] = line.trim().split(/\s+/)
    return remote.endsWith(`:${hex}`) && state === ESTABLISHED
  }).length
}
