import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { compileAlone } from '../support/type-project.js'

const { exports: subpaths, peerDependencies } = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8'),
)

/** What a package of the peer's is called in an error. */
const PEERS: Readonly<Record<string, string>> = {
  express: 'express',
  fastify: 'fastify',
  hono: 'hono',
  koa: 'koa',
  // Its middleware is Express's, with which Nest comes.
  nest: 'express',
  next: 'next',
}

/** It imports from two entries of its peer's. */
const MOST_ERRORS: Readonly<Record<string, number>> = { hono: 2 }

const entries = Object.keys(subpaths).filter(subpath => subpath !== './package.json')
const importOf = (subpath: string) =>
  `import * as entry from '${subpath.replace('.', 'pawl')}'\nexport const names: object = entry\n`
const files = (list: readonly string[]) =>
  Object.fromEntries(list.map((subpath, index) => [`entry-${index}.ts`, importOf(subpath)]))

test('without any peer an app that skips the checks of libraries compiles with every entry', async () => {
  expect(entries.length).toBeGreaterThan(15)
  expect((await compileAlone(files(entries))).errors).toEqual([])
})

test('entries of no framework ask for no peer, even where libraries are checked', { timeout: 120_000 }, async () => {
  const free = entries.filter(subpath => !/^\.\/(?:express|fastify|hono|koa|nest|next)$/.test(subpath))
  expect((await compileAlone(files(free), { skipLibCheck: false })).errors).toEqual([])
})

test.each(Object.entries(PEERS))(
  'without its framework the adapter of %s is at most one error, which names it',
  async (name, peer) => {
    expect(peerDependencies).toHaveProperty(peer)
    const { errors } = await compileAlone(files([`./${name}`]), { skipLibCheck: false })
    expect(errors.length).toBeLessThanOrEqual(MOST_ERRORS[name] ?? 1)
    for (const error of errors) expect(error).toContain(`Cannot find module '${peer}`)
  },
)
