// A guarded route while 32 clients sign in without a pause, in one process. Prints the latency of the guarded route.
// node benchmarks/storm.mjs [seconds]
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'

const [seconds = 10] = process.argv.slice(2).map(Number)
const SIGN_INS = 32
const GUARDED_EVERY_MS = 5

const FILE = fileURLToPath(new URL('./servers.mjs', import.meta.url))
const child = fork(FILE, ['user-memory'], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
const [line] = await once(child.stdout, 'data')
const { port, token } = JSON.parse(line)
const agent = new Agent({ keepAlive: true })

function send(method, path, headers, body) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, method, path, headers, agent }, response => {
      response.resume()
      response.on('end', () => resolve(response.statusCode))
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

const body = JSON.stringify({ user: { email: 'bench@example.com', password: 'secret1234' } })
const statuses = {}
const latencies = []
const quiet = []
let over = false

async function signInUntilOver() {
  while (!over) {
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    const status = await send('POST', '/api/v1/session', headers, body)
    statuses[status] = (statuses[status] ?? 0) + 1
  }
}

/** One guarded request every few ms, whether the last one was answered or not: a slow answer hides no other. */
async function guard(into, ms) {
  const pending = []
  const end = performance.now() + ms
  while (performance.now() < end) {
    const started = performance.now()
    pending.push(send('GET', '/me', { authorization: token }).then(() => into.push(performance.now() - started)))
    await new Promise(resolve => setTimeout(resolve, GUARDED_EVERY_MS))
  }
  await Promise.all(pending)
}

const percentile = (values, p) => values.toSorted((a, b) => a - b)[Math.floor(values.length * p)].toFixed(1)
const show = values =>
  `p50 ${percentile(values, 0.5)} ms, p99 ${percentile(values, 0.99)} ms, max ${percentile(values, 0.9999)} ms`

console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}`)
await guard(quiet, 2000)
console.log(`guarded, quiet: ${show(quiet)} (${quiet.length} requests)`)
const storm = Array.from({ length: SIGN_INS }, signInUntilOver)
await guard(latencies, seconds * 1000)
over = true
await Promise.all(storm)
console.log(
  `guarded, ${SIGN_INS} concurrent sign-ins for ${seconds} s: ${show(latencies)} (${latencies.length} requests)`,
)
console.log(`sign-ins by status: ${JSON.stringify(statuses)}`)
child.kill()
agent.destroy()
