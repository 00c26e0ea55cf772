import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, inject, test } from 'vitest'
import { usersSuite } from '../src/testing/index.js'
import { createDatabase } from './support/engines.js'
import { followGuide, startExample, stopExamples } from './support/examples.js'
import { exampleFolder, isInstalled } from './support/installed.js'

const FOLDER = exampleFolder('custom-users-prisma')
const isMissing = inject('pawlPostgres') === null || !isInstalled('custom-users-prisma')

describe.skipIf(isMissing)('custom-users-prisma', () => {
  const closing: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    // Nothing here runs the program that Prisma would fetch for its migrations.
    const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true' }
    execFileSync(join(FOLDER, 'node_modules/.bin/prisma'), ['generate'], { cwd: FOLDER, env })
    await build({
      entryPoints: ['server', 'database', 'users'].map(name => join(FOLDER, `${name}.ts`)),
      bundle: true,
      splitting: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      outdir: join(FOLDER, 'dist'),
      logLevel: 'warning',
    })
  }, 600_000)

  afterAll(async () => {
    await stopExamples()
    for (const close of closing) await close()
  })

  usersSuite(
    async () => {
      const load = (name: string) =>
        import(new URL(`../examples/custom-users-prisma/dist/${name}.js`, import.meta.url).href)
      const { openDatabase } = await load('database')
      const { prismaUsers } = await load('users')
      const { pool, prisma } = await openDatabase(await createDatabase(inject('pawlPostgres') as string))
      closing.push(async () => {
        await prisma.$disconnect()
        await pool.end()
      })
      return prismaUsers(prisma)
    },
    { test },
  )

  test('follows the guide', async () => {
    const DATABASE_URL = await createDatabase(inject('pawlPostgres') as string)
    const { url } = await startExample('custom-users-prisma/dist', { DATABASE_URL })
    await followGuide(url, '/api/v1', '/profile')
  })
})
