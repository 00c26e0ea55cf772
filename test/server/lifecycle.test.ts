import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { PASSWORD, pairOf, register, registrationForm, send } from '../support/guide.js'
import { keptFolder, refusal } from '../support/refusal.js'
import { runPawl, type ServerProcess, startServer } from '../support/server.js'

const SECRET = 'kR7vYw2pQ9sXzL4mN8bT1cF6gH3jD5aE'
const JSON_TYPE = { 'content-type': 'application/json' }
/** With nothing left to answer, a stop waits for nobody: in ms, far below the time the drain allows itself. */
const PROMPT = 5000

const running: ServerProcess[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map(server => server.stop()))
})

async function started(...options: Parameters<typeof startServer>) {
  const server = await startServer(...options)
  running.push(server)
  return { ...server, api: `${server.url}/api/v1` }
}

const modeOf = (path: string) => statSync(path).mode & 0o777

/** The log of a server that has stopped, line by line. */
function logOf(server: ServerProcess): Record<string, unknown>[] {
  const { stdout } = server.output()
  return stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
}

/** A registration whose head the server has seen and whose body waits. */
async function slowRegistration(server: ServerProcess) {
  const body = registrationForm().toString()
  const socket = connect(server.port, '127.0.0.1')
  const head = [
    'POST /api/v1/registration HTTP/1.1',
    'Host: localhost',
    'Content-Type: application/x-www-form-urlencoded',
    `Content-Length: ${body.length}`,
    'Expect: 100-continue',
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  let text = String((await once(socket, 'data'))[0])
  expect(text).toContain('100 Continue')
  socket.on('data', chunk => {
    text += chunk
  })
  return {
    async finish() {
      socket.write(body)
      await once(socket, 'close')
      return text.slice(text.indexOf('HTTP/1.1 200'))
    },
  }
}

/** Waits for a line in the log. */
async function logged(server: ServerProcess, message: string): Promise<void> {
  while (!server.output().stdout.includes(`"message":"${message}"`))
    await once(server.child.stdout ?? server.child, 'data')
}

/** Connects until nobody listens any more. */
async function untilRefused(port: number): Promise<string> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const error = await once(socket, 'connect').then(
      () => null,
      (reason: NodeJS.ErrnoException) => reason,
    )
    socket.destroy()
    if (error) return error.code ?? ''
  }
}

test('the first run makes its folder and files for the owner alone, and says where and what to try', async () => {
  const folder = keptFolder()
  const { api, output } = await started({ folder })
  const data = join(folder, 'pawl-data')
  expect(modeOf(data)).toBe(0o700)
  for (const file of readdirSync(data)) expect(modeOf(join(data, file)), file).toBe(0o600)
  expect(readdirSync(data)).toEqual(expect.arrayContaining(['pawl.db', 'secret']))

  // Two pipes: what was written first may be read last.
  const stderr = await vi.waitFor(() => {
    expect(output().stderr).toContain('/session\n\n')
    return output().stderr
  })
  expect(stderr).toContain(join(data, 'pawl.db'))
  expect(stderr).toContain(join(data, 'secret'))
  expect(stderr).toContain(`curl -X POST -d "user[email]=test@example.com&user[password]=secret1234" ${api}/session`)
  expect(stderr).toContain(`${api}/registration`)
  expect(stderr).not.toContain(readFileSync(join(data, 'secret'), 'utf8').trim())
})

test('a second run says nothing of that, and tokens of the first are still good', async () => {
  const folder = keptFolder()
  const first = await started({ folder })
  const { access, renewal } = await register(first.api)
  expect(await first.stop()).toBe(0)

  const second = await started({ folder })
  expect(second.output().stderr).toBe('')
  expect((await send(second.api, 'GET', '/session', { token: access })).status).toBe(200)
  expect((await send(second.api, 'POST', '/session/renew', { token: renewal })).status).toBe(200)
})

test('a database in use that lost its secret is refused, and what the message says helps', async () => {
  const folder = keptFolder()
  const first = await started({ folder })
  const { access } = await register(first.api)
  await first.stop()
  const file = join(folder, 'pawl-data', 'secret')
  const kept = readFileSync(file, 'utf8').trim()
  rmSync(file)

  const message = await refusal({ folder })
  expect(message).toContain('PAWL_SECRET')
  expect(message).toContain(`npx pawl keys > ${file}`)
  expect(readdirSync(join(folder, 'pawl-data'))).not.toContain('secret')

  const withSetting = await started({ folder, env: { PAWL_SECRET: kept } })
  expect((await send(withSetting.api, 'GET', '/session', { token: access })).status).toBe(200)
  await withSetting.stop()

  writeFileSync(file, (await runPawl(['keys'])).stdout)
  const withNew = await started({ folder })
  expect((await send(withNew.api, 'GET', '/session', { token: access })).status).toBe(401)
})

