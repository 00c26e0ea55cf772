import { expect, test } from 'vitest'
import {
  type BaseUser,
  createAuth,
  type Extension,
  memoryUsers,
  type PasswordHasher,
  Problem,
  type Route,
} from '../src/index.js'
import { cheapHasher, testAuth, testExchange } from '../src/testing/index.js'

const credentials = { email: 'me@example.com', password: 'secret1234' }
const user = { ...credentials, password_confirmation: credentials.password }

/** An extension that writes down every moment it attends. */
function diary(name: string, entries: string[]): Extension {
  const write = (moment: string) => () => void entries.push(`${name} ${moment}`)
  return {
    name,
    setup: () => ({
      hooks: {
        authenticating: write('authenticating'),
        authenticationFailed: write('authenticationFailed'),
        passwordProven: write('passwordProven'),
        signingIn: write('signingIn'),
        signedIn: write('signedIn'),
        savingUser: write('savingUser'),
        savedUser: write('savedUser'),
        credentialsChanged: write('credentialsChanged'),
        deletedUser: write('deletedUser'),
      },
    }),
  }
}

function extension(name: string, made: ReturnType<Extension['setup']> = {}, rest: Partial<Extension> = {}): Extension {
  return { name, setup: () => made, ...rest }
}

const route = (path: Route['path'], rest: Partial<Route> = {}): Route => ({
  method: 'GET',
  path,
  description: { summary: 'A route of an extension', answers: 'Anything' },
  handle: () => ({ from: path }),
  ...rest,
})

test('hooks run at their moment, and in the order extensions are listed', async () => {
  const entries: string[] = []
  const moments = (expected: string[]) => {
    expect(entries.splice(0)).toEqual(expected.flatMap(moment => [`first ${moment}`, `second ${moment}`]))
  }
  const { request } = testAuth({ extensions: [diary('first', entries), diary('second', entries)] })

  const { body } = await request('POST', '/registration', { json: { user } })
  moments(['savingUser', 'savedUser', 'signingIn', 'signedIn'])
  await request('POST', '/session', { json: { user: { ...credentials, password: 'wrong' } } })
  moments(['authenticating', 'authenticationFailed'])
  await request('POST', '/session', { json: { user: credentials } })
  moments(['authenticating', 'signingIn', 'signedIn', 'passwordProven'])
  const token = body.data.access_token
  const change = { email: 'you@example.com', current_password: credentials.password }
  expect((await request('PATCH', '/registration', { token, json: { user: change } })).status).toBe(200)
  moments(['authenticating', 'passwordProven', 'savingUser', 'savedUser', 'credentialsChanged'])
  const proof = { current_password: credentials.password }
  expect((await request('DELETE', '/registration', { token, json: { user: proof } })).status).toBe(200)
  moments(['authenticating', 'passwordProven', 'deletedUser'])
})

test('hooks run for controllers of the app as well', async () => {
  const entries: string[] = []
  const { auth } = testAuth({ extensions: [diary('it', entries)] })
  const ctx = await auth.open(testExchange('POST', '/mine'))
  const created = (await auth.accounts.create(ctx, user)) as BaseUser
  await auth.send(ctx)
  expect(entries.splice(0)).toEqual(['it savingUser', 'it savedUser', 'it signingIn', 'it signedIn'])
  await auth.accounts.signIn(await auth.open(testExchange('POST', '/mine')), created, { methods: ['otp'] })
  expect(entries).toEqual(['it signingIn', 'it signedIn'])
})

