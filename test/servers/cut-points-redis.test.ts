import { describe, inject } from 'vitest'
import { type Bench, networkBench } from '../support/benches.js'
import { testCutPoints } from '../support/cut-points.js'
import { startRedis } from '../support/engines.js'
import { OPERATIONS } from '../support/operations.js'

/** On a Redis of its own, so that all records in it are of its servers. */
async function redisBench({ forgetsScripts = false } = {}): Promise<Bench> {
  const redis = await startRedis()
  const bench = await networkBench(redis)
  return {
    ...bench,
    async plan(point) {
      if (forgetsScripts) await redis.cli('script', 'flush')
      return bench.plan(point)
    },
    async stop() {
      await bench.stop()
      await redis.stop()
    },
  }
}

const lacksEngines = inject('pawlPostgres') === null || inject('pawlRedis') === null

describe.skipIf(lacksEngines)('sessions in Redis, users in PostgreSQL', () => {
  testCutPoints(redisBench, { ways: ['cut', 'killed'] })
})

describe.skipIf(lacksEngines)('sessions in a Redis that forgot its scripts, as one that restarted', () => {
  const operations = OPERATIONS.filter(({ name }) => /^(end-all|.* with Idempotency-Key)$/.test(name))
  testCutPoints(() => redisBench({ forgetsScripts: true }), { ways: ['cut'], operations })
})
