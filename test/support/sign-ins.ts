import pg from 'pg'
import { createClient } from 'redis'
import { inject } from 'vitest'
import { type Auth, createAuth } from '../../src/index.js'
import { postgresStore } from '../../src/stores/postgres.js'
import { type PostgresPool, postgresDatabase } from '../../src/stores/postgres-database.js'
import { redisStore } from '../../src/stores/redis.js'
import type { RedisClient } from '../../src/stores/redis-client.js'
import { cheapHasher, testExchange } from '../../src/testing/index.js'
import { sqlUsers } from '../../src/users/sql.js'
import { type FleetStore, SECRET } from './fleet.js'
import { PASSWORD, type Pair } from './guide.js'

export interface SignIns {
  /** Registers somebody new, and gives the pair of the session. */
  register(email: string): Promise<Pair>
  /** Another session of somebody it registered. */
  signIn(email: string): Promise<Pair>
  close(): Promise<void>
}

async function post(auth: Auth, path: string, user: Record<string, string>): Promise<Pair> {
  const { status, body } = await auth.respond(testExchange('POST', `/api/v1${path}`, { json: { user } }))
  if (status !== 200) throw new Error(`${path} answered ${status}: ${body}`)
  const { access_token, renewal_token } = JSON.parse(body ?? '').data
  return { access: access_token, renewal: renewal_token }
}

/** Signs people in at the stores of a fleet, past its proxies and without the cost of hashing, by the thousand. */
export async function openSignIns(databaseUrl: string, store: FleetStore): Promise<SignIns> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 5 }) as unknown as PostgresPool
  const redis = store === 'redis' ? createClient({ url: inject('pawlRedis') as string }) : null
  redis?.on('error', () => {})
  await redis?.connect()
  const patient = { deadlineMs: 20_000 }
  const users = sqlUsers(postgresDatabase(pool, patient))
  const sessions = redis ? redisStore(redis as unknown as RedisClient, patient) : postgresStore(pool)
  const auth = createAuth({ secret: SECRET, users, store: sessions, hasher: cheapHasher(), ...patient })
  return {
    register: email => post(auth, '/registration', { email, password: PASSWORD, password_confirmation: PASSWORD }),
    signIn: email => post(auth, '/session', { email, password: PASSWORD }),
    async close() {
      redis?.destroy()
      await pool.end()
    },
  }
}
