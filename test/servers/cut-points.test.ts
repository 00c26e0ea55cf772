import { describe, inject } from 'vitest'
import { networkBench, sqliteBench } from '../support/benches.js'
import { testCutPoints } from '../support/cut-points.js'

describe.skipIf(inject('pawlPostgres') === null)('sessions in PostgreSQL', () => {
  testCutPoints(networkBench, { ways: ['cut', 'killed'] })
})

describe('sessions in SQLite', () => {
  testCutPoints(sqliteBench, { ways: ['killed'] })
})
