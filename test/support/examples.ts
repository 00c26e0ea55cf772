import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { pairOf, register, registrationForm, send } from './guide.js'

export const EXAMPLES = new URL('../../examples/', import.meta.url)

const children: ChildProcess[] = []

/** Stops all that were started. */
export async function stopExamples(): Promise<void> {
  await Promise.all(children.splice(0).map(stopExample))
}

export async function stopExample(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill()
  await exited
}

/** Starts an example on a free port with its one command, and gives its URL. */
export async function startExample(
  name: string,
  env: Record<string, string> = {},
  file = 'server.js',
): Promise<{ url: string; child: ChildProcess; text(): string }> {
  const { PATH = '' } = process.env
  const program = fileURLToPath(new URL(`${name}/${file}`, EXAMPLES))
  const child = spawn(process.execPath, [program], { env: { PATH, PORT: '0', ...env } })
  children.push(child)
  let errors = ''
  let text = ''
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', code => reject(new Error(`${name} exited with ${code}: ${errors}`)))
    child.stdout.on('data', chunk => {
      text += chunk
      const found = /listening on (\S+)/.exec(text)?.[1]
      if (found) resolve(found)
    })
  })
  return { url, child, text: () => text }
}

/** The guide from registration to sign-out, with a guarded route on the way. */
export async function followGuide(url: string, base: string, profile: string): Promise<void> {
  const api = url + base
  const guarded = async (token: string) => send(url, 'GET', profile, { token })
  expect((await send(url, 'GET', profile)).status).toBe(401)

  const refused = await send(api, 'POST', '/registration', { body: new URLSearchParams({ 'user[email]': 'nobody' }) })
  expect(refused.status).toBe(500)
  expect(refused.json.error).toMatchObject({ status: 500, message: "Couldn't create user" })
  expect(refused.json.error.errors.email).toEqual(['has invalid format'])

  const { access, renewal } = await register(api)
  expect((await guarded(access)).json).toEqual({ hello: 'test@example.com' })
  expect((await guarded(renewal)).status).toBe(401)

  const wrong = new URLSearchParams({ 'user[email]': 'test@example.com', 'user[password]': 'invalid' })
  const unknown = await send(api, 'POST', '/session', { body: wrong })
  expect(unknown.status).toBe(401)
  expect(unknown.json.error).toMatchObject({ status: 401, message: 'Invalid email or password' })
  const other = pairOf(await send(api, 'POST', '/session', { body: registrationForm() }))

  const renewed = pairOf(await send(api, 'POST', '/session/renew', { token: renewal }))
  expect((await guarded(access)).status).toBe(401)
  expect((await guarded(renewed.access)).status).toBe(200)
  const again = await send(api, 'POST', '/session/renew', { token: renewal })
  expect(again.status).toBe(401)
  expect(again.json.error).toMatchObject({ status: 401, message: 'Invalid token' })

  const ended = await send(api, 'DELETE', '/session', { token: `Bearer ${renewed.access}` })
  expect(ended).toMatchObject({ status: 200, json: { data: {} } })
  expect((await guarded(renewed.access)).status).toBe(401)
  expect((await guarded(other.access)).status).toBe(200)
  expect((await send(url, 'GET', '/nowhere')).status).toBe(404)
}