test('with a secret and a database of its own no data folder is made', async () => {
  const folder = keptFolder()
  const { api, output } = await started({ folder, env: { PAWL_SECRET: SECRET, DATABASE_URL: 'sqlite:mine.db' } })
  await register(api)
  expect(readdirSync(folder).filter(name => !name.startsWith('mine.db'))).toEqual([])
  expect(output().stderr).not.toContain('secret      ')
  expect(output().stderr).toContain(join(folder, 'mine.db'))
})

test('liveness and readiness answer 200 in JSON', async () => {
  const { url } = await started()
  for (const path of ['/livez', '/readyz']) {
    const { status, headers, json } = await send(url, 'GET', path)
    expect(status, path).toBe(200)
    expect(headers.get('content-type')).toMatch(/^application\/json/)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(json).toEqual({ status: 'ok' })
  }
  expect((await send(url, 'HEAD', '/livez')).status).toBe(200)
  expect((await send(url, 'POST', '/livez')).status).toBe(404)
})

test('SIGTERM answers a request under way, takes no new connection, and exits 0 in time', async () => {
  const folder = keptFolder()
  const server = await started({ folder })
  const slow = await slowRegistration(server)
  server.child.kill('SIGTERM')
  await logged(server, 'stopping')
  expect(['ECONNREFUSED', 'ECONNRESET']).toContain(await untilRefused(server.port))

  const told = performance.now()
  const answer = await slow.finish()
  expect(answer).toMatch(/^HTTP\/1\.1 200/)
  expect(answer).toMatch(/connection: close/i)
  expect(await server.stop()).toBe(0)
  expect(performance.now() - told).toBeLessThan(PROMPT)

  // What it answered is true after the restart.
  const { access_token } = JSON.parse(answer.slice(answer.indexOf('{"data"'), answer.lastIndexOf('}') + 1)).data
  const again = await started({ folder })
  expect((await send(again.api, 'GET', '/session', { token: access_token })).status).toBe(200)
})

test('SIGTERM answers registrations that wait for their hash', async () => {
  const server = await started({ env: { PAWL_HASH_CONCURRENCY: '1' } })
  const emails = Array.from({ length: 6 }, (_, index) => `person${index}@example.com`)
  const answers = emails.map(email => send(server.api, 'POST', '/registration', { body: registrationForm(email) }))
  await Promise.race(answers)
  server.child.kill('SIGTERM')
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  const told = performance.now()
  expect(statuses).toEqual(emails.map(() => 200))
  expect(await server.stop()).toBe(0)
  expect(performance.now() - told).toBeLessThan(PROMPT)
})

