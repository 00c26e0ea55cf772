import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { newFolder } from '../support/server.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

test('`npm start` that is told to stop drains the server and exits 0', async () => {
  const folder = newFolder()
  const env = { PATH: process.env.PATH, HOME: folder, PAWL_PORT: '0', PAWL_DATA_DIR: folder }
  // Without the build before it: other tests are running what was built.
  const child = spawn('npm', ['start', '--ignore-scripts'], { cwd: ROOT, env })
  let output = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', chunk => {
      output += chunk
      if (output.includes('"listening"')) resolve()
    })
    child.once('close', () => reject(new Error(`npm start ended: ${output}`)))
  })
  child.kill('SIGTERM')
  const [code] = await once(child, 'close')
  expect(code).toBe(0)
  expect(output).toContain('"stopped"')
  rmSync(folder, { recursive: true, force: true })
})
