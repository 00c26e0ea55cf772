// `pawl serve`, and beside it a service that has no Pawl in it. Run it with `node examples/standalone/server.js`; see
// README.md.
// @ts-check
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const here = (/** @type {string} */ file) => fileURLToPath(new URL(file, import.meta.url))
const { PORT = '3000', PAWL_PORT = '4000', PAWL_SECRET, DATABASE_URL = 'sqlite::memory:' } = process.env
const children = /** @type {import('node:child_process').ChildProcess[]} */ ([])

/** @param {string[]} args @param {NodeJS.ProcessEnv} env @param {RegExp} ready */
async function start(args, env, ready) {
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  for await (const line of createInterface({ input: child.stdout })) {
    const found = ready.exec(line)?.[1]
    if (found) return found
  }
  throw new Error(`${args[0]} ended before it was ready`)
}

process.once('SIGTERM', () => process.exit())
process.once('SIGINT', () => process.exit())
process.once('exit', () => children.forEach(child => void child.kill()))

// In a project of yours this is `npx pawl serve`.
const pawl = await start(
  [here('../../dist/cli/main.js'), 'serve'],
  { PAWL_PORT, DATABASE_URL, PAWL_SECRET: PAWL_SECRET ?? randomBytes(32).toString('base64url') },
  /"url":"([^"]+)"/,
)
const service = await start([here('service.js')], { PORT, PAWL_URL: pawl }, /service on (\S+)/)
console.log(`pawl on ${pawl}\nlistening on ${service}`)
