import { test as nodeTest } from 'node:test'
import { bodyTests } from './adapter-bodies.js'
import { type Client, startClient } from './adapter-client.js'
import type { Host, HostApp, MakeHost } from './adapter-host.js'
import { requestTests } from './adapter-requests.js'
import { writeTests } from './adapter-writes.js'
import type { SuiteOptions } from './suite.js'
import { type TestAuth, testAuth } from './test-auth.js'

export interface AdapterSuiteOptions extends SuiteOptions {
  /** Makes an error in the host's own words that means 403 to a client. Default: the host has none. */
  readonly ownRefusal?: () => unknown
}

/** Starts an app of a test's own, closed when the test ends. Its auth may be another than the usual one. */
export type Start = (app: Partial<HostApp>, made?: TestAuth) => Promise<Client>

/** Registers a test that starts apps. */
export type AdapterTest = (name: string, run: (start: Start) => Promise<void>) => void

/**
 * The contract of an adapter as tests: the routes, guards, writes before the response leaves, bodies a host parsed,
 * presented errors, and requests that never see one another. `makeHost` builds a real app of the host's from one that is
 * described in no host's words.
 */
export function adapterSuite(makeHost: MakeHost, { test = nodeTest, ownRefusal }: AdapterSuiteOptions = {}): void {
  const it: AdapterTest = (name, run) => {
    test(`adapter: ${name}`, async () => {
      const hosts: Host[] = []
      try {
        await run(async (app, made = testAuth()) => {
          const { host, client } = await startClient(makeHost, made, app)
          hosts.push(host)
          return client
        })
      } finally {
        for (const host of hosts) await host.close()
      }
    })
  }
  requestTests(it, ownRefusal)
  writeTests(it)
  bodyTests(it)
}
