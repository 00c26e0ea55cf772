import assert from 'node:assert/strict'
import { Problem } from '../base/problem.js'
import { slowStore, storeAway } from './adapter-client.js'
import type { HostAnswer, HostController } from './adapter-host.js'
import type { AdapterTest } from './adapter-suite.js'
import { testClock } from './suite.js'
import { type TestAuth, testAuth } from './test-auth.js'

const MEGABYTE = 'pawl '.repeat(200_000)

/** What a controller may answer: each waits for the writes. */
const ANSWERS: readonly (readonly [name: string, method: 'GET' | 'POST' | 'HEAD', answer: HostAnswer])[] = [
  ['text', 'POST', { status: 201, headers: { 'x-mine': 'yes' }, body: 'hello' }],
  ['nothing', 'POST', { status: 204 }],
  ['unchanged', 'GET', { status: 304, headers: { etag: '"x"' } }],
  ['redirect', 'POST', { status: 302, headers: { location: '/elsewhere' } }],
  ['stream', 'POST', { status: 200, body: ['one ', 'two ', 'three'] }],
  ['large', 'POST', { status: 200, body: MEGABYTE }],
  ['large stream', 'POST', { status: 200, body: [MEGABYTE, MEGABYTE] }],
  ['head', 'HEAD', { status: 200, headers: { 'x-mine': 'yes' }, body: 'hello' }],
]

/** A controller that signs somebody in and then goes on. */
function signingIn(made: TestAuth, then: HostController['run'], method: 'GET' | 'POST' = 'POST'): HostController {
  return {
    method,
    path: '/enter',
    async run(ctx, setHeader) {
      const id = crypto.randomUUID()
      const account = { id, email: `${id}@example.com`, passwordHash: null, createdAt: 0 }
      const { user } = await made.auth.users.insert(account)
      entered.push(id)
      await made.auth.accounts.signIn(ctx as never, user, { methods: ['pwd'] })
      return then(ctx, setHeader)
    },
  }
}

/** Ids of those whom `signingIn` signed in, in order. */
const entered: string[] = []

const storedOf = async (made: TestAuth) => (await made.auth.store.sessions.listByUser(entered.at(-1) ?? '')).length

/** Writes that wait for the response, and responses that wait for the writes. */
export function writeTests(it: AdapterTest): void {
  for (const [name, method, answer] of ANSWERS) {
    it(`stores a sign-in before the response is seen: ${name}`, async start => {
      const { now } = testClock()
      const made = testAuth({ store: slowStore(now), now })
      const controller = signingIn(made, () => answer, method === 'POST' ? 'POST' : 'GET')
      const { call } = await start({ controllers: [controller] }, made)
      const { status, headers, text } = await call(method, '/enter')
      assert.equal(await storedOf(made), 1)
      assert.equal(status, answer.status)
      for (const [name, value] of Object.entries(answer.headers ?? {})) assert.equal(headers.get(name), value)
      assert.equal(text === (method === 'HEAD' ? '' : [answer.body ?? ''].flat().join('')), true, text.slice(0, 100))
    })

    it(`tells nothing of a sign-in that could not be stored: ${name}`, async start => {
      const made = testAuth({ store: storeAway() })
      const controller = signingIn(
        made,
        (ctx, setHeader) => {
          const token = ctx.tokens?.accessToken ?? ''
          assert.match(token, /^pwa1_/)
          setHeader('x-early', token)
          const headers = { ...answer.headers, 'x-token': token, 'set-cookie': `token=${token}`, 'x-also': token }
          return { ...answer, headers }
        },
        method === 'POST' ? 'POST' : 'GET',
      )
      const { call, errors } = await start({ controllers: [controller] }, made)
      const { status, headers, text } = await call(method, '/enter')
      assert.equal(status, 503)
      assert.equal(headers.get('retry-after'), '1')
      for (const gone of ['set-cookie', 'location', 'etag', 'x-mine']) assert.equal(headers.get(gone), null, gone)
      assert.ok(!(text + JSON.stringify([...headers])).includes('pwa1_'))
      if (method !== 'HEAD') assert.equal(JSON.parse(text).error.reason, 'unavailable')
      assert.equal(errors.length, 1)
    })
  }

  it('forgets a sign-in when the controller throws after it', async start => {
    for (const unknown of ['present', 'pass'] as const) {
      for (const error of [new Error('later'), new Problem('mine.refused'), 'text']) {
        const made = testAuth()
        const controller = signingIn(made, (ctx, setHeader) => {
          if (ctx.request.header('x-begin')) {
            setHeader('content-type', 'text/csv')
            setHeader('location', '/elsewhere')
            setHeader('set-cookie', 'begun=1')
          }
          throw error
        })
        const { call } = await start({ controllers: [controller], unknown }, made)
        for (const headers of [{}, { 'x-begin': 'yes' }]) {
          const failed = await call('POST', '/enter', { headers })
          assert.equal(failed.status, Problem.is(error) ? 400 : 500)
          assert.equal(await storedOf(made), 0)
          if (failed.text === 'own') continue
          assert.match(failed.headers.get('content-type') ?? '', /^application\/json/)
          assert.deepEqual([failed.headers.get('location'), failed.headers.get('set-cookie')], [null, null])
        }
      }
    }
  })

  it('gives the cookies of a write that is done, beside the app’s own, and none of one that failed', async start => {
    const made = testAuth()
    const cookies = (fails: boolean): HostController => ({
      method: 'POST',
      path: fails ? '/fails' : '/works',
      run(ctx) {
        ctx.beforeSend(() => {
          ctx.setCookie('sid=1; Path=/; HttpOnly')
          ctx.setCookie('csrf=2; Path=/')
        })
        if (fails) ctx.beforeSend(() => Promise.reject(new Problem('unavailable')))
        return { status: 200, headers: { 'set-cookie': 'mine=3; Path=/', 'cache-control': 'max-age=60' }, body: 'hi' }
      },
    })
    const { call } = await start({ controllers: [cookies(false), cookies(true)] }, made)
    const works = await call('POST', '/works')
    assert.equal(works.text, 'hi')
    const given = ['csrf=2; Path=/', 'mine=3; Path=/', 'sid=1; Path=/; HttpOnly']
    assert.deepEqual(works.headers.getSetCookie().sort(), given)
    assert.equal(works.headers.get('cache-control'), 'no-store')
    const fails = await call('POST', '/fails')
    assert.equal(fails.status, 503)
    assert.deepEqual(fails.headers.getSetCookie(), [])
  })

  it('leaves a response without writes as it is', async start => {
    const headers = { 'cache-control': 'max-age=60', 'set-cookie': 'mine=3', 'x-mine': 'yes' }
    const plain: HostController = { method: 'GET', path: '/plain', run: () => ({ status: 203, headers, body: 'hi' }) }
    const { call } = await start({ controllers: [plain] })
    const answered = await call('GET', '/plain')
    assert.deepEqual([answered.status, answered.text], [203, 'hi'])
    for (const [name, value] of Object.entries(headers)) assert.equal(answered.headers.get(name), value)
  })
}
