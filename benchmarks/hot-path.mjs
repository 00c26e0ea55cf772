// Guarded GET against a bare node:http server answering the same JSON, side by side in one run.
// node benchmarks/hot-path.mjs [rounds] [seconds] [case]
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import autocannon from 'autocannon'

const [rounds = 7, seconds = 3] = process.argv.slice(2, 4).map(Number)
const FILE = fileURLToPath(new URL('./servers.mjs', import.meta.url))
const CASES = [
  ['session-memory', 'bare', 0.75],
  ['user-memory', 'bare', null],
  ['user-sqlite', 'bare', 0.5],
  ['forged', 'bare-401', 0.75],
  ['forged', 'bare-401-whole', null],
  ['session-redis', 'redis-by-hand', 1],
  ['session-near-cache', 'bare', 0.7],
]
const REDIS_PORT = 20_000 + (process.pid % 10_000)
const REDIS_URL = `redis://127.0.0.1:${REDIS_PORT}`

/** A Redis of its own for the cases that need one. */
async function startRedis() {
  const args = ['--port', REDIS_PORT, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'].map(String)
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const chunk of child.stdout) if (String(chunk).includes('Ready to accept')) break
  return child
}

async function start(name) {
  const child = fork(FILE, [name, REDIS_URL], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const [line] = await once(child.stdout, 'data')
  return { child, ...JSON.parse(line) }
}

async function measure({ port, token }, refused) {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}/me`,
    connections: 32,
    duration: seconds,
    headers: { authorization: token },
  })
  // A server that fails is quick: every answer must be the one that is measured.
  if (result.non2xx !== (refused ? result.requests.total : 0)) throw new Error(`${result.non2xx} answers were not 2xx`)
  return result.requests.total / result.duration
}

const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, ${rounds} rounds of ${seconds} s`)
const only = process.argv[4]
const redis = await startRedis()
for (const [name, base, bar] of CASES.filter(([name]) => !only || name === only)) {
  const servers = { [base]: await start(base), [name]: await start(name) }
  const ratios = []
  const rates = { [base]: [], [name]: [] }
  const refused = name === 'forged'
  for (const server of Object.values(servers)) await measure(server, refused)
  for (let round = 0; round < rounds; round++) {
    // Alternating who goes first: the machine's mood is shared fairly.
    for (const each of round % 2 ? [name, base] : [base, name]) rates[each].push(await measure(servers[each], refused))
    ratios.push(rates[name].at(-1) / rates[base].at(-1))
  }
  for (const { child } of Object.values(servers)) child.kill()
  const want = bar === null ? '' : ` (bar ${bar})`
  console.log(
    `${name}: ${Math.round(median(rates[name]))} req/s, ${base}: ${Math.round(median(rates[base]))} req/s, ` +
      `ratio ${median(ratios).toFixed(3)}${want}`,
  )
}
redis.kill()
