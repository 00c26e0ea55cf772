import type { ServerResponse } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import type { BreachedOptions } from '../../src/extensions/password-policy/breached.js'
import { passwordPolicy } from '../../src/extensions/password-policy/password-policy.js'
import { type TestAuth, testAuth, testExchange } from '../../src/testing/index.js'
import { digestOf, leaked, type RangeService, rangeService } from '../support/range-service.js'
import { newEmail, registrationOf } from '../support/wire.js'

const opened: RangeService[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(service => service.close()))
})

/** An auth that looks passwords up at a stand-in. */
async function withService(respond: (prefix: string, response: ServerResponse) => void, options: BreachedOptions = {}) {
  const service = await rangeService(respond)
  opened.push(service)
  const policy = passwordPolicy({ breached: { url: service.url, ...options } })
  const made = testAuth({ extensions: [policy] })
  const register = (password: string, email = newEmail()) =>
    made.request('POST', '/registration', { json: registrationOf(email, password) })
  return { ...made, policy, service, register }
}

const unchecked = ({ events }: Pick<TestAuth, 'events'>) =>
  events.filter(({ name }) => name === 'password_policy.unchecked').map(({ detail }) => detail)

const PASSWORD = 'kzrq-mvtx-1'

test('P7: a password that has leaked is refused, and says why', async () => {
  const made = await withService(leaked({ [PASSWORD]: 1 }))
  const { status, body } = await made.register(PASSWORD)
  expect(status).toBe(500)
  expect(body.error.errors).toEqual({ password: ['has appeared in a data breach'] })
  expect((await made.register('kzrq-mvtx-2')).status).toBe(200)
  expect(unchecked(made)).toEqual([])
})

test('the service is told five digits and no more, and asked to pad its answer', async () => {
  const { service, register } = await withService(leaked({}))
  const email = newEmail()
  await register('pässwörter-1'.normalize('NFD'), email)
  const [asked] = service.asked
  const digest = digestOf('pässwörter-1'.normalize('NFC'))
  expect(asked?.path).toBe(`/range/${digest.slice(0, 5)}`)
  expect(asked?.headers['add-padding']).toBe('true')
  expect(asked?.headers['user-agent']).toBe('pawl')
  const told = JSON.stringify(asked)
  for (const secret of [digest.slice(5), digest.slice(5).toLowerCase(), 'passw', email, 'cookie', 'authorization']) {
    expect(told).not.toContain(secret)
  }
})

test('a password of padding, or of fewer leaks than are asked for, is taken', async () => {
  const padded = await withService(leaked({ [PASSWORD]: 0 }))
  expect((await padded.register(PASSWORD)).status).toBe(200)
  const often = await withService(leaked({ [PASSWORD]: 9, 'kzrq-mvtx-2': 10 }), { minCount: 10 })
  expect((await often.register(PASSWORD)).status).toBe(200)
  expect((await often.register('kzrq-mvtx-2')).status).toBe(500)
})

test('an answer in small letters counts, and so does one with line feeds alone', async () => {
  const line = `${digestOf(PASSWORD).slice(5).toLowerCase()}:2`
  for (const text of [line, `${line}\n`, `${'0'.repeat(35)}:1\n${line}\n`, `${line}\r\n`]) {
    const { register } = await withService((_, response) => response.end(text))
    expect((await register(PASSWORD)).status, JSON.stringify(text)).toBe(500)
  }
})

test.each<[string, (response: ServerResponse) => void, string]>([
  ['fails', response => response.writeHead(500).end('no'), 'status 500'],
  ['refuses', response => response.writeHead(429, { 'retry-after': '2' }).end(), 'status 429'],
  ['knows no such page', response => response.writeHead(404).end(), 'status 404'],
  ['sends elsewhere', response => response.writeHead(302, { location: '/range/elsewhere' }).end(), 'status 302'],
  ['hangs up', response => response.destroy(), 'unreachable'],
  [
    'hangs up in the middle',
    response => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write(`${'0'.repeat(35)}:1\r\n`, () => response.destroy())
    },
    'unreachable',
  ],
  ['answers with a page', response => response.end('<html>Sign in to this network</html>'), 'answer'],
  ['answers with nothing', response => response.end(), 'answer'],
  ['answers with half of a line', response => response.end(`${'0'.repeat(35)}:1\r\n0123`), 'answer'],
  ['answers without counts', response => response.end('0'.repeat(35)), 'answer'],
])('P7: a service that %s stops nobody, and is an event', async (_, respond, detail) => {
  const made = await withService((_prefix, response) => respond(response))
  expect((await made.register(PASSWORD)).status).toBe(200)
  expect(unchecked(made)).toEqual([detail])
  expect(made.service.asked).toHaveLength(1)
  expect(JSON.stringify(made.events)).not.toContain(digestOf(PASSWORD).slice(0, 5))
  expect(made.errors).toEqual([])
})

