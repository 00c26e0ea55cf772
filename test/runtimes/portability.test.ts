import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type BuildOptions, build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { PASSWORD, pairOf, register, registrationForm, send } from '../support/guide.js'
import { type Program, type Running, run } from '../support/processes.js'
import type { Runtime } from '../support/runtimes.js'
import { newFolder } from '../support/server.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const EXAMPLE = join(ROOT, 'examples', 'standalone-web')
const SECRET = 'a secret for tests, and for tests alone'

/** An app's folder with the example in it, the built package, and the packages it needs there. */
function appFolder(...packages: string[]): string {
  const folder = newFolder()
  cpSync(EXAMPLE, folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "dependencies": { "pawl": "*" } }')
  const modules = join(folder, 'node_modules')
  for (const name of packages) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
  for (const part of ['package.json', 'dist']) {
    cpSync(join(ROOT, part), join(modules, 'pawl', part), { recursive: true })
  }
  return folder
}

const quoted = (text: string) => JSON.stringify(text)

const AS_WRANGLER = {
  bundle: true,
  format: 'esm',
  platform: 'browser',
  conditions: ['workerd', 'worker', 'browser'],
  external: ['node:*'],
  logLevel: 'silent',
} as const satisfies BuildOptions

/** Bundles the example as `wrangler` does, and writes a configuration that says what `wrangler.json` says. */
async function bundleWorker(folder: string): Promise<void> {
  const { main, compatibility_date, compatibility_flags, vars } = JSON.parse(
    readFileSync(join(folder, 'wrangler.json'), 'utf8'),
  )
  await build({
    entryPoints: [join(folder, main)],
    outfile: join(folder, 'bundle.js'),
    ...AS_WRANGLER,
  })
  const bindings = Object.entries(vars as Record<string, string>).map(
    ([name, text]) => `(name = ${quoted(name)}, text = ${quoted(text)})`,
  )
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "app", worker = .app)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "app")]
);
const app :Workerd.Worker = (
  modules = [(name = "bundle.js", esModule = embed "bundle.js")],
  compatibilityDate = ${quoted(compatibility_date)},
  compatibilityFlags = [${compatibility_flags.map(quoted).join(', ')}],
  bindings = [${bindings.join(', ')}]
);
`
  writeFileSync(join(folder, 'config.capnp'), config)
}

type Start = Pick<Program, 'args' | 'ready' | 'folder'>

const environment = (folder: string, port: number) => ({ PORT: String(port), AUTH_SECRET: SECRET, DENO_DIR: folder })

// Bun and Deno get no native package, so that needing one shows. A bundler has to cope with finding it.
const STARTS: Record<Runtime, () => Promise<Start>> = {
  bun: async () => ({
    folder: appFolder(),
    args: () => ['--no-install', 'bun.js'],
    ready: /listening on/,
  }),
  deno: async () => ({
    folder: appFolder(),
    args: () => [
      'run',
      '--cached-only',
      '--node-modules-dir=manual',
      '--allow-net=127.0.0.1',
      '--allow-env=PORT,AUTH_SECRET',
      'deno.js',
    ],
    ready: /listening on/,
  }),
  workerd: async () => {
    const folder = appFolder('@node-rs/argon2')
    await bundleWorker(folder)
    return {
      folder,
      args: port => ['serve', '--control-fd=1', `--socket-addr=http=127.0.0.1:${port}`, 'config.capnp'],
      ready: /"event":"listen"/,
    }
  },
}

const form = (email: string, password = PASSWORD) =>
  new URLSearchParams({ 'user[email]': email, 'user[password]': password })

describe.each(Object.entries(inject('pawlRuntimes')))('on %s', (name, program) => {
  // The set-up has said so, and refused where nothing may be skipped.
  const testThere = test.skipIf(program === null)

  let server: Running
  let url = ''
  let api = ''

  beforeAll(async () => {
    const start = await STARTS[name as Runtime]()
    const env = (port: number) => environment(start.folder, port)
    server = await run({
      ...start,
      ...{ command: program as string, env, stopSignal: 'SIGTERM', abortSignal: 'SIGKILL', keepFolder: false },
    })
    url = `http://127.0.0.1:${server.port}`
    api = `${url}/api/v1`
  })
  afterAll(() => server?.stop())

  const profile = (token?: string) => send(url, 'GET', '/profile', token === undefined ? {} : { token })
  const renew = (token: string) => send(api, 'POST', '/session/renew', { token })

  testThere('the Web adapter follows the guide', async () => {
    const email = 'guide@example.com'
    const { access, renewal } = await register(api, email)
    expect(await profile(access)).toMatchObject({ status: 200, json: { hello: email } })
    for (const token of [undefined, renewal, `${access.slice(0, -1)}.`]) {
      expect((await profile(token)).status).toBe(401)
    }

    const wrong = await send(api, 'POST', '/session', { body: form(email, 'wrong password') })
    expect(wrong).toMatchObject({ status: 401, json: { error: { message: 'Invalid email or password' } } })
    const unknown = await send(api, 'POST', '/session', { body: form('nobody@example.com') })
    expect(unknown).toMatchObject({ status: 401, json: wrong.json })
    const other = pairOf(await send(api, 'POST', '/session', { body: form(email) }))

    const renewed = pairOf(await renew(renewal))
    expect((await profile(access)).status).toBe(401)
    expect((await profile(renewed.access)).status).toBe(200)
    expect(await renew(renewal)).toMatchObject({ status: 401, json: { error: { message: 'Invalid token' } } })

    expect(await send(api, 'DELETE', '/session', { token: renewed.access })).toMatchObject({
      status: 200,
      json: { data: {} },
    })
    expect((await profile(renewed.access)).status).toBe(401)
    expect((await renew(renewed.renewal)).status).toBe(401)
    expect((await profile(other.access)).status).toBe(200)
  })

  testThere('of fifty renewals of one token exactly one wins, and its pair lives', async () => {
    const { access, renewal } = await register(api, 'fifty@example.com')
    const answers = await Promise.all(Array.from({ length: 50 }, () => renew(renewal)))
    const won = answers.filter(({ status }) => status === 200)
    expect(won).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(49)
    expect((await profile(access)).status).toBe(401)
    const pair = pairOf(won[0] as (typeof answers)[number])
    expect((await profile(pair.access)).status).toBe(200)
    expect((await renew(pair.renewal)).status).toBe(200)
  })

  testThere('takes JSON and multipart bodies', async () => {
    const user = { email: 'json@example.com', password: PASSWORD, password_confirmation: PASSWORD }
    const headers = { 'content-type': 'application/json' }
    const registered = await send(api, 'POST', '/registration', { headers, body: JSON.stringify({ user }) })
    expect((await profile(pairOf(registered).access)).json).toEqual({ hello: 'json@example.com' })

    const fields = new FormData()
    for (const [field, value] of registrationForm('multipart@example.com')) fields.set(field, value)
    const answer = await fetch(`${api}/registration`, { method: 'POST', body: fields })
    const { data } = (await answer.json()) as { data: { access_token: string } }
    expect((await profile(data.access_token)).json).toEqual({ hello: 'multipart@example.com' })
  })

  testThere('refuses a body that is too large, whether it says so or not', async () => {
    const body = new URLSearchParams({ 'user[email]': 'x'.repeat(70_000) }).toString()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await send(api, 'POST', '/session', { headers, body })).status).toBe(413)
    const stream = new Response(body).body
    const init: RequestInit = { method: 'POST', headers, body: stream, duplex: 'half' }
    expect((await fetch(`${api}/session`, init)).status).toBe(413)
  })

  testThere("signs in in the app's own handler, and answers what it throws", async () => {
    const email = 'login@example.com'
    await register(api, email)
    const { status, headers, json } = await send(url, 'POST', '/login', { body: form(email) })
    expect({ status, hello: json.hello }).toEqual({ status: 200, hello: email })
    expect(headers.get('cache-control')).toBe('no-store')
    expect((await profile(json.tokens.accessToken)).json).toEqual({ hello: email })
    const wrong = await send(url, 'POST', '/login', { body: form(email, 'wrong password') })
    expect(wrong).toMatchObject({ status: 401, json: { error: { message: 'Invalid email or password' } } })
    expect((await send(url, 'GET', '/nowhere')).status).toBe(404)
  })

  testThere('answers sign-ins that wait for each other, also when others hang up', async () => {
    const email = 'crowd@example.com'
    await register(api, email)
    const signIn = (signal?: AbortSignal) =>
      fetch(`${api}/session`, { method: 'POST', body: form(email), ...(signal && { signal }) })
    const leaving = new AbortController()
    const left = Array.from({ length: 4 }, () => signIn(leaving.signal).catch(() => null))
    const first = await signIn()
    leaving.abort()
    await Promise.all(left)
    const stayed = await Promise.all([signIn(), signIn(), signIn()])
    for (const { status } of [first, ...stayed]) expect(status).toBe(200)
  })

  testThere("tells a session the peer's address where the runtime knows it", async () => {
    const { access } = await register(api, 'address@example.com')
    const { json } = await send(api, 'GET', '/session', { token: access })
    expect(json.data.session.device.created.address).toBe(name === 'workerd' ? null : '127.0.0.1')
  })
})

test('where native code cannot run, Argon2id says what to use instead', async () => {
  const code = "import { argon2Hasher } from 'pawl'; await argon2Hasher().hash('secret1234')"
  const stdin = { contents: code, resolveDir: ROOT }
  const { outputFiles } = await build({ ...AS_WRANGLER, stdin, minify: true, write: false })
  const args = ['--input-type=module', '--eval', outputFiles[0]?.text ?? '']
  await expect(promisify(execFile)(process.execPath, args)).rejects.toThrow(/TypeError: .*`hasher: scryptHasher\(\)`/)
})
