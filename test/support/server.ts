import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface ServerProcess {
  readonly url: string
  readonly port: number
  readonly folder: string
  readonly child: ChildProcess
  /** What it wrote so far. */
  output(): { stdout: string; stderr: string }
  /** Ends it with a signal and gives its exit code; null after SIGKILL. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

export interface ServerProcessOptions {
  env?: Record<string, string>
  /** Default: a new one, removed when the server stops. */
  folder?: string
}

export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'pawl-test-'))
}

/** Runs `pawl` with arguments to its end. */
export async function runPawl(args: string[], { env = {}, folder = tmpdir() }: ServerProcessOptions = {}) {
  const { child, output } = spawnPawl(args, folder, env)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...output() }
}

function spawnPawl(args: string[], cwd: string, env: Record<string, string>) {
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { PATH, ...env } })
  const text = { stdout: '', stderr: '' }
  child.stdout.on('data', chunk => (text.stdout += chunk))
  child.stderr.on('data', chunk => (text.stderr += chunk))
  return { child, output: () => ({ ...text }) }
}

/** Starts the real server on a free port, in a folder of its own, and waits until it listens. */
export async function startServer({ env = {}, folder }: ServerProcessOptions = {}): Promise<ServerProcess> {
  const cwd = folder ?? newFolder()
  const { child, output } = spawnPawl(['serve'], cwd, { PAWL_PORT: '0', ...env })
  const exited = once(child, 'close') as Promise<[number | null]>
  const url = await new Promise<string>((resolve, reject) => {
    const look = () => {
      const line = output()
        .stdout.split('\n')
        .find(each => each.includes('"listening"'))
      if (!line) return
      // A busy server writes much: nobody is to look through all of it at every piece.
      child.stdout.off('data', look)
      resolve(JSON.parse(line).url)
    }
    child.stdout.on('data', look)
    exited.then(([code]) => reject(new Error(`pawl exited with ${code}: ${output().stderr}`)))
  })
  return {
    url,
    port: Number(new URL(url).port),
    folder: cwd,
    child,
    output,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      const [code] = await exited
      if (folder === undefined) rmSync(cwd, { recursive: true, force: true })
      return code
    },
  }
}