test('P7: a service that is not there stops nobody', async () => {
  const made = await withService(leaked({}))
  await made.service.close()
  expect((await made.register(PASSWORD)).status).toBe(200)
  expect(unchecked(made)).toEqual(['unreachable'])
})

test.each<[string, (response: ServerResponse) => void]>([
  ['says nothing', () => {}],
  ['says how it begins, and no more', response => response.writeHead(200).write('0')],
  [
    'drips',
    response => {
      const dripping = setInterval(() => response.write(`${'0'.repeat(35)}:1\r\n`), 20)
      response.on('close', () => clearInterval(dripping))
    },
  ],
])('P7: a service that %s is waited for a second at most, all in all', async (_, respond) => {
  const made = await withService((_prefix, response) => respond(response))
  const start = performance.now()
  expect((await made.register(PASSWORD)).status).toBe(200)
  const spent = performance.now() - start
  expect(spent).toBeGreaterThan(900)
  expect(spent).toBeLessThan(2000)
  expect(unchecked(made)).toEqual(['timeout'])
})

test('an endless answer is read no further than half a megabyte', async () => {
  let sent = 0
  let isClosed = false
  const made = await withService(
    (_, response) => {
      const line = `${'0'.repeat(35)}:1\r\n`.repeat(1000)
      const pour = () => {
        while (!isClosed && response.write(line)) sent += line.length
      }
      response.on('drain', pour)
      response.on('close', () => {
        isClosed = true
      })
      pour()
    },
    { timeoutMs: 10_000 },
  )
  expect((await made.register(PASSWORD)).status).toBe(200)
  expect(unchecked(made)).toEqual(['answer'])
  await expect.poll(() => isClosed).toBe(true)
  expect(sent).toBeLessThan(20 * 1024 * 1024)
})

test('of fifty look-ups sixteen are under way at once, and who waits too long is let through', async () => {
  const waiting: ServerResponse[] = []
  const made = await withService((_, response) => waiting.push(response), { timeoutMs: 500 })
  const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => made.register(`kzrq-mvtx-${index}`)))
  expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
  expect(made.service.most).toBe(16)
  expect(unchecked(made)).toEqual(Array(50).fill('timeout'))
})

test('past those that wait the next is let through at once', async () => {
  const made = await withService(() => {}, { timeoutMs: 1500 })
  const ctx = await made.auth.open(testExchange('POST', '/mine'))
  const { check } = made.auth.extension(made.policy)
  const waiting = Array.from({ length: 16 + 256 }, (_, index) => check(ctx, `kzrq-mvtx-${index}`))
  expect(await check(ctx, PASSWORD)).toBe(null)
  expect(unchecked(made)).toEqual(['busy'])
  await made.auth.close()
  expect(await Promise.all(waiting)).toEqual(Array(272).fill(null))
})

test('a service that was away is asked again', async () => {
  let isAway = true
  const made = await withService((prefix, response) => {
    if (isAway) response.writeHead(503).end()
    else leaked({ [PASSWORD]: 3 })(prefix, response)
  })
  expect((await made.register(PASSWORD)).status).toBe(200)
  isAway = false
  expect((await made.register(PASSWORD)).status).toBe(500)
})

test('closing ends what is under way', async () => {
  const made = await withService(() => {}, { timeoutMs: 10_000 })
  const start = performance.now()
  const registering = made.register(PASSWORD)
  await expect.poll(() => made.service.asked.length).toBe(1)
  await made.auth.close()
  expect((await registering).status).toBe(200)
  expect(performance.now() - start).toBeLessThan(5000)
})

test('a password is looked up for a taken address as for a free one', async () => {
  const made = await withService(leaked({ [PASSWORD]: 1 }))
  const email = newEmail()
  expect((await made.register('kzrq-mvtx-2', email)).status).toBe(200)
  for (const address of [email, newEmail()]) {
    const before = made.service.asked.length
    const { body } = await made.register(PASSWORD, address)
    expect(body.error.errors).toEqual({ password: ['has appeared in a data breach'] })
    await made.register('kzrq-mvtx-3', address)
    expect(made.service.asked.length - before).toBe(2)
  }
})

test('nothing is looked up at a sign-in, nor for a password that breaks a rule already', async () => {
  const made = await withService(leaked({}))
  const email = newEmail()
  await made.request('POST', '/session', { json: { user: { email, password: PASSWORD } } })
  for (const password of ['short', 'corvette', 'password', email]) {
    expect((await made.register(password, email)).status, password).toBe(500)
  }
  expect(made.service.asked).toEqual([])
})
