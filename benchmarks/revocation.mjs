// How long a session that was ended on one server is admitted by another: from the answer to the end on A until the
// first refusal by B, with and without a near cache on B. Two `pawl serve` processes, a Redis of their own.
// node benchmarks/revocation.mjs [ends] [at once]
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createAuth } from 'pawl'
import { openSqlite } from 'pawl/sqlite'
import { redisStore } from 'pawl/stores/redis'
import { cheapHasher, testExchange } from 'pawl/testing'
import { sqlUsers } from 'pawl/users/sql'
import { createClient } from 'redis'

const [ends = 10_000, atOnce = 4] = process.argv.slice(2).map(Number)
const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const REDIS_PORT = 20_000 + (process.pid % 10_000)
const REDIS_URL = `redis://127.0.0.1:${REDIS_PORT}`
const SECRET = 'a secret for benchmarks and for benchmarks alone'
const PASSWORD = 'secret1234'
/** Sessions of one person: as many as make a list of ordinary length. */
const EACH = 10
const BAR_MS = 10

const folder = mkdtempSync(join(tmpdir(), 'pawl-bench-'))
const file = join(folder, 'pawl.db')
const agent = new Agent({ keepAlive: true })
const children = []
process.on('exit', () => {
  for (const child of children) child.kill()
  rmSync(folder, { recursive: true, force: true })
})

/** Starts a program and gives it with the first output that says it is ready. */
async function start(command, args, env, ready) {
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  let text = ''
  let errors = ''
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    text += chunk
    if (text.includes(ready)) break
  }
  if (!text.includes(ready)) throw new Error(`${command} did not start: ${errors}`)
  child.stdout.resume()
  return { child, text }
}

async function startServer(nearCache) {
  const env = {
    DATABASE_URL: `sqlite:${file}`,
    PAWL_NEAR_CACHE: String(nearCache),
    PAWL_PORT: '0',
    PAWL_SECRET: SECRET,
    REDIS_URL,
  }
  const { child, text } = await start(process.execPath, [MAIN, 'serve'], env, '"listening"')
  const line = text.split('\n').find(each => each.includes('"listening"'))
  return { child, port: new URL(JSON.parse(line).url).port }
}

/** Gives the status of an answer. */
function send({ port }, method, token) {
  return new Promise((resolve, reject) => {
    const path = '/api/v1/session'
    const outgoing = request({ port, method, path, headers: { authorization: token }, agent }, response => {
      response.resume()
      response.on('end', () => resolve(response.statusCode))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

/** Signs people in beside the servers, without the cost of hashing. */
async function signIns(count) {
  const client = await createClient({ url: REDIS_URL }).connect()
  const database = await openSqlite(file)
  const options = { secret: SECRET, users: sqlUsers(database), hasher: cheapHasher(), deadlineMs: 10_000 }
  const auth = createAuth({ ...options, store: redisStore(client, { deadlineMs: 10_000 }) })
  async function post(path, user) {
    const { status, body } = await auth.respond(testExchange('POST', `/api/v1${path}`, { json: { user } }))
    expectStatus(status, 200, path)
    return JSON.parse(body).data.access_token
  }
  const tokens = []
  while (tokens.length < count) {
    const person = { email: `${randomUUID()}@example.com`, password: PASSWORD }
    tokens.push(await post('/registration', { ...person, password_confirmation: PASSWORD }))
    for (let more = 1; more < EACH; more++) tokens.push(await post('/session', person))
  }
  client.destroy()
  database.close()
  return tokens.slice(0, count)
}

function expectStatus(actual, expected, what) {
  if (actual !== expected) throw new Error(`${what} answered ${actual}, not ${expected}`)
}

/**
 * Ends a session that B has read a moment ago. Gives the ms until B refused it, and until the last request that B
 * admitted was sent; null when it admitted none.
 */
async function endOne(a, b, token) {
  expectStatus(await send(b, 'GET', token), 200, 'the first check')
  expectStatus(await send(b, 'GET', token), 200, 'the second check')
  expectStatus(await send(a, 'DELETE', token), 200, 'the end')
  const ended = performance.now()
  const spent = () => performance.now() - ended
  let admitted = null
  for (;;) {
    const sent = spent()
    const status = await send(b, 'GET', token)
    if (status !== 200) {
      expectStatus(status, 401, 'the check after the end')
      return { refused: spent(), admitted }
    }
    admitted = sent
  }
}

async function measure(name, nearCache, bar) {
  const a = await startServer(false)
  const b = await startServer(nearCache)
  const tokens = await signIns(ends)
  const results = []
  const lane = async () => {
    for (let token = tokens.pop(); token !== undefined; token = tokens.pop()) results.push(await endOne(a, b, token))
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  for (const { child } of [a, b]) child.kill()
  const sorted = results.map(({ refused }) => refused).sort((x, y) => x - y)
  const percentile = share => sorted[Math.ceil(sorted.length * share) - 1].toFixed(2)
  const late = results.map(({ admitted }) => admitted).filter(each => each !== null)
  const latest = late.length > 0 ? `, at most ${Math.max(...late).toFixed(2)} ms after` : ''
  console.log(
    `${name}: ${sorted.length} ends, ms until refused: p50 ${percentile(0.5)}, p99 ${percentile(0.99)}${bar}, ` +
      `max ${percentile(1)}; admitted after their end: ${late.length}${latest}`,
  )
}

console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, ${atOnce} ends at once`)
const args = ['--port', REDIS_PORT, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'].map(String)
await start('redis-server', args, {}, 'Ready to accept')
await measure('without a near cache', false, '')
await measure('with a near cache', true, ` (bar ${BAR_MS})`)
process.exit()
