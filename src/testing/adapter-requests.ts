import assert from 'node:assert/strict'
import { Problem } from '../base/problem.js'
import { guidePresenter, type Presenter } from '../http/presenter.js'
import { PASSWORD, storeAway, storeWith } from './adapter-client.js'
import type { HostController, HostGuard } from './adapter-host.js'
import type { AdapterTest } from './adapter-suite.js'
import { fifty } from './suite.js'
import { testAuth } from './test-auth.js'

const REFUSED = { error: { code: 401, message: 'Not authenticated', reason: 'not_authenticated' } }

/** Answers who is signed in. */
const whoami: Pick<HostController, 'method' | 'run'> = {
  method: 'GET',
  run: ({ user }) => ({ status: 200, body: user?.email ?? 'nobody' }),
}

const thrower = (path: HostController['path'], error: unknown): HostController => ({
  method: 'POST',
  path,
  run() {
    throw error
  },
})

/** Routes, guards and errors. */
export function requestTests(it: AdapterTest, ownRefusal: (() => unknown) | undefined): void {
  it('serves the routes, and the app the rest', async start => {
    const { call } = await start({ controllers: [{ ...whoami, path: '/who' }] })
    const user = { email: 'a@example.com', password: PASSWORD, password_confirmation: PASSWORD }
    assert.equal((await call('POST', '/api/v1/registration', { json: { user } })).status, 200)
    const signedIn = await call('POST', '/api/v1/session', { json: { user } })
    assert.equal(signedIn.status, 200)
    assert.equal(signedIn.headers.get('cache-control'), 'no-store')
    const { access_token: token, renewal_token: renewal } = signedIn.json.data
    const profile = await call('GET', '/api/v1/session?x=1', { token })
    assert.equal(profile.json.data.user.email, user.email)
    assert.match(profile.headers.get('content-type') ?? '', /^application\/json/)
    assert.equal((await call('GET', '/who', { token })).text, user.email)
    const renewed = await call('POST', '/api/v1/session/renew', { token: renewal })
    assert.equal(renewed.status, 200)
    assert.equal((await call('GET', '/api/v1/session', { token })).status, 401)
    const ended = await call('DELETE', '/api/v1/session', { token: renewed.json.data.access_token })
    assert.deepEqual(ended.json, { data: {} })
    assert.equal((await call('GET', '/who', { token: renewed.json.data.access_token })).text, 'nobody')
    for (const path of ['/nowhere', '/api/v1/nowhere']) assert.equal((await call('GET', path)).status, 404, path)
  })

  it('refuses methods, types and bodies that are not its own', async start => {
    const { call } = await start({})
    const method = await call('PUT', '/api/v1/session')
    assert.equal(method.status, 405)
    assert.equal(method.headers.get('allow'), 'HEAD, POST, DELETE, GET')
    const type = await call('POST', '/api/v1/session', { body: 'a: b', headers: { 'content-type': 'text/yaml' } })
    assert.equal(type.status, 415)
    for (const size of [70_000, 5_000_000]) {
      const large = await call('POST', '/api/v1/session', { json: { user: { email: 'x'.repeat(size) } } })
      assert.equal(large.status, 413, String(size))
      assert.equal(large.json.error.reason, 'body_too_large')
    }
    const broken = await call('POST', '/api/v1/session', {
      body: '{"user"',
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(broken.status, 400)
    assert.equal(broken.json.error.message, 'Body is not valid JSON')
  })

  it('answers HEAD as GET, without its body', async start => {
    const { call, signedIn } = await start({ controllers: [{ ...whoami, path: '/who' }] })
    const { token } = await signedIn()
    for (const sent of [{ token }, {}]) {
      const [get, head] = [await call('GET', '/api/v1/session', sent), await call('HEAD', '/api/v1/session', sent)]
      assert.equal(head.status, get.status)
      assert.equal(head.text, '')
      const length = String(Buffer.byteLength(get.text))
      for (const { headers } of [get, head]) assert.equal(headers.get('content-length') ?? length, length)
    }
  })

  it('lets through whom a guard is for, and refuses the others in the guide’s words', async start => {
    const made = testAuth()
    const presenter: Presenter = {
      ...guidePresenter,
      problem: ({ code }) => ({ status: 418, headers: { 'x-mine': 'yes' }, body: `not you: ${code}` }),
    }
    const guards = (alone: boolean): [string, HostGuard][] => [
      ['some', { auth: made.auth, who: 'authenticated', alone }],
      ['none', { auth: made.auth, who: 'not_authenticated', alone }],
      ['role', { auth: made.auth, who: ['admin', 'owner'], alone }],
      ['mine', { auth: made.auth, who: 'authenticated', presenter, alone }],
    ]
    for (const alone of [true, false]) {
      const controllers = guards(alone).map(([name, guard]) => ({ ...whoami, path: `/${name}`, guard }) as const)
      const { call, signedIn } = await start({ controllers }, made)
      const { token, user } = await signedIn()
      const admin = await signedIn('admin')

      assert.equal((await call('GET', '/some', { token })).text, user.email)
      for (const sent of [{}, { token: 'invalid' }, { token: `${token}, ${token}` }]) {
        const refused = await call('GET', '/some', sent)
        assert.equal(refused.status, 401)
        assert.deepEqual(refused.json, REFUSED)
        assert.equal(refused.headers.get('www-authenticate'), 'Bearer')
        assert.match(refused.headers.get('content-type') ?? '', /^application\/json/)
      }
      assert.equal((await call('GET', '/none')).text, 'nobody')
      assert.equal((await call('GET', '/none', { token })).status, 409)
      assert.equal((await call('GET', '/role', { token: admin.token })).text, admin.user.email)
      assert.equal((await call('GET', '/role', { token })).json.error.reason, 'forbidden')
      assert.equal((await call('GET', '/role', { token })).status, 403)
      assert.equal((await call('GET', '/role')).status, 401)
      const mine = await call('GET', '/mine')
      assert.deepEqual([mine.status, mine.text], [418, 'not you: not_authenticated'])
      assert.equal(mine.headers.get('x-mine'), 'yes')
      assert.equal((await call('GET', '/mine', { token })).text, user.email)
    }
  })

  it('says try again and not who are you while the store is away', async start => {
    const known = testAuth()
    const { token } = await (await start({}, known)).signedIn()
    const made = testAuth({ users: known.auth.users, store: storeAway() })
    const guard = { auth: made.auth, who: 'authenticated', alone: true } as const
    const { call } = await start(
      {
        controllers: [
          { ...whoami, path: '/public' },
          { ...whoami, path: '/some', guard },
          { ...whoami, path: '/none', guard: { ...guard, who: 'not_authenticated', alone: false } },
        ],
      },
      made,
    )
    assert.equal((await call('GET', '/public', { token })).text, 'nobody')
    for (const path of ['/some', '/none', '/api/v1/session']) {
      const { status, headers } = await call('GET', path, { token })
      assert.equal(status, 503, path)
      assert.ok(Number(headers.get('retry-after')) > 0)
      assert.equal(headers.get('www-authenticate'), null)
    }
  })

  it('presents what is thrown', async start => {
    const teapot = Object.assign(new Error('Short and stout'), { status: 418, expose: true })
    const controllers = [
      thrower('/problem', new Problem('mine.refused', { status: 422, message: 'No', errors: { name: ['is taken'] } })),
      thrower('/error', new Error('a secret')),
      thrower('/hidden', Object.assign(new Error('a secret'), { status: 418 })),
      thrower('/teapot', teapot),
      thrower('/string', 'a secret'),
      thrower('/null', null),
      ...(ownRefusal ? [{ ...thrower('/own', null), run: () => Promise.reject(ownRefusal()) }] : []),
    ]
    const { call, errors } = await start({ controllers })
    const problem = await call('POST', '/problem')
    assert.equal(problem.status, 422)
    const error = { status: 422, message: 'No', errors: { name: ['is taken'] }, reason: 'mine.refused' }
    assert.deepEqual(problem.json, { error })
    assert.deepEqual(errors, [])
    for (const path of ['/error', '/hidden', '/string']) {
      const { status, text, json } = await call('POST', path)
      assert.equal(status, 500, path)
      assert.equal(json.error.reason, 'internal')
      assert.ok(!text.includes('a secret'))
    }
    assert.equal(errors.length, 3)
    assert.equal((await call('POST', '/null')).status, 500)
    const stout = await call('POST', '/teapot')
    assert.deepEqual([stout.status, stout.json.error.message], [418, 'Short and stout'])
    if (ownRefusal) assert.equal((await call('POST', '/own')).status, 403)
  })

  it('passes on what is no problem where it is told to', async start => {
    const controllers = [thrower('/problem', new Problem('mine.refused')), thrower('/error', new Error('a secret'))]
    const { call, errors } = await start({ controllers, unknown: 'pass' })
    assert.equal((await call('POST', '/problem')).json.error.reason, 'mine.refused')
    const error = await call('POST', '/error')
    assert.deepEqual([error.status, error.text], [500, 'own'])
    assert.deepEqual(errors, [])
  })

  it('shows none of fifty requests another’s user', async start => {
    const made = testAuth()
    let inside = 0
    let open = () => {}
    const everybody = new Promise<void>(resolve => {
      open = resolve
    })
    const together: HostController = {
      method: 'GET',
      path: '/together',
      guard: { auth: made.auth, who: 'authenticated', alone: true },
      async run(ctx) {
        if (++inside === 50) open()
        await everybody
        return { status: 200, body: ctx.user?.email ?? 'nobody' }
      },
    }
    const { call, signedIn } = await start({ controllers: [together] }, made)
    const people = await fifty(() => signedIn())
    const seen = await fifty(index => call('GET', '/together', { token: people[index]?.token ?? '' }))
    assert.deepEqual(
      seen.map(({ text }) => text),
      people.map(({ user }) => user.email),
    )
  })

  it('keeps two auths of one app apart', async start => {
    const people = testAuth()
    const stored: string[] = []
    const staff = testAuth({
      basePath: '/staff',
      secret: 'another secret for tests, and for the staff alone',
      store: storeWith({ insert: session => void stored.push(session.userId) }),
    })
    const auths = [people.auth, staff.auth] as const
    const guarded = (path: HostController['path'], auth: HostGuard['auth'], alone: boolean): HostController => ({
      ...whoami,
      path,
      guard: { auth, who: 'authenticated', alone },
    })
    const { call, signedIn, newUser, sessionsOf } = await start(
      {
        auths,
        controllers: [
          guarded('/me', people.auth, true),
          guarded('/desk', staff.auth, true),
          guarded('/desk-too', staff.auth, false),
          {
            method: 'POST',
            path: '/both',
            async run(ctx) {
              const user = await newUser()
              await people.auth.accounts.signIn(people.auth.opened(ctx as never), user, { methods: ['pwd'] })
              const { id } = user
              const colleague = { id, email: `${id}@example.com`, passwordHash: null, createdAt: 0 }
              await staff.auth.users.insert(colleague)
              await staff.auth.accounts.signIn(staff.auth.opened(ctx as never), user, { methods: ['pwd'] })
              if (ctx.request.header('x-fail')) throw new Error('after both')
              return { status: 200, body: JSON.stringify(user) }
            },
          },
        ],
      },
      people,
    )
    const { token, user } = await signedIn()
    assert.equal((await call('GET', '/me', { token })).text, user.email)
    for (const path of ['/desk', '/desk-too', '/staff/session']) {
      assert.equal((await call('GET', path, { token })).status, 401, path)
    }
    const answered = await call('POST', '/staff/registration', {
      json: { user: { email: 'staff@example.com', password: PASSWORD, password_confirmation: PASSWORD } },
    })
    assert.equal(answered.status, 200)
    assert.equal(stored.length, 1)
    const both = await call('POST', '/both')
    assert.equal(both.status, 200)
    assert.deepEqual([(await sessionsOf(both.json)).length, stored.length], [1, 2])
    assert.equal((await call('POST', '/both', { headers: { 'x-fail': 'yes' } })).status, 500)
    assert.equal(stored.length, 2)
  })
}
