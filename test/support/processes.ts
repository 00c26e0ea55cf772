import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const HOST = '127.0.0.1'
const TRY_AGAIN = /address already in use|pre-existing shared memory block|lock file .* already exists/i

/** Where a program is: on the PATH, or where Debian hides those of PostgreSQL. Null when it is not installed. */
export function findProgram(name: string): string | null {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...(process.env.PATH ?? '').split(delimiter),
    ...versions.map(version => join(debian, version, 'bin')),
  ]
  return folders.map(folder => join(folder, name)).find(isExecutable) ?? null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export function mustFind(name: string): string {
  const path = findProgram(name)
  if (path === null) throw new Error(`${name} is not installed`)
  return path
}

// A place of its own for each process, so that those that start at once do not pick the same.
let next = (process.pid * 50) % 10_000

/**
 * A port that nothing listens on, with the one 10000 above it, which a Redis Cluster node takes for its bus. Below
 * the range of outgoing connections, so that none sits on it while a stopped server restarts.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + next
    next = (next + 1) % 10_000
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, HOST)
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

export interface Program {
  command: string
  args: (port: number) => string[]
  folder: string
  /** Over `PATH` and `LC_ALL`. */
  env?: (port: number) => Record<string, string>
  /** What it writes when it accepts connections. */
  ready: RegExp
  /** Ends it in order, without waiting for its clients. */
  stopSignal: NodeJS.Signals
  /** Ends it at once when the test process dies. */
  abortSignal: NodeJS.Signals
  user?: { uid: number; gid: number } | undefined
  /** Default: a free one. */
  port?: number | undefined
  /** Leaves the folder in place when it stops. */
  keepFolder: boolean
}

export interface Running {
  readonly port: number
  readonly folder: string
  /** Changes with a restart. */
  readonly pid: number
  /** What it wrote since its last start. */
  output(): string
  /** Sends a signal; SIGKILL, SIGSTOP and SIGCONT reach its children too. Waits for its end where that follows. */
  signal(signal: NodeJS.Signals): Promise<void>
  /** Ends it, unless it is down already, and starts it again on the same port and data. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Starts a server and waits until it is ready. */
export async function run(program: Program): Promise<Running> {
  let port = program.port ?? (await freePort())
  let current = launch(program, port)
  for (let tries = 1; ; tries++) {
    const failure = await current.ready
    if (failure === null) break
    if (tries >= 20 || !TRY_AGAIN.test(failure)) {
      if (!program.keepFolder) rmSync(program.folder, { recursive: true, force: true })
      throw new Error(`${program.command} did not start: ${failure}`)
    }
    if (program.port === undefined) port = await freePort()
    else await pause(50)
    current = launch(program, port)
  }

  const end = async (signal: NodeJS.Signals) => {
    if (!current.running()) return
    current.kill(signal)
    current.kill('SIGCONT')
    const late = setTimeout(() => current.kill('SIGKILL'), 5_000)
    await current.exited
    clearTimeout(late)
  }
  return {
    get port() {
      return port
    },
    get pid() {
      return current.pid
    },
    folder: program.folder,
    output: () => current.output(),
    async signal(signal) {
      const family = signal === 'SIGKILL' || signal === 'SIGSTOP' || signal === 'SIGCONT'
      // Stopped first, so that it neither starts another child nor notices the end of one.
      if (family && signal !== 'SIGCONT') current.kill('SIGSTOP')
      const children = family ? childrenOf(current.pid) : []
      for (const child of children) kill(child, signal)
      current.kill(signal)
      if (/^SIG(KILL|TERM|INT|QUIT|ABRT|SEGV)$/.test(signal)) await current.exited
    },
    async restart() {
      await end(program.stopSignal)
      for (let tries = 1; ; tries++) {
        current = launch(program, port)
        const failure = await current.ready
        if (failure === null) return
        if (tries >= 100 || !TRY_AGAIN.test(failure)) throw new Error(`${program.command} did not restart: ${failure}`)
        await pause(50)
      }
    },
    async stop() {
      await end(program.stopSignal)
      if (!program.keepFolder) rmSync(program.folder, { recursive: true, force: true })
    },
  }
}

const live = new Map<ChildProcess, Program>()

process.on('exit', () => {
  for (const [{ pid }, { abortSignal }] of live) {
    kill(pid as number, abortSignal)
    kill(pid as number, 'SIGCONT')
  }
  for (const { folder, keepFolder } of live.values()) {
    if (!keepFolder) rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 })
  }
})

function launch(program: Program, port: number) {
  const command = [...dyingWithParent(program.abortSignal), program.command, ...program.args(port)]
  const child = spawn(command[0] as string, command.slice(1), {
    cwd: program.folder,
    env: { PATH: process.env.PATH, LC_ALL: 'C', ...program.env?.(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...program.user,
  })
  let text = ''
  let running = true
  live.set(child, program)
  const exited = new Promise<void>(resolve => {
    const gone = () => {
      running = false
      live.delete(child)
      resolve()
    }
    child.once('exit', (code, signal) => {
      text += `\nended with ${signal ?? code}`
      gone()
    })
    child.once('error', error => {
      text += error.message
      gone()
    })
  })
  /** Null when it accepts connections, what it wrote when it ended instead. */
  const ready = new Promise<string | null>(resolve => {
    const look = (chunk: Buffer) => {
      text = (text + chunk).slice(-100_000)
      if (program.ready.test(text)) resolve(null)
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    child.once('close', () => resolve(text))
    exited.then(() => child.pid === undefined && resolve(text))
  })
  return {
    pid: child.pid as number,
    ready,
    exited,
    running: () => running,
    output: () => text,
    kill: (signal: NodeJS.Signals) => running && kill(child.pid as number, signal),
  }
}

function kill(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already.
  }
}

let setpriv: string | undefined

/** Also a SIGKILL of the test process, which runs no exit handler, ends the child. Linux only. */
function dyingWithParent(signal: NodeJS.Signals): string[] {
  setpriv ??= usableSetpriv()
  return setpriv === '' ? [] : [setpriv, '--pdeathsig', signal]
}

/** Empty where there is none, or that of BusyBox, which lacks the option. */
function usableSetpriv(): string {
  const path = findProgram('setpriv')
  return path !== null && spawnSync(path, ['--pdeathsig', 'SIGKILL', 'true']).status === 0 ? path : ''
}

/** The processes that one started itself, from /proc; none where there is no /proc. */
function childrenOf(pid: number): number[] {
  if (!existsSync('/proc/self/stat')) return []
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(each => parentOf(each) === pid)
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}
