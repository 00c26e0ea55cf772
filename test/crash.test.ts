import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSqlite } from '../src/server/sqlite.js'
import { newFolder, type ServerProcess, startServer } from './support/server.js'

const PASSWORD = 'secret1234'
const ROUNDS = 12
const REGISTRATIONS = 300

interface Pair {
  readonly access_token: string
  readonly renewal_token: string
}

/** What a client was told: the truth the server must keep. */
interface Told {
  readonly email: string
  /** The newest pair that was acknowledged. */
  pair: Pair
  /** A renewal that was sent and never answered, with the key to retry it. */
  unanswered: { readonly token: string; readonly key: string } | null
}

async function call(
  server: ServerProcess,
  path: string,
  init: RequestInit,
): Promise<{ status: number; data?: Pair } | null> {
  try {
    const response = await fetch(`${server.url}/api/v1${path}`, { ...init, signal: AbortSignal.timeout(60_000) })
    const body = (await response.json()) as { data?: Pair }
    return { status: response.status, ...(body.data && { data: body.data }) }
  } catch (error) {
    // A server that is there answers: silence is a failure of its own.
    if ((error as Error).name === 'TimeoutError') throw new Error(`no answer from ${path} in 60 s`)
    // The process is gone: the client knows nothing.
    return null
  }
}

function post(server: ServerProcess, path: string, user: Record<string, string>) {
  const headers = { 'content-type': 'application/json' }
  return call(server, path, { method: 'POST', headers, body: JSON.stringify({ user }) })
}

function renew(server: ServerProcess, token: string, key: string) {
  return call(server, '/session/renew', {
    method: 'POST',
    headers: { authorization: token, 'idempotency-key': key },
  })
}

async function registerAndRenew(server: ServerProcess, email: string, told: Told[], lost: string[]): Promise<void> {
  const answer = await post(server, '/registration', { email, password: PASSWORD, password_confirmation: PASSWORD })
  // Nobody knows what became of it: no answer, or the 503 of a machine that is too busy.
  if (answer === null || answer.status === 503) return void lost.push(email)
  if (!answer.data) throw new Error(`registration of ${email} answered ${answer.status}`)
  const entry: Told = { email, pair: answer.data, unanswered: null }
  told.push(entry)
  const key = `renew-${email}`
  const token = entry.pair.renewal_token
  const renewed = await renew(server, token, key)
  if (renewed?.data) entry.pair = renewed.data
  else entry.unanswered = { token, key }
}

/** Looks after each turn of the event loop; the test's own time limit ends it. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(resolve => setTimeout(resolve, 1))
}

test('after SIGKILL at random moments every acknowledged account and session works, and none is half there', async () => {
  const folder = newFolder()
  let count = 0
  let settled = 0
  for (let round = 0; round < ROUNDS; round++) {
    const server = await startServer({ folder })
    const told: Told[] = []
    const lost: string[] = []
    const emails = Array.from({ length: REGISTRATIONS / ROUNDS }, () => `user-${count++}@example.com`)
    const work = Promise.all(emails.map(email => registerAndRenew(server, email, told, lost)))
    // At a random acknowledgement, or in the very beginning: not after a time that a slow machine makes meaningless.
    const fatal = Math.floor(Math.random() * emails.length)
    await Promise.race([work, until(() => told.length >= fatal || told.length + lost.length === emails.length)])
    await server.stop('SIGKILL')
    await work

    const again = await startServer({ folder })
    for (const entry of told) {
      if (entry.unanswered) {
        const { token, key } = entry.unanswered
        const retried = await renew(again, token, key)
        expect(retried?.status, entry.email).toBe(200)
        entry.pair = retried?.data as Pair
      }
      const headers = { authorization: entry.pair.access_token }
      expect((await call(again, '/session', { headers }))?.status, entry.email).toBe(200)
      expect((await post(again, '/session', { email: entry.email, password: PASSWORD }))?.status).toBe(200)
      settled++
    }
    for (const email of lost) {
      // Either there is no account, or a whole one: registering again or signing in works.
      const user = { email, password: PASSWORD, password_confirmation: PASSWORD }
      const registered = await post(again, '/registration', user)
      const signedIn = registered?.status === 200 ? registered : await post(again, '/session', user)
      expect(signedIn?.status, email).toBe(200)
      settled++
    }
    await again.stop()
  }
  expect(settled).toBe(REGISTRATIONS)

  const database = await openSqlite(join(folder, 'pawl-data', 'pawl.db'))
  const number = (sql: string) => (database.prepare(sql).get() as { n: number }).n
  expect(number('select count(*) as n from users')).toBe(REGISTRATIONS)
  expect(number('select count(distinct email) as n from users')).toBe(REGISTRATIONS)
  expect(number('select count(*) as n from users where password_hash is null')).toBe(0)
  expect(number('select count(*) as n from pawl_sessions where user_id not in (select id from users)')).toBe(0)
  database.close()
  rmSync(folder, { recursive: true, force: true })
}, 180_000)
