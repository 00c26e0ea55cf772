import type { Clock } from '../../base/clock.js'
import type { Emit } from '../../sessions/event.js'
import type { Mailer, Message } from './mailer.js'
import type { Claim, Letter, Outbox, OutboxRow } from './outbox.js'

/** What became of the mails that were due. */
export interface Delivered {
  sent: number
  /** Tried in vain; they are tried again. */
  delayed: number
  /** Refused for good, and dropped. */
  rejected: number
  /** Too late to be of use, and dropped. */
  expired: number
}

export interface WorkerParts {
  readonly outbox: Outbox
  readonly mailer: Mailer
  readonly messageOf: (row: OutboxRow, letter: Letter & { readonly to: string }) => Message
  readonly timeoutMs: number
  readonly emit: Emit
  readonly onError: (error: unknown, requestId: string) => void
  readonly now: Clock
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const RETRY_AFTER = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 60 * MINUTE]
const GIVE_UP_MS = 24 * 60 * MINUTE
const BATCH = 50
const AT_ONCE = 4

/** Longer each time, and not the same for all: a server that comes back is not met by everything at once. */
function retryDelay(attempts: number): number {
  const base = RETRY_AFTER[Math.min(attempts, RETRY_AFTER.length) - 1] as number
  return Math.round(base * (0.8 + Math.random() * 0.4))
}

/** A word for what went wrong. Messages are not told: a server may quote an address in them. */
function reasonOf(error: unknown): string {
  const { code, responseCode } = (error ?? {}) as { code?: unknown; responseCode?: unknown }
  const words = [code, responseCode].filter(word => /^[\w.-]{1,40}$/.test(String(word ?? '')))
  return words.length > 0 ? words.join(' ') : 'error'
}

/** Rejects when the time is over, whatever the mailer does then. */
function within(timeoutMs: number, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const abort = new AbortController()
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const late = Object.assign(new Error('the mail server took too long'), { code: 'timeout' })
      reject(late)
      abort.abort(late)
    }, timeoutMs)
    // A mailer may throw before it promises.
    Promise.resolve()
      .then(() => work(abort.signal))
      .then(resolve, reject)
      .finally(() => clearTimeout(timer))
  })
}

/** Sends what is due, some at once, until nothing is or `isClosing` says so. */
export function createDelivery(parts: WorkerParts): (isClosing: () => boolean) => Promise<Delivered> {
  const { outbox, mailer, messageOf, timeoutMs, emit, onError, now } = parts
  // Longer than the longest try: while one worker sends, no other may.
  const leaseMs = 2 * timeoutMs + 30 * SECOND
  /** Sent, and not removed: the database was away. */
  const sent = new Set<string>()

  async function remove(claim: Claim): Promise<void> {
    await claim.remove()
    sent.delete(claim.row.id)
  }

  async function drop({ row, letter, remove }: Claim, name: string, reason: string): Promise<void> {
    await remove()
    const { userId } = letter ?? {}
    await emit(null, name, { ...(userId && { userId }), detail: `${row.kind} ${reason}` })
  }

  async function failed(claim: Claim, error: unknown): Promise<keyof Delivered> {
    const { row, letter, delayUntil } = claim
    const reason = reasonOf(error)
    // What no mail server said: Nodemailer is not installed, or a mailer of the app's has a fault.
    if (reason === 'error') onError(error, '')
    if ((error as { permanent?: unknown } | null)?.permanent === true) {
      await drop(claim, 'mail.rejected', reason)
      return 'rejected'
    }
    const next = now() + retryDelay(row.version)
    if (next >= Math.min(row.expires_at ?? Number.POSITIVE_INFINITY, row.created_at + GIVE_UP_MS)) {
      await drop(claim, 'mail.expired', reason)
      return 'expired'
    }
    await delayUntil(next)
    const { userId } = letter ?? {}
    await emit(null, 'mail.delayed', { ...(userId && { userId }), detail: `${row.kind} ${reason}` })
    return 'delayed'
  }

  async function trySend(row: OutboxRow, letter: Letter, to: string): Promise<void> {
    let message: Message
    try {
      message = messageOf(row, { ...letter, to })
    } catch (error) {
      // A template of the app's has a fault. Tried again, since the next release may have mended it.
      onError(error, '')
      throw Object.assign(new Error('the mail could not be written'), { code: 'template' })
    }
    await within(timeoutMs, signal => mailer.send(message, signal))
  }

  async function deliver(row: OutboxRow): Promise<keyof Delivered | null> {
    const claim = await outbox.claim(row, now() + leaseMs)
    if (!claim) return null
    const { letter } = claim
    if ((letter && letter.to === null) || sent.has(row.id)) {
      await remove(claim)
      return null
    }
    if (now() >= (row.expires_at ?? Number.POSITIVE_INFINITY)) {
      await drop(claim, 'mail.expired', 'late')
      return 'expired'
    }
    try {
      // Sealed by a secret that this server was not given. Another may have it: it is not ours to throw away.
      if (letter === null) throw Object.assign(new Error('no secret opens the mail'), { code: 'sealed' })
      await trySend(claim.row, letter, letter.to as string)
    } catch (error) {
      return failed(claim, error)
    }
    sent.add(row.id)
    await remove(claim)
    return 'sent'
  }

  return async isClosing => {
    const delivered: Delivered = { sent: 0, delayed: 0, rejected: 0, expired: 0 }

    async function work(rows: OutboxRow[]): Promise<void> {
      for (let row = rows.shift(); row && !isClosing(); row = rows.shift()) {
        const outcome = await deliver(row)
        if (outcome) delivered[outcome]++
      }
    }

    for (;;) {
      const rows = [...(await outbox.due(now(), BATCH))]
      if (rows.length === 0 || isClosing()) return delivered
      // All are waited for, also where one fails: what is under way is not left alone.
      const done = await Promise.allSettled(Array.from({ length: AT_ONCE }, () => work(rows)))
      const broken = done.find(({ status }) => status === 'rejected')
      if (broken) throw (broken as PromiseRejectedResult).reason
    }
  }
}
