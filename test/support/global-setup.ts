import { spawnSync } from 'node:child_process'
import type { TestProject } from 'vitest/node'
import { startPostgres, startRedis, startRedisCluster, startSentinel } from './engines.js'
import { installExample } from './installed.js'
import { findProgram } from './processes.js'
import { installRuntimes, type Runtimes } from './runtimes.js'

declare module 'vitest' {
  /** Null where the engine is not installed and its tests are to be skipped. */
  export interface ProvidedContext {
    /** For `createDatabase`. */
    pawlPostgres: string | null
    pawlRedis: string | null
    pawlCluster: string[] | null
    pawlSentinel: string | null
    pawlRuntimes: Runtimes
  }
}

const ENGINES = [
  { name: 'PostgreSQL', programs: ['initdb', 'postgres'], skipped: 'every test on PostgreSQL' },
  {
    name: 'Redis',
    programs: ['redis-server', 'redis-cli'],
    skipped: 'every test on Redis, Redis Cluster, Redis Sentinel and the proxy',
  },
  { name: 'Chromium', programs: ['chromium'], skipped: 'every test in a real browser' },
] as const

/** Examples with packages of their own. */
const EXAMPLES = ['next', 'custom-users-prisma']

/** Starts one of each engine for the whole run, installing them first where it may. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (missing().length > 0) install()
  for (const { name, skipped } of missing()) refuseOrWarn(name, skipped)
  const lacks = (name: string) => missing().some(engine => engine.name === name)

  const runtimes = installRuntimes()
  for (const [name, program] of Object.entries(runtimes)) {
    if (program === null) refuseOrWarn(name, `every test of the Web adapter on ${name}`)
  }
  project.provide('pawlRuntimes', runtimes)
  // Here, since a test file that waits for it would answer nobody meanwhile.
  for (const name of EXAMPLES) if (!installExample(name)) refuseOrWarn(name, `every test of examples/${name}`)

  // Patient, because a busy machine must not look like a failure. Tests of failovers start their own.
  const started = await Promise.allSettled([
    lacks('PostgreSQL') ? null : startPostgres(),
    lacks('Redis') ? null : startRedis(),
    lacks('Redis') ? null : startRedisCluster({ nodeTimeoutMs: 10_000 }),
    lacks('Redis') ? null : startSentinel({ downAfterMs: 10_000 }),
  ] as const)
  const stop = async () => {
    await Promise.all(started.map(each => (each.status === 'fulfilled' ? each.value?.stop() : undefined)))
  }
  const failure = started.find(each => each.status === 'rejected')
  if (failure) {
    await stop()
    throw failure.reason
  }

  const [postgres, redis, cluster, sentinel] = started.map(fulfilled) as Values<typeof started>
  project.provide('pawlPostgres', postgres?.url ?? null)
  project.provide('pawlRedis', redis?.url ?? null)
  project.provide('pawlCluster', cluster?.urls ?? null)
  project.provide('pawlSentinel', sentinel?.url ?? null)
  return stop
}

type Values<T extends readonly PromiseSettledResult<unknown>[]> = {
  -readonly [K in keyof T]: T[K] extends PromiseSettledResult<infer V> ? V : never
}

const fulfilled = (result: PromiseSettledResult<unknown>) => (result.status === 'fulfilled' ? result.value : null)

const missing = () => ENGINES.filter(({ programs }) => programs.some(program => findProgram(program) === null))

function install(): void {
  const apt = findProgram('apt-get')
  if (process.getuid?.() !== 0 || apt === null) return
  console.error('Installing PostgreSQL, Redis and Chromium for the tests')
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const packages = ['postgresql', 'redis-server', 'redis-sentinel', 'chromium']
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
    const { status, stderr } = spawnSync(apt, args, { env, encoding: 'utf8', timeout: 600_000 })
    if (status !== 0) console.error(`apt-get ${args[0]} failed: ${stderr}`)
  }
}

/** A gap in the tests is loud, and no gap at all where they decide about a release. */
function refuseOrWarn(name: string, skipped: string): void {
  if (process.env.CI || process.env.PAWL_REQUIRE_ENGINES) {
    throw new Error(`${name} is not installed, and CI or PAWL_REQUIRE_ENGINES says that no test may be skipped`)
  }
  const line = '!'.repeat(100)
  console.error(
    `\n${line}\n!!! ${name} is not installed.\n!!! SKIPPED: ${skipped}.\n!!! Install it to run them.\n${line}\n`,
  )
}
