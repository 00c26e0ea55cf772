// What the Express adapter costs by itself: processor time of a guarded GET, side by side in one run.
// node benchmarks/express.mjs [rounds] [seconds]
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'
import express from 'express'
import { createAuth, memoryUsers } from 'pawl'
import { authMiddleware, requireAuthenticated } from 'pawl/express'
import { testExchange } from 'pawl/testing'

const BAR_MICROSECONDS = 10
const HELLO = { data: { hello: 'world' } }
const NAMES = ['bare', 'by-hand', 'adapter']

/** The least that asks the core the same question. */
function byHand(auth) {
  return (request, response, next) => {
    const ctx = auth.open({
      method: request.method,
      target: request.originalUrl,
      address: null,
      header: name => request.headers[name] ?? null,
      readBody: async () => new Uint8Array(),
    })
    if (!ctx.authenticated) return response.status(401).end()
    request.auth = ctx
    next()
  }
}

/** One server, in a process of its own. Tells its processor time when asked. */
async function serve(name) {
  const secret = 'a secret for benchmarks, and for benchmarks alone'
  const auth = createAuth({ secret, users: memoryUsers(), session: { access: '1d' } })
  const user = { email: 'bench@example.com', password: 'secret1234', password_confirmation: 'secret1234' }
  const { body } = await auth.respond(testExchange('POST', '/api/v1/registration', { json: { user } }))
  const app = express()
  const answer = (_request, response) => response.json(HELLO)
  if (name === 'bare') app.get('/me', answer)
  if (name === 'by-hand') app.get('/me', byHand(auth), answer)
  if (name === 'adapter') app.use(authMiddleware(auth)).get('/me', requireAuthenticated(auth), answer)
  const server = app.listen(0, '127.0.0.1', () => {
    process.send({ port: server.address().port, token: JSON.parse(body).data.access_token })
  })
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    process.send(user + system)
  })
}

async function start(name) {
  const child = fork(fileURLToPath(import.meta.url), ['serve', name])
  const [{ port, token }] = await once(child, 'message')
  return { child, port, token }
}

async function timeOf(child) {
  child.send('time')
  return (await once(child, 'message'))[0]
}

/** Microseconds of processor time a request. */
async function measure({ child, port, token }, duration) {
  const before = await timeOf(child)
  const headers = { authorization: token }
  const result = await autocannon({ url: `http://127.0.0.1:${port}/me`, connections: 16, duration, headers })
  if (result.non2xx > 0) throw new Error(`${result.non2xx} answers were not 2xx`)
  return ((await timeOf(child)) - before) / result.requests.total
}

const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

async function compare(rounds, seconds) {
  console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, ${rounds} rounds of ${seconds} s`)
  const servers = Object.fromEntries(await Promise.all(NAMES.map(async name => [name, await start(name)])))
  const times = { bare: [], 'by-hand': [], adapter: [] }
  for (const name of NAMES) await measure(servers[name], seconds)
  for (let round = 0; round < rounds; round++) {
    // Alternating who goes first: the machine's mood is shared fairly.
    for (const name of round % 2 ? NAMES.toReversed() : NAMES) times[name].push(await measure(servers[name], seconds))
  }
  const added = (name, base) => median(times[name].map((time, round) => time - times[base][round])).toFixed(1)
  for (const name of NAMES) console.log(`${name}: ${median(times[name]).toFixed(1)} µs a request`)
  console.log(`the check, asked by hand: ${added('by-hand', 'bare')} µs`)
  console.log(`the adapter by itself: ${added('adapter', 'by-hand')} µs (bar ${BAR_MICROSECONDS})`)
  for (const { child } of Object.values(servers)) child.kill()
}

const [first, second] = process.argv.slice(2)
if (first === 'serve') await serve(second)
else await compare(Number(first ?? 7), Number(second ?? 2))
