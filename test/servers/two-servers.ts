import { afterAll, beforeAll, inject } from 'vitest'
import { type Fleet, type FleetNode, type FleetStore, startFleet } from '../support/fleet.js'
import type { Pair } from '../support/guide.js'
import { keepAliveClient } from '../support/keep-alive.js'
import { openSignIns, type SignIns } from '../support/sign-ins.js'

export const HAS_ENGINES = inject('pawlPostgres') !== null && inject('pawlRedis') !== null

/** Gives the status of an answer. */
type Ask = (method: string, path: string, token: string) => Promise<number>

export interface TwoServers {
  a: Ask
  b: Ask
  /** The network between B and where sessions are. */
  networkOfB(): FleetNode['sessions']
  /** B says that its stores answer. */
  ready(): Promise<boolean>
  /** So many people, each with a session. */
  people(size: number): Promise<Pair[]>
  /** So many sessions of one person. */
  sessionsOfOne(size: number): Promise<Pair[]>
}

/** A and B on one store for the tests of a block. People sign in beside them. */
export function twoServers(store: FleetStore, env: Record<string, string>): TwoServers {
  const client = keepAliveClient()
  let fleet: Fleet
  let signIns: SignIns
  let count = 0
  beforeAll(async () => {
    fleet = await startFleet({ store, size: 2, env })
    signIns = await openSignIns(fleet.databaseUrl, store)
  })
  afterAll(async () => {
    client.close()
    await signIns?.close()
    await fleet?.stop()
  })
  const node = (index: number) => fleet.nodes[index] as FleetNode
  const asking =
    (index: number): Ask =>
    async (method, path, token) =>
      (await client.send(`${node(index).url()}/api/v1`, method, path, { token })).status
  const newEmail = () => `person-${++count}@example.com`
  return {
    a: asking(0),
    b: asking(1),
    networkOfB: () => node(1).sessions,
    ready: async () => (await client.send(node(1).url(), 'GET', '/readyz')).status === 200,
    people: size => Promise.all(Array.from({ length: size }, () => signIns.register(newEmail()))),
    async sessionsOfOne(size) {
      const email = newEmail()
      const first = await signIns.register(email)
      return [first, ...(await Promise.all(Array.from({ length: size - 1 }, () => signIns.signIn(email))))]
    },
  }
}
