import { randomUUID } from 'node:crypto'
import { pairOf } from './guide.js'
import { type Ledger, type LedgerAccount, type LedgerSession, type Question, register, signIn, tell } from './ledger.js'

/** Something a client does, and writes down what it is told. */
export interface Operation {
  readonly name: string
  /** Somebody to do it to, made while all is well, and how to do it. */
  prepare(ledger: Ledger, base: string): Promise<Subject>
}

export interface Subject {
  readonly account: LedgerAccount
  /** Does it while the network or the server fails. True when it was told that it is done. */
  attempt(base: string): Promise<boolean>
  /** Does it again as a client would that was not told, when all is well again. */
  retry(base: string): Promise<void>
}

/** What may be answered while the store is cut, beyond what the operation's contract says. */
const failing = { allowed: [200, 503] } satisfies Question
const well = { allowed: [200] } satisfies Question

async function registered(ledger: Ledger, base: string, more = 0): Promise<LedgerAccount> {
  const account = ledger.newAccount()
  await register(ledger, base, account, well)
  for (let n = 0; n < more; n++) await signIn(ledger, base, account, well)
  return account
}

const newest = ({ sessions }: LedgerAccount) => sessions.at(-1) as LedgerSession

const signingIn: Operation = {
  name: 'sign-in',
  async prepare(ledger, base) {
    const account = await registered(ledger, base)
    return {
      account,
      attempt: async at => (await signIn(ledger, at, account, failing))?.status === 200,
      retry: async at => void (await signIn(ledger, at, account, well)),
    }
  },
}

function renewing(withKey: boolean): Operation {
  return {
    name: `renewal ${withKey ? 'with' : 'without'} Idempotency-Key`,
    async prepare(ledger, base) {
      const account = await registered(ledger, base)
      const session = newest(account)
      const token = session.pair.renewal
      const headers: Record<string, string> = withKey ? { 'idempotency-key': randomUUID() } : {}
      const renew = async (at: string, question: Question) => {
        const answer = await ledger.ask(at, 'POST', '/session/renew', { token, headers, ...question })
        if (answer?.status === 200) tell(session, pairOf(answer))
        return answer
      }
      return {
        account,
        async attempt(at) {
          session.state = 'unknown'
          return (await renew(at, failing))?.status === 200
        },
        async retry(at) {
          if (!withKey) {
            // Nobody but this client used the token: it is refused only if the first attempt replaced it.
            const isCurrent = await ledger.admits(at, session.pair.access)
            if ((await renew(at, { allowed: [isCurrent ? 200 : 401] }))?.status !== 401) return
            session.state = 'ended'
            account.untold++
            return
          }
          const [first, again] = [await renew(at, well), await renew(at, well)]
          ledger.claim('L3', first?.text === again?.text, `one key gave two pairs: ${first?.text} ${again?.text}`)
        },
      }
    },
  }
}

function signingOut(kind: 'access' | 'renewal'): Operation {
  return {
    name: `sign-out by ${kind} token`,
    async prepare(ledger, base) {
      const account = await registered(ledger, base, 1)
      const session = newest(account)
      const signOut = async (at: string, question: Question) => {
        session.state = 'unknown'
        const answer = await ledger.ask(at, 'DELETE', '/session', { token: session.pair[kind], ...question })
        if (answer?.status === 200) session.state = 'ended'
        return answer?.status === 200
      }
      return {
        account,
        attempt: at => signOut(at, failing),
        retry: async at => void (await signOut(at, well)),
      }
    },
  }
}

const endingAll: Operation = {
  name: 'end-all',
  async prepare(ledger, base) {
    const account = await registered(ledger, base, 1)
    const request = {
      token: newest(account).pair.access,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ include_current: true }),
    }
    const endAll = async (at: string, question: Question) => {
      for (const session of account.sessions) session.state = 'unknown'
      const answer = await ledger.ask(at, 'DELETE', '/sessions', { ...request, ...question })
      // Whoever is not signed in any more was ended by the first attempt, and so were all.
      const isDone = answer?.status === 200 || answer?.status === 401
      if (isDone) for (const session of account.sessions) session.state = 'ended'
      return isDone
    }
    return {
      account,
      attempt: at => endAll(at, failing),
      retry: async at => void (await endAll(at, { allowed: [200, 401] })),
    }
  },
}

function registering(withKey: boolean): Operation {
  return {
    name: `registration ${withKey ? 'with' : 'without'} Idempotency-Key`,
    async prepare(ledger) {
      const account = ledger.newAccount()
      const headers: Record<string, string> = withKey ? { 'idempotency-key': randomUUID() } : {}
      return {
        account,
        attempt: async at => (await register(ledger, at, account, { headers, ...failing }))?.status === 200,
        async retry(at) {
          const allowed = withKey ? [200] : [200, 500]
          const answer = await register(ledger, at, account, { headers, allowed })
          if (answer?.status === 500) await signIn(ledger, at, account, well)
        },
      }
    },
  }
}

/** Everything that changes what is stored, apart from changes of the account. */
export const OPERATIONS: readonly Operation[] = [
  signingIn,
  renewing(true),
  renewing(false),
  signingOut('access'),
  signingOut('renewal'),
  endingAll,
  registering(true),
  registering(false),
]
