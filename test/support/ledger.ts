import { randomUUID } from 'node:crypto'
import { type Answered, PASSWORD, type Pair, pairOf, registrationForm, send } from './guide.js'

const PATIENCE_MS = 20_000

/** What a client knows of a session: `unknown` while a request that may have ended or renewed it is unanswered. */
export interface LedgerSession {
  /** The newest it was told. */
  pair: Pair
  /** Those before, oldest first. */
  readonly replaced: Pair[]
  state: 'live' | 'ended' | 'unknown'
}

export interface LedgerAccount {
  readonly email: string
  /** True once an answer said so. */
  exists: boolean
  /** True once the password opened it. */
  proven: boolean
  /** Of the password, as it was seen first. */
  hash: string | null
  readonly sessions: LedgerSession[]
  /** Sessions that may be there though no client has their tokens. */
  untold: number
}

/** What is in the stores, read past the servers. */
export interface Census {
  readonly accounts: readonly { id: string; email: string; hash: string | null; epoch: number }[]
  readonly sessions: readonly { id: string; userId: string; epoch: number }[]
}

export interface Question {
  readonly token?: string
  readonly body?: URLSearchParams | string
  readonly headers?: Record<string, string>
  /** Statuses that are in order. */
  readonly allowed: readonly number[]
}

/**
 * What clients were told, and what must hold: L1 nothing lost, L2 nobody wrongly admitted, L3 nothing twice and nothing
 * half, L4 every answer in order, L5 the server recovers.
 */
export interface Ledger {
  readonly accounts: readonly LedgerAccount[]
  /** What did not hold, each after the label of its time. */
  readonly violations: string[]
  /** Puts a label before the violations from now on. Only where a server may be killed may it close a connection. */
  during(label: string, options?: { mayClose?: boolean }): void
  claim(rule: `L${1 | 2 | 3 | 4 | 5}`, holds: boolean, what: string): void
  /** Sends a request and holds its answer against L4. Null for a connection that was closed instead. */
  ask(base: string, method: string, path: string, question: Question): Promise<Answered | null>
  /** Somebody nobody told the servers about yet. */
  newAccount(): LedgerAccount
  /** True when an access token opens something. */
  admits(base: string, token: string): Promise<boolean>
  /** Sees that every token does what was told, on each of the servers, and that the stores are in order. */
  check(bases: readonly string[], census: Census, accounts?: readonly LedgerAccount[]): Promise<void>
}

export function tell(session: LedgerSession, pair: Pair): void {
  if (pair.renewal !== session.pair.renewal) session.replaced.push(session.pair)
  session.pair = pair
  session.state = 'live'
}

export function openLedger(): Ledger {
  const accounts: LedgerAccount[] = []
  const violations: string[] = []
  let label = ''
  let mayClose = false
  let count = 0

  const claim: Ledger['claim'] = (rule, holds, what) => {
    const violation = `${label}: ${rule} ${what}`
    if (!holds && !violations.includes(violation)) violations.push(violation)
  }

  const ask: Ledger['ask'] = async (base, method, path, { allowed, ...request }) => {
    const answer = await patiently(send(base, method, path, request), `${label}: ${method} ${path}`)
    const flaw = answer === null ? (mayClose ? null : 'closed the connection') : flawOf(answer, allowed)
    claim('L4', flaw === null, `${method} ${path} ${flaw}`)
    return answer
  }

  const admits: Ledger['admits'] = async (base, token) =>
    (await ask(base, 'GET', '/protected', { token, allowed: [200, 401] }))?.status === 200

  async function refuses(base: string, { access, renewal }: Pair, what: string): Promise<void> {
    claim('L2', !(await admits(base, access)), `the access token of ${what} opens ${base}`)
    const renewed = await ask(base, 'POST', '/session/renew', { token: renewal, allowed: [200, 401] })
    claim('L2', renewed?.status !== 200, `the renewal token of ${what} is good at ${base}`)
  }

  async function checkSession(bases: readonly string[], session: LedgerSession, owner: string): Promise<void> {
    const { state, pair, replaced } = session
    if (state === 'unknown') {
      const opens = await Promise.all(bases.map(base => admits(base, pair.access)))
      return claim('L2', new Set(opens).size === 1, `servers disagree about a session of ${owner}`)
    }
    // Older ones are replays that end their session, so they are tried only where it is over.
    const dead = state === 'ended' ? [...replaced, pair] : replaced.slice(-1)
    const what = `${owner}, ${state === 'ended' ? 'ended' : 'renewed since'},`
    await Promise.all(
      bases.map(async base => {
        if (state === 'live') claim('L1', await admits(base, pair.access), `a session of ${owner} is lost at ${base}`)
        await Promise.all(dead.map(each => refuses(base, each, what)))
        for (const { access } of state === 'live' ? replaced.slice(0, -1) : []) {
          claim('L2', !(await admits(base, access)), `an older access token of ${what} opens ${base}`)
        }
      }),
    )
  }

  function checkCensus({ accounts: found, sessions }: Census, some: readonly LedgerAccount[]): void {
    const ids = new Set(found.map(({ id }) => id))
    claim('L3', new Set(found.map(({ email }) => email)).size === found.length, 'an account is there twice')
    for (const { email, hash } of found) claim('L3', hash?.startsWith('$argon2id$') === true, `${email} has no hash`)
    for (const { id, userId } of sessions) claim('L3', ids.has(userId), `session ${id} belongs to nobody`)
    for (const known of some) {
      const { email, exists, sessions: told, untold } = known
      const account = found.find(each => each.email === email)
      if (exists) claim('L1', account !== undefined, `the account ${email} is lost`)
      if (!account) continue
      known.hash ??= account.hash
      claim('L1', account.hash === known.hash, `the password of ${email} changed`)
      const open = sessions.filter(({ userId, epoch }) => userId === account.id && epoch >= account.epoch).length
      const least = told.filter(({ state }) => state === 'live').length
      const most = told.filter(({ state }) => state !== 'ended').length + untold
      claim('L3', open >= least && open <= most, `${email} has ${open} sessions, told of ${least} to ${most}`)
    }
  }

  return {
    accounts,
    violations,
    during(text, options = {}) {
      label = text
      mayClose = options.mayClose ?? false
    },
    claim,
    ask,
    admits,
    newAccount() {
      const account = {
        email: `person-${++count}@example.com`,
        exists: false,
        proven: false,
        hash: null,
        sessions: [],
        untold: 0,
      }
      accounts.push(account)
      return account
    },
    async check(bases, census, some = accounts) {
      const all = some.flatMap(({ email, sessions }) => sessions.map(session => checkSession(bases, session, email)))
      await Promise.all(all)
      checkCensus(census, some)
    },
  }
}

