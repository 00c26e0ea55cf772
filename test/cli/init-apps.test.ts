import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterEach, describe, expect, inject, test } from 'vitest'
import { type Database, type Framework, readProject } from '../../src/cli/init/project.js'
import { usageOf } from '../../src/cli/init/usage.js'
import { createDatabase } from '../support/engines.js'
import { stopExample } from '../support/examples.js'
import { register, registrationForm, send } from '../support/guide.js'
import { projectWith } from '../support/refusal.js'
import { type Described, initIn, install, newProject, write } from './projects.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const postgres = inject('pawlPostgres')
const exec = promisify(execFile)
const DATABASES: readonly Database[] = ['sqlite', 'postgres']

const PACKAGES: Readonly<Record<Framework, readonly string[]>> = {
  next: ['next'],
  nest: ['@nestjs/core'],
  express: ['express'],
  fastify: ['fastify'],
  hono: ['hono'],
  koa: ['koa'],
  node: [],
}

const HEARD = "server => server.on('listening', () => console.log('port', server.address().port))"

/** What stands around the lines that init prints, in an app. */
const APPS: Readonly<Record<Exclude<Framework, 'next'>, readonly [before: string, after: string]>> = {
  express: ["import express from 'express'\nconst app = express()", 'heard(app.listen(0))'],
  fastify: [
    "import fastify from 'fastify'\nconst app = fastify()",
    'app.listen({ port: 0 }).then(() => heard(app.server).emit("listening"))',
  ],
  hono: [
    "import { serve } from '@hono/node-server'\nimport { Hono } from 'hono'\nconst app = new Hono()",
    'heard(serve({ fetch: app.fetch, port: 0 }))',
  ],
  koa: ["import Koa from 'koa'\nconst app = new Koa()", 'heard(app.listen(0))'],
  node: [
    "import * as http from 'node:http'\nconst createServer = (listener: http.RequestListener) => heard(http.createServer(listener))",
    '',
  ],
  nest: ["import { NestFactory } from '@nestjs/core'\nconst app = await NestFactory.create(class App {})", ''],
}

/** The lines that init prints, a text each. */
function linesFor(folder: string): string[] {
  return usageOf(readProject(folder, { env: {} })).map(({ lines }) => lines.join('\n'))
}

async function initialized(framework: Framework, described: Described, database?: Database): Promise<string> {
  const folder = newProject({ ...described, uses: [...PACKAGES[framework], ...(described.uses ?? [])] })
  install(folder)
  const said = await initIn(folder, { database })
  for (const line of linesFor(folder).flatMap(text => text.split('\n'))) expect(said).toContain(line)
  return folder
}

async function compiled(folders: readonly string[], options: object): Promise<string> {
  const config = {
    compilerOptions: {
      target: 'es2022',
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      experimentalDecorators: true,
      skipLibCheck: true,
      noEmit: true,
      ...options,
    },
    include: folders.map(folder => `${folder}/**/*.ts`),
  }
  const project = projectWith({ 'tsconfig.json': JSON.stringify(config) })
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc')
  const { stdout } = await exec(tsc, ['-p', project], { cwd: ROOT }).catch(error => error)
  return stdout
}

describe('what is written and printed compiles', () => {
  const types = { type: 'module', develops: ['typescript'] } as const

  test('in every framework that Node runs, on both databases', async () => {
    const folders: string[] = []
    for (const [framework, [before, after]] of Object.entries(APPS)) {
      for (const database of DATABASES) {
        const folder = await initialized(framework as Framework, { ...types, files: { 'src/': '' } }, database)
        folders.push(folder)
        const [main = '', ...rest] = linesFor(folder)
        const heard = 'const heard = <T>(server: T): T & { emit(name: string): void } => server as never'
        write(folder, { 'src/main.ts': [before, heard, main, after].join('\n') })
        for (const text of rest) write(folder, { 'src/rest.ts': `${text}\nexport class Me {}\n` })
      }
    }
    const fastify = { ...types, uses: ['@nestjs/platform-fastify'] }
    const nest = await initialized('nest', fastify)
    const [main = ''] = linesFor(nest)
    expect(main).toContain('await app.register(authPlugin(auth))')
    const adapter = "import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'"
    const before = APPS.nest[0].replace(
      'create(class App {})',
      'create<NestFastifyApplication>(class App {}, new FastifyAdapter())',
    )
    write(nest, { 'main.ts': [adapter, before, main].join('\n') })
    expect(await compiled([...folders, nest], { module: 'nodenext' })).toBe('')
  })

  test('in Next', async () => {
    const folders: string[] = []
    for (const database of DATABASES) {
      const folder = await initialized('next', { develops: types.develops, files: { 'src/app/': '' } }, database)
      folders.push(folder)
      const [config = '', route = ''] = linesFor(folder)
      write(folder, { 'next.config.ts': `export default {\n${config}\n}\n`, 'src/app/me/route.ts': route })
    }
    expect(await compiled(folders, { module: 'esnext', moduleResolution: 'bundler' })).toBe('')
  })
})