test('a signingIn hook that throws is the answer, and leaves no session', async () => {
  let reached = false
  const refuse = () => {
    throw new Problem('second_factor_needed', { status: 403, message: 'Enter your code' })
  }
  const { auth, request, events } = testAuth({
    extensions: [
      extension('codes', { hooks: { signingIn: refuse } }),
      extension('after', {
        hooks: {
          signingIn: () => {
            reached = true
          },
        },
      }),
    ],
  })
  const { status, body } = await request('POST', '/registration', { json: { user } })
  expect(status).toBe(403)
  expect(body).toEqual({ error: { status: 403, message: 'Enter your code', reason: 'second_factor_needed' } })
  expect((await request('POST', '/session', { json: { user: credentials } })).status).toBe(403)
  const account = await auth.users.findByIdentifier(credentials.email)
  expect(await auth.store.sessions.listByUser(account?.user.id ?? '')).toEqual([])
  expect(events.map(({ name }) => name)).not.toContain('session.created')
  expect(reached).toBe(false)
})

test('an authenticating hook that throws refuses before the password is compared', async () => {
  const refuse = () => {
    throw new Problem('too_many', { status: 429, retryAfter: 60 })
  }
  const hasher = {
    hash: async () => 'hash',
    verify: () => Promise.reject(new Error('the password was compared')),
  }
  const { request, errors } = testAuth({
    hasher,
    extensions: [extension('throttle', { hooks: { authenticating: refuse } })],
  })
  const { status, headers } = await request('POST', '/session', { json: { user: credentials } })
  expect(status).toBe(429)
  expect(headers['retry-after']).toBe('60')
  expect(errors).toEqual([])
})

test("an authenticating hook that answers 'mismatch' makes no password right, at the cost of a wrong one", async () => {
  const compared: (string | null)[] = []
  const cheap = cheapHasher()
  const hasher: PasswordHasher = {
    hash: cheap.hash,
    verify(password, hash) {
      compared.push(hash)
      return cheap.verify(password, hash)
    },
  }
  let answer: 'mismatch' | undefined
  const { request } = testAuth({
    hasher,
    extensions: [extension('blind', { hooks: { authenticating: () => answer } })],
  })
  const token = (await request('POST', '/registration', { json: { user } })).body.data.access_token
  const wrong = await request('POST', '/session', { json: { user: { ...credentials, password: 'wrong' } } })
  answer = 'mismatch'
  compared.length = 0
  expect(await request('POST', '/session', { json: { user: credentials } })).toEqual(wrong)
  expect((await request('POST', '/session/reauthenticate', { token, json: { user: credentials } })).status).toBe(401)
  expect((await request('DELETE', '/registration', { token, json: { user: credentials } })).status).toBe(401)
  expect(compared).toEqual([null, null, null])
})

test('a savingUser hook that throws leaves no user', async () => {
  const refuse = () => {
    throw new Problem('invalid_user', { errors: { email: ['is not invited'] } })
  }
  const { auth, request } = testAuth({ extensions: [extension('invited', { hooks: { savingUser: refuse } })] })
  const { status, body } = await request('POST', '/registration', { json: { user } })
  expect(status).toBe(500)
  expect(body.error.errors).toEqual({ email: ['is not invited'] })
  expect(await auth.users.findByIdentifier(credentials.email)).toBe(null)
})

/** What `createAuth` says to these extensions. */
function refusal(...extensions: Extension[]): () => unknown {
  return () => createAuth({ secret: 'a secret for tests, and for tests alone', users: memoryUsers(), extensions })
}

test('two extensions of one name are refused', () => {
  expect(refusal(extension('codes'), extension('codes'))).toThrow(new TypeError('`extensions` lists codes twice'))
})

test('an extension whose requirement is missing or listed later is refused, both named', () => {
  const needy = extension('needy', {}, { requires: ['codes'] })
  expect(refusal(needy)).toThrow(TypeError)
  expect(refusal(needy)).toThrow(/needy needs codes/)
  expect(refusal(needy, extension('codes'))).toThrow(/needy needs codes earlier/)
  expect(refusal(extension('codes'), needy)).not.toThrow()
})