async function patiently(answer: Promise<Answered>, what: string): Promise<Answered | null> {
  let timer: NodeJS.Timeout | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} got no answer in ${PATIENCE_MS} ms`)), PATIENCE_MS)
  })
  try {
    // The connection is closed: the client knows nothing.
    return await Promise.race([answer.catch(() => null), silence])
  } finally {
    clearTimeout(timer)
  }
}

/** Nothing of this is anybody's business. */
const LEAK = /\n|\.[cm]?[jt]s\b|node:|\b(select|insert|update|delete|evalsha|econn\w+|postgres\w*|redis|sqlite)\b/i
const TAKEN = JSON.stringify({ email: ['has already been taken'] })

/** What is wrong with an answer; null when nothing is. */
function flawOf({ status, headers, text, json }: Answered, allowed: readonly number[]): string | null {
  const told = `answered ${status} ${text}`
  if (!allowed.includes(status) || !headers.get('content-type')?.startsWith('application/json')) return told
  if (status === 200) return typeof json?.data === 'object' ? null : told
  const { code, status: said = code, message, reason, errors, ...rest } = json?.error ?? {}
  const isWhole = said === status && typeof message === 'string' && typeof reason === 'string'
  if (!isWhole || Object.keys(rest).length > 0 || LEAK.test(text)) return told
  if (status === 503 && !/^[1-9]\d*$/.test(headers.get('retry-after') ?? '')) return `${told} without Retry-After`
  if (status === 401 && !headers.has('www-authenticate')) return `${told} without WWW-Authenticate`
  // The guide's word for a refused registration.
  if (status === 500 && (reason !== 'invalid_user' || JSON.stringify(errors) !== TAKEN)) return told
  return null
}

/** Registers an account. The answer is null, or no 200, where the client does not know whether it is there. */
export async function register(ledger: Ledger, base: string, account: LedgerAccount, question: Question) {
  const answer = await ledger.ask(base, 'POST', '/registration', { ...question, body: registrationForm(account.email) })
  return opened(account, answer)
}

/** Signs an account in. */
export async function signIn(ledger: Ledger, base: string, account: LedgerAccount, question: Question) {
  const body = new URLSearchParams({ 'user[email]': account.email, 'user[password]': PASSWORD })
  const answer = opened(account, await ledger.ask(base, 'POST', '/session', { ...question, body }))
  if (answer?.status === 200) account.proven = true
  return answer
}

function opened(account: LedgerAccount, answer: Answered | null): Answered | null {
  if (answer?.status === 200) {
    account.exists = true
    account.sessions.push({ pair: pairOf(answer), replaced: [], state: 'live' })
  } else if (answer === null || answer.status === 503) account.untold++
  return answer
}

/** Sees that the live sessions of an account can be renewed, and that its password opens it where that is not known. */
export async function settle(ledger: Ledger, base: string, account: LedgerAccount): Promise<void> {
  const live = () => account.sessions.filter(({ state }) => state === 'live')
  if (!account.proven || live().length === 0) await signIn(ledger, base, account, { allowed: [200] })
  for (const session of live()) {
    const headers = { 'idempotency-key': randomUUID() }
    const token = session.pair.renewal
    const answer = await ledger.ask(base, 'POST', '/session/renew', { token, headers, allowed: [200] })
    if (answer?.status === 200) tell(session, pairOf(answer))
    else ledger.claim('L1', false, `a session of ${account.email} cannot be renewed`)
  }
}
