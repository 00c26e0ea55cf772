import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, inject, test } from 'vitest'
import { usersSuite } from '../src/testing/index.js'
import { createDatabase } from './support/engines.js'
import { followGuide, startExample, stopExamples } from './support/examples.js'
import { installExample } from './support/installed.js'

const FOLDER = fileURLToPath(new URL('../examples/custom-users-prisma', import.meta.url))

describe.skipIf(inject('pawlPostgres') === null)('custom-users-prisma', () => {
  const closing: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    installExample(FOLDER)
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