test('two routes in one place are refused, whoever brings them', () => {
  const ours = extension('ours', { routes: [route('/session')] })
  expect(refusal(ours)).toThrow(new TypeError('two routes answer GET /session'))
  const first = extension('first', { routes: [route('/notes')] })
  const second = extension('second', { routes: [route('/notes')] })
  expect(refusal(first, second)).toThrow(/two routes answer GET \/notes/)
  const description = extension('description', { routes: [route('/openapi.json')] })
  expect(refusal(description)).toThrow(/two routes answer GET \/openapi.json/)
  expect(refusal(extension('other', { routes: [route('/session', { method: 'PUT' })] }))).not.toThrow()
})

test('two routes that differ only in the name of a parameter are in one place', () => {
  const first = extension('first', { routes: [route('/notes/:id')] })
  const second = extension('second', { routes: [route('/notes/:name')] })
  expect(refusal(first, second)).toThrow(/two routes answer GET \/notes\/:name/)
})

test('two methods of one path are both served, whatever each calls the parameter', async () => {
  const handle: Route['handle'] = ({ params }) => ({ ...params })
  const first = extension('first', { routes: [route('/notes/:id', { handle })] })
  const second = extension('second', { routes: [route('/notes/:name', { method: 'DELETE', handle })] })
  const { request } = testAuth({ extensions: [first, second] })
  expect((await request('GET', '/notes/7')).body).toEqual({ data: { id: '7' } })
  expect((await request('DELETE', '/notes/7')).body).toEqual({ data: { name: '7' } })
})

const notes = extension('notes', {
  routes: [
    route('/notes', { guard: 'authenticated' }),
    route('/notes/:id', { handle: ({ params }) => ({ id: params.id ?? '' }) }),
    route('/session', { method: 'PUT', guard: 'not_authenticated' }),
  ],
})

test('routes of an extension are served, guarded and described', async () => {
  const { request } = testAuth({ extensions: [notes] })
  const { body } = await request('POST', '/registration', { json: { user } })
  const token = body.data.access_token

  expect((await request('GET', '/notes')).status).toBe(401)
  expect((await request('GET', '/notes', { token })).body).toEqual({ data: { from: '/notes' } })
  expect((await request('GET', '/notes/7')).body).toEqual({ data: { id: '7' } })
  expect((await request('PUT', '/session', { token })).status).toBe(409)
  expect((await request('PUT', '/session')).status).toBe(200)
  const wrong = await request('POST', '/notes')
  expect(wrong.status).toBe(405)
  expect(wrong.headers.allow).toBe('HEAD, GET')

  const { paths } = (await request('GET', '/openapi.json')).body
  expect(paths['/notes'].get.security).toEqual([{ accessToken: [] }])
  expect(paths['/notes/{id}'].get.parameters).toMatchObject([{ name: 'id', in: 'path', required: true }])
  expect(Object.keys(paths['/session']).sort()).toEqual(['delete', 'get', 'post', 'put'])
})

test('an extension that is taken out leaves no trace', async () => {
  const entries: string[] = []
  const without = testAuth()
  testAuth({ extensions: [notes, diary('it', entries)] })
  await without.request('POST', '/registration', { json: { user } })
  expect(entries).toEqual([])
  expect((await without.request('GET', '/notes')).status).toBe(404)
  expect((await without.request('PUT', '/session')).status).toBe(405)
  expect(JSON.stringify((await without.request('GET', '/openapi.json')).body)).not.toContain('notes')
})

test('setup runs once, with working tools', async () => {
  const seen: string[] = []
  const counting: Extension = {
    name: 'counting',
    setup({ users, accounts, sessions, values, now }) {
      seen.push(typeof users.findById, typeof accounts.signIn, typeof sessions.create, typeof now())
      const count = route('/count', { handle: async () => ({ count: await values.increment('counting:n', 1000) }) })
      return { routes: [count] }
    },
  }
  const { request } = testAuth({ extensions: [counting] })
  expect((await request('GET', '/count')).body).toEqual({ data: { count: 1 } })
  expect((await request('GET', '/count')).body).toEqual({ data: { count: 2 } })
  expect(seen).toEqual(['function', 'function', 'function', 'number'])
})
