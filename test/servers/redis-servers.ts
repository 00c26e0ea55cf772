import { inject, onTestFinished } from 'vitest'
import { createDatabase, type Redis, type Sentinels } from '../support/engines.js'
import { SECRET } from '../support/fleet.js'
import { type Pair, registrationForm } from '../support/guide.js'
import { type ServerProcess, startServer } from '../support/server.js'
import { type Asked, ask, until } from './answers.js'
import { type Person, signIn, told } from './people.js'

export const LACKS_ENGINES = inject('pawlPostgres') === null || inject('pawlRedis') === null

/** A renewal whose answer was lost is asked for again here, and an elder token presented late is no theft. */
const PATIENT = { PAWL_RACE_WINDOW: '10m', PAWL_RETRY_WINDOW: '10m' }

/** Most ms until the Sentinels name another primary, or a replica has everything. */
export const PROMOTION_MS = 20_000

/** Starts a server with sessions in a Redis and users in a database of its own, and ends it with the test. */
export async function serverAt(redisUrl: string, env: Record<string, string> = {}): Promise<ServerProcess> {
  const databaseUrl = await createDatabase(inject('pawlPostgres') as string)
  const own = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, PAWL_SECRET: SECRET }
  const server = await startServer({ env: { ...own, ...PATIENT, ...env } })
  onTestFinished(async () => void (await server.stop('SIGKILL')))
  return server
}

let people = 0

/** Registers somebody, however often a busy machine has to be asked. */
async function newPerson(url: string): Promise<Person> {
  const email = `crowd-${process.pid}-${++people}@example.com`
  const register = () => ask(url, 'POST', '/registration', { body: registrationForm(email) })
  let answer = await register()
  await until('somebody is in', async () => {
    // Refused before there was an account, or after: then the address is taken.
    if (answer.status === 503) answer = await register()
    if (answer.status === 500) answer = await signIn(url, { email })
    return answer.status !== 503
  })
  return { email, ...told(answer) }
}

/** So many people, a few at a time: at once they would be a flood of their own. */
export async function crowd(url: string, count: number): Promise<Person[]> {
  const all: Person[] = []
  while (all.length < count) {
    all.push(...(await Promise.all(Array.from({ length: Math.min(6, count - all.length) }, () => newPerson(url)))))
  }
  return all
}

/** Has a Redis follow another, and waits until it has everything. */
export async function follow(replica: Redis, { port }: Redis): Promise<void> {
  await replica.cli('replicaof', '127.0.0.1', String(port))
  const isInSync = async () => (await replica.cli('info', 'replication')).includes('master_link_status:up')
  await until('the replica is in sync', isInSync, PROMOTION_MS)
}

/** Waits until all Sentinels name the Redis at a port. */
export function promoted({ name, sentinels }: Sentinels, port: number): Promise<number> {
  const knows = async (sentinel: Redis) =>
    (await sentinel.cli('sentinel', 'get-master-addr-by-name', name)).endsWith(`\n${port}`)
  const agree = async () => (await Promise.all(sentinels.map(knows))).every(Boolean)
  return until('the Sentinels agree on another primary', agree, PROMOTION_MS)
}

/** Waits until all Sentinels would promote the other Redis, should the primary be killed. */
export function replaceable({ name, sentinels }: Sentinels): Promise<number> {
  const knows = async (sentinel: Redis) =>
    /\nflags\nslave\n[\s\S]*\nmaster-link-status\nok\n/.test(await sentinel.cli('sentinel', 'replicas', name))
  const agree = async () => (await Promise.all(sentinels.map(knows))).every(Boolean)
  return until('the Sentinels know the replica', agree, PROMOTION_MS)
}

/** Renews so that asking again after a lost answer gives the same pair. */
export function renewByKey(url: string, { renewal }: Pick<Pair, 'renewal'>, key: string): Promise<Asked> {
  return ask(url, 'POST', '/session/renew', { token: renewal, headers: { 'idempotency-key': key } })
}