const children: ReturnType<typeof spawn>[] = []
afterEach(async () => {
  await Promise.all(children.splice(0).map(stopExample))
})

/** Starts a file of a project with what `.env` says, and gives its URL. */
async function started(folder: string, file: string): Promise<string> {
  const child = spawn(process.execPath, ['--env-file=.env', file], { cwd: folder, env: { PATH: process.env.PATH } })
  children.push(child)
  let errors = ''
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  return new Promise((resolve, reject) => {
    child.once('exit', code => reject(new Error(`it exited with ${code}: ${errors}`)))
    child.stdout.on('data', chunk => {
      const port = /port (\d+)/.exec(String(chunk))?.[1]
      if (port) resolve(`http://127.0.0.1:${port}`)
    })
  })
}

async function databaseFor(database: Database): Promise<Record<string, string>> {
  return database === 'sqlite' ? {} : { '.env': `DATABASE_URL=${await createDatabase(postgres as string)}\n` }
}

describe('what is written and printed runs', () => {
  const cases = Object.keys(APPS)
    .filter(name => name !== 'nest')
    .flatMap(name => DATABASES.map(database => [name as keyof typeof APPS, database] as const))

  test.each(cases)('%s on %s: people register, sign in and are known', async (framework, database) => {
    if (database === 'postgres' && postgres === null) return
    const isModule = framework !== 'koa'
    const files = await databaseFor(database)
    const folder = await initialized(framework, isModule ? { type: 'module', files } : { files })
    const [before, after] = APPS[framework]
    const [main = ''] = linesFor(folder)
    const text = [before.replace(': http.RequestListener', ''), `const heard = ${HEARD}`, main, after].join('\n')
    write(folder, { 'server.mjs': text.replace('listen(4000)', 'listen(0)') })

    const url = await started(folder, 'server.mjs')
    const api = `${url}/api/v1`
    await register(api)
    const { status, json } = await send(api, 'POST', '/session', { body: registrationForm() })
    expect(status).toBe(200)
    expect((await send(url, 'GET', '/me')).status).toBe(401)
    const me = await send(url, 'GET', '/me', { token: json.data.access_token })
    expect([me.status, me.text]).toEqual([200, expect.stringContaining('test@example.com')])
    expect(existsSync(join(folder, 'app.db'))).toBe(database === 'sqlite')
  })
})

/** Loads Next's route twice, as development does after a change, and uses both. */
const RELOADED = `
const form = new URLSearchParams(process.argv[2])
const post = async (route, path) => {
  const request = new Request('http://localhost/api/v1' + path, { method: 'POST', body: form })
  return (await route.POST(request, {})).status
}
const kept = () => globalThis.pawlPool ?? globalThis.pawlDatabase
const first = await import('./route.mjs?1')
const one = kept()
const second = await import('./route.mjs?2')
const used = process.argv[2] === '' ? [] : [await post(first, '/registration'), await post(second, '/session')]
console.log(JSON.stringify({ different: first.POST !== second.POST, same: one !== undefined && one === kept(), used }))
process.exit()
`

describe('in Next', () => {
  async function reloaded(database: Database, files: Record<string, string>, env: object, form: string) {
    const folder = await initialized('next', { develops: ['typescript'], files: { ...files, 'app/': '' } }, database)
    await build({
      entryPoints: [join(folder, 'app/api/v1/[...pawl]/route.ts')],
      outfile: join(folder, 'route.mjs'),
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
    })
    write(folder, { 'twice.mjs': RELOADED })
    const args = ['--env-file=.env', 'twice.mjs', form]
    const { stdout } = await exec(process.execPath, args, { cwd: folder, env: { PATH: process.env.PATH, ...env } })
    return { folder, told: JSON.parse(stdout) }
  }

  test.each(DATABASES)('a reload keeps the database open, on %s', async database => {
    if (database === 'postgres' && postgres === null) return
    const { told } = await reloaded(database, await databaseFor(database), {}, String(registrationForm()))
    expect(told).toEqual({ different: true, same: true, used: [200, 200] })
  })

  test.each(DATABASES)('a build reaches for no database, on %s', async database => {
    const files = database === 'sqlite' ? {} : { '.env': 'DATABASE_URL=postgres://nobody@127.0.0.1:1/none\n' }
    const env = { NEXT_PHASE: 'phase-production-build' }
    const { folder, told } = await reloaded(database, files, env, '')
    expect(told).toEqual({ different: true, same: true, used: [] })
    expect(existsSync(join(folder, 'app.db'))).toBe(false)
  })
})