/** One line of raw HTTP, and the answer to it. */
async function asked(socket: Socket, line: string): Promise<string> {
  socket.write(`${line} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  return String((await once(socket, 'data'))[0])
}

test('SIGTERM answers what had reached the machine before it, on new and on kept connections', async () => {
  const server = await started()
  const connections = Array.from({ length: 20 }, () => connect(server.port, '127.0.0.1'))
  const kept = connections.slice(0, 5)
  await Promise.all(kept.map(socket => asked(socket, 'GET /livez')))

  // The server looks at nothing while it is stopped: all that follows is there at once when it goes on.
  server.child.kill('SIGSTOP')
  connections.push(...Array.from({ length: 20 }, () => connect(server.port, '127.0.0.1')))
  await Promise.all(connections.map(socket => socket.connecting && once(socket, 'connect')))
  const answers = connections.map(socket => asked(socket, 'GET /livez'))
  await Promise.all(connections.map(socket => socket.writableLength > 0 && once(socket, 'drain')))
  server.child.kill('SIGTERM')
  const told = performance.now()
  server.child.kill('SIGCONT')

  for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^HTTP\/1\.1 200/)
  expect(await server.stop()).toBe(0)
  expect(performance.now() - told).toBeLessThan(PROMPT)
})

test('SIGINT stops as well, whatever connections idle', async () => {
  const server = await started()
  const idle = connect(server.port, '127.0.0.1')
  await once(idle, 'connect')
  await register(server.api)
  const told = performance.now()
  expect(await server.stop('SIGINT')).toBe(0)
  expect(performance.now() - told).toBeLessThan(PROMPT)
  idle.destroy()
})

test('a signal right after the line that says it listens stops like any other', async () => {
  const server = await started()
  expect(await server.stop()).toBe(0)
})

test('a reader of the log that went away does not end the server', async () => {
  const server = await started()
  server.child.stdout?.destroy()
  server.child.stderr?.destroy()
  const { access } = await register(server.api)
  for (let count = 0; count < 20; count++) {
    expect((await send(server.api, 'GET', '/session', { token: access })).status).toBe(200)
  }
  expect(await server.stop()).toBe(0)
})

test('the log is JSON, a request a line, with the id of the answer and whose it was', async () => {
  const server = await started()
  const registered = await send(server.api, 'POST', '/registration', { body: registrationForm() })
  const { access } = pairOf(registered)
  const seen = await send(server.api, 'GET', '/session?x=1', { token: access })
  const refused = await send(server.api, 'GET', '/protected', { token: `${access}x` })
  await server.stop()

  const lines = logOf(server)
  const requests = lines.filter(({ message }) => message === 'request')
  const ids = [registered, seen, refused].map(({ headers }) => headers.get('x-request-id'))
  expect(requests.map(({ requestId }) => requestId).sort()).toEqual([...ids].sort())
  expect(new Set(ids).size).toBe(3)

  const { user, session } = seen.json.data
  const of = (id: unknown) => requests.find(({ requestId }) => requestId === id)
  const whose = { userId: user.id, sessionId: session.id }
  expect(of(ids[0])).toMatchObject({ method: 'POST', path: '/api/v1/registration', status: 200, ...whose })
  expect(of(ids[1])).toMatchObject({ method: 'GET', path: '/api/v1/session', status: 200, ...whose })
  expect(of(ids[2])).toMatchObject({ status: 401, refusal: 'forged' })
  expect(of(ids[2])).not.toHaveProperty('userId')
  expect(lines.find(({ message }) => message === 'session.created')).toMatchObject({ requestId: ids[0], ...whose })
  for (const { time, level } of lines) {
    expect(new Date(String(time)).toISOString()).toBe(time)
    expect(['info', 'warn', 'error']).toContain(level)
  }
})

test('no password, token or secret is ever written out', async () => {
  const folder = keptFolder()
  const server = await started({ folder })
  const { api } = server
  const pairs = [await register(api)]
  pairs.push(pairOf(await send(api, 'POST', '/session', { body: registrationForm() })))
  const first = pairs[0]?.renewal ?? ''
  pairs.push(pairOf(await send(api, 'POST', '/session/renew', { token: first })))
  await send(api, 'POST', '/session/renew', { token: first })
  await send(api, 'GET', `/session?access_token=${pairs[1]?.access}`)
  await send(api, 'GET', '/session', { token: `Bearer ${pairs[0]?.access}` })
  await send(api, 'GET', '/session', { token: `Basic ${btoa(`test@example.com:${PASSWORD}`)}` })
  const wrong = new URLSearchParams({ 'user[email]': 'test@example.com', 'user[password]': 'wrong-password-1' })
  expect((await send(api, 'POST', '/session', { body: wrong })).status).toBe(401)
  await send(api, 'POST', '/registration', { body: registrationForm() })
  await send(api, 'POST', '/session', { body: '{"user":{"password":"cut-off-pass', headers: JSON_TYPE })
  await send(api, 'DELETE', '/session', { token: pairs[2]?.access ?? '' })
  await server.stop()

  const { stdout, stderr } = server.output()
  const secret = readFileSync(join(folder, 'pawl-data', 'secret'), 'utf8').trim()
  const tokens = pairs.flatMap(({ access, renewal }) => [access, renewal])
  for (const text of [secret, 'wrong-password-1', 'cut-off-pass', btoa(`test@example.com:${PASSWORD}`), ...tokens]) {
    expect(stdout + stderr).not.toContain(text)
  }
  // The curl lines of the first run show the guide's example password, the log shows none.
  expect(stdout).not.toContain(PASSWORD)
})

test('a line break in what somebody sends makes no line of its own', async () => {
  const server = await started()
  const email = 'a@example.com\n{"level":"error","message":"forged"}\r\nb'
  const body = JSON.stringify({ user: { email, password: PASSWORD } })
  await send(server.api, 'POST', '/session', { body, headers: JSON_TYPE })
  await send(server.url, 'GET', '/api/v1/%0a{"message":"forged"}')
  await server.stop()
  const messages = logOf(server).map(({ message }) => message)
  expect(messages).not.toContain('forged')
  expect(messages.filter(message => message === 'request')).toHaveLength(2)
})
