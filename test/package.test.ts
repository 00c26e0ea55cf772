import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

/** The size of what an app gets that imports `code`, minified and compressed. */
async function bundle(code: string): Promise<{ bytes: number; inputs: string[] }> {
  const result = await build({
    stdin: { contents: code, resolveDir: ROOT },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    external: ['@node-rs/argon2'],
  })
  return { bytes: gzipSync(result.outputFiles[0]?.contents ?? '').length, inputs: Object.keys(result.metafile.inputs) }
}

test('every export is a file that loads', async () => {
  const paths = Object.keys(manifest.exports).filter(path => path !== './package.json')
  expect(paths.length).toBeGreaterThan(5)
  for (const path of paths) {
    expect(existsSync(join(ROOT, manifest.exports[path])), path).toBe(true)
    expect(Object.keys(await import(join('pawl', path))).length, path).toBeGreaterThanOrEqual(
      path === './protocol' ? 0 : 1,
    )
  }
})

test('the core, without server and SQL, bundles under 25 KB', async () => {
  const { bytes, inputs } = await bundle("export { createAuth, memoryStore, memoryUsers, Problem } from 'pawl'")
  expect(inputs.filter(input => /kysely|server\/|sqlite/.test(input))).toEqual([])
  expect(bytes).toBeLessThan(25 * 1024)
  // A bundle of nothing would pass too.
  expect(bytes).toBeGreaterThan(5 * 1024)
  const listener = await bundle(
    "export { createAuth, memoryStore, memoryUsers } from 'pawl'; export { authListener } from 'pawl/node'",
  )
  expect(listener.bytes - bytes).toBeLessThan(2.5 * 1024)
})

test("the README's configuration costs under 5,000 type instantiations", () => {
  mkdirSync(join(ROOT, '.tmp'), { recursive: true })
  const folder = mkdtempSync(join(ROOT, '.tmp', 'cost-'))
  const code = `import { createAuth } from 'pawl'
import { migrate } from 'pawl/migrations'
import { authListener, requireAuthenticated } from 'pawl/node'
import { openSqlite } from 'pawl/sqlite'
import { sqliteStore } from 'pawl/stores/sqlite'
import { sqlUsers } from 'pawl/users/sql'

const database = await openSqlite('pawl.db')
await migrate(database)
export const auth = createAuth({ secret: 'x', users: sqlUsers(database), store: sqliteStore(database) })
export const listener = authListener(auth, requireAuthenticated(auth, (request, response) => {
  response.end(request.auth.user?.email)
}))
`
  const compilerOptions = { strict: true, exactOptionalPropertyTypes: true, module: 'nodenext', target: 'es2023' }
  const options = { ...compilerOptions, noEmit: true, skipLibCheck: true, types: ['node'] }
  const instantiations = (source: string) => {
    writeFileSync(join(folder, 'auth.ts'), source)
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, include: ['auth.ts'] }))
    const tsc = join(ROOT, 'node_modules', '.bin', 'tsc')
    const output = execFileSync(tsc, ['-p', folder, '--extendedDiagnostics'], { cwd: ROOT, encoding: 'utf8' })
    return Number(/Instantiations:\s+(\d+)/.exec(output)?.[1])
  }
  try {
    const cost = instantiations(code)
    expect(cost).toBeGreaterThan(0)
    expect(cost).toBeLessThan(5000)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}, 120_000)
