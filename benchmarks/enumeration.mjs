// Whether an answer tells who has an account: by its status, its body, the names of its headers, or its time.
// Asks a server about addresses that have an account and addresses that have none, in turn, in random order.
// node benchmarks/enumeration.mjs [tries] [database URL]
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BAR = 0.1
const WARM = 20
const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const PASSWORD = 'correct horse battery'
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

/** A server of its own on a new data folder; the last line it must write says where it listens. */
async function start(settings) {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-enumeration-'))
  const env = { ...process.env, PAWL_PORT: '0', PAWL_DATA_DIR: folder, PAWL_RATE_LIMITS: 'off', ...settings }
  const child = spawn(process.execPath, [MAIN, 'serve'], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  const url = await new Promise((resolve, reject) => {
    let heard = ''
    child.once('exit', code => reject(new Error(`the server ended with ${code}`)))
    child.stdout.setEncoding('utf8').on('data', text => {
      heard += text
      const [, found] = /"message":"listening","url":"([^"]+)"/.exec(heard) ?? []
      if (found) resolve(found)
    })
  })
  return {
    url,
    async stop() {
      child.removeAllListeners('exit')
      const ended = new Promise(resolve => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Sends JSON; how long the answer took, and what it shows apart from dates, ids and tokens. */
function send(url, method, path, body) {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body)
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
    const started = performance.now()
    const request = httpRequest(`${url}/api/v1${path}`, { method, agent, headers }, response => {
      let heard = ''
      response.setEncoding('utf8').on('data', piece => {
        heard += piece
      })
      response.on('end', () => {
        const names = Object.keys(response.headers).sort().join(' ')
        resolve({ ms: performance.now() - started, shown: `${response.statusCode} ${heard} ${names}` })
      })
    })
    request.on('error', reject).end(text)
  })
}

const median = values => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

/** How far apart two samples are by their ranks, in standard deviations (Mann-Whitney). */
function rankDistance(one, other) {
  const all = [...one.map(value => [value, 1]), ...other.map(value => [value, 0])].sort(([a], [b]) => a - b)
  const sum = all.reduce((total, [, isOne], index) => total + isOne * (index + 1), 0)
  const n = one.length * other.length
  const mean = (one.length * (all.length + 1)) / 2
  return (sum - mean) / Math.sqrt((n * (all.length + 1)) / 12)
}

const details = email => ({ email, password: PASSWORD, password_confirmation: PASSWORD })
const known = index => `known${index}@example.com`
const unknown = index => `nobody${index}@example.com`

const CASES = [
  { name: 'sign-in', ask: (url, email) => send(url, 'POST', '/session', { user: { email, password: 'a wrong one' } }) },
  { name: 'reset', ask: (url, email) => send(url, 'POST', '/reset-password', { user: { email } }) },
  { name: 'resend', ask: (url, email) => send(url, 'POST', '/email-confirmation/resend', { user: { email } }) },
  {
    name: 'safe registration',
    settings: { PAWL_ENUMERATION_SAFE: 'true' },
    ask: (url, email) => send(url, 'POST', '/registration', { user: details(email) }),
  },
]

async function compare({ name, settings = {}, ask }, tries, database) {
  const { url, stop } = await start({ ...settings, ...(database && { DATABASE_URL: database }) })
  const run = `${name.replace(/\W/g, '')}${Date.now()}.`
  try {
    const people = tries + WARM
    for (let index = 0; index < people; index++) {
      const { shown } = await send(url, 'POST', '/registration', { user: details(run + known(index)) })
      if (!shown.startsWith('200')) throw new Error(`a registration was answered ${shown}`)
    }
    const times = [[], []]
    const answers = [new Set(), new Set()]
    for (let index = 0; index < people; index++) {
      const first = Math.random() < 0.5 ? 0 : 1
      for (const which of [first, 1 - first]) {
        const { ms, shown } = await ask(url, run + [known, unknown][which](index))
        if (index < WARM) continue
        times[which].push(ms)
        answers[which].add(shown)
      }
    }
    const [ofKnown, ofUnknown] = times.map(median)
    const ratio = ofKnown / ofUnknown
    const isSame = answers[0].size === 1 && answers[1].size === 1 && [...answers[0]][0] === [...answers[1]][0]
    const apart = rankDistance(times[0], times[1])
    const verdict = isSame && Math.abs(ratio - 1) <= BAR ? 'holds' : 'FAILS'
    console.log(
      `${name.padEnd(18)} known ${ofKnown.toFixed(2)} ms, unknown ${ofUnknown.toFixed(2)} ms, ratio ${ratio.toFixed(3)},` +
        ` ranks ${apart.toFixed(1)} sd apart, answers ${isSame ? 'alike' : 'DIFFERENT'}: ${verdict}`,
    )
    if (!isSame) console.log([...answers[0]].slice(0, 2), [...answers[1]].slice(0, 2))
    return verdict === 'holds'
  } finally {
    await stop()
  }
}

const [tries = '200', database] = process.argv.slice(2)
console.log(
  `${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}, ${tries} tries each; bar ${BAR * 100} %`,
)
let holds = true
for (const each of CASES) holds = (await compare(each, Number(tries), database)) && holds
agent.destroy()
process.exitCode = holds ? 0 : 1
