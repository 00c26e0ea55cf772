import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { followGuide } from './support/examples.js'
import { register } from './support/guide.js'
import { exampleFolder, isInstalled } from './support/installed.js'
import { freePort } from './support/processes.js'

const FOLDER = exampleFolder('next')
const NEXT = join(FOLDER, 'node_modules/next/dist/bin/next')

const testNext = test.skipIf(!isInstalled('next'))

testNext('next follows the guide, and a page knows who is signed in', { timeout: 600_000 }, async () => {
  const AUTH_SECRET = 'kR7vYw2pQ9sXzL4mN8bT1cF6gH3jD5aE'
  const env = { ...process.env, NODE_ENV: 'production' as const, NEXT_TELEMETRY_DISABLED: '1', AUTH_SECRET }
  const built = spawnSync(process.execPath, [NEXT, 'build'], { cwd: FOLDER, env, encoding: 'utf8' })
  expect(built.status, built.stderr + built.stdout).toBe(0)

  const port = String(await freePort())
  const args = [NEXT, 'start', '--hostname', '127.0.0.1', '--port', port]
  const server = spawn(process.execPath, args, { cwd: FOLDER, env, stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('exit', code => reject(new Error(`next exited with ${code}`)))
      server.stdout.on('data', chunk => /Ready/.test(String(chunk)) && resolve())
    })
    const url = `http://127.0.0.1:${port}`
    await followGuide(url, '/api/v1', '/api/profile')
    const { access } = await register(`${url}/api/v1`, 'page@example.com')
    const pageFor = async (headers: Record<string, string>) => (await fetch(url, { headers })).text()
    expect(await pageFor({ authorization: access })).toContain('page@example.com')
    expect(await pageFor({})).toContain('Nobody is signed in')
  } finally {
    const exited = once(server, 'exit')
    server.kill('SIGKILL')
    await exited
  }
})
