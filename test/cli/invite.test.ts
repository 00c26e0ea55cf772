import { afterEach, expect, test } from 'vitest'
import { keptFolder } from '../support/refusal.js'
import { runPawl, type ServerProcess, startServer } from '../support/server.js'

const running: ServerProcess[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map(server => server.stop()))
})

const PASSWORD = 'correct horse battery'

async function post(server: ServerProcess, path: string, body: unknown, token?: string) {
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: token }) },
    body: JSON.stringify(body),
  })
  // biome-ignore lint/suspicious/noExplicitAny: a test reads into it and fails where it is wrong
  return { status: response.status, body: (await response.json()) as any }
}

test('where only the invited register, the first administrator comes by the command line', {
  timeout: 60_000,
}, async () => {
  const folder = keptFolder()
  const env = { PAWL_REGISTRATION: 'invited' }
  const { code, stdout } = await runPawl(['invite', 'Root@Example.com', '--role=admin'], { folder, env })
  expect(code).toBe(0)
  const token = /#token=(pwo1_[\w-]+)/.exec(stdout)?.[1]
  const server = await startServer({ folder, env })
  running.push(server)

  const details = { password: PASSWORD, password_confirmation: PASSWORD }
  const open = await post(server, '/registration', { user: { email: 'me@example.com', ...details } })
  expect([open.status, open.body.error.reason]).toEqual([403, 'invitation.required'])
  const accepted = await post(server, '/invitations/accept', { token, user: details })
  expect(accepted.status).toBe(200)
  const admin = accepted.body.data.access_token
  expect((await post(server, '/invitations', { user: { email: 'friend@example.com' } }, admin)).status).toBe(200)
  expect((await post(server, '/invitations/accept', { token, user: details })).status).toBe(422)
})

test('a role is given by address or id, and whoever there is not is told', { timeout: 60_000 }, async () => {
  const folder = keptFolder()
  const server = await startServer({ folder })
  running.push(server)
  const details = { password: PASSWORD, password_confirmation: PASSWORD }
  const { body } = await post(server, '/registration', { user: { email: 'me@example.com', ...details } })
  const token = body.data.access_token
  const invite = () => post(server, '/invitations', { user: { email: 'friend@example.com' } }, token)
  expect((await invite()).status).toBe(403)
  const given = await runPawl(['role', ' ME@example.com', 'admin'], { folder })
  expect([given.code, given.stdout]).toEqual([0, 'me@example.com: admin\n'])
  expect((await invite()).status).toBe(200)
  const { code, stderr } = await runPawl(['role', 'nobody@example.com', 'admin'], { folder })
  expect([code, stderr]).toEqual([1, 'pawl: there is no user nobody@example.com\n'])
})

test('what cannot be is one line that says why', { timeout: 60_000 }, async () => {
  const folder = keptFolder()
  for (const [args, line] of [
    [['invite'], 'pawl: write `pawl invite EMAIL [--role=ROLE]`\n'],
    [['invite', 'a@b.example', 'c@d.example'], 'pawl: write `pawl invite EMAIL [--role=ROLE]`\n'],
    [['invite', 'nobody'], "pawl: Couldn't invite: email has invalid format\n"],
    [['role', 'nobody'], 'pawl: write `pawl role EMAIL|ID ROLE`\n'],
  ] as const) {
    const { code, stdout, stderr } = await runPawl([...args], { folder })
    expect([code, stdout, stderr]).toEqual([1, '', line])
  }
})
