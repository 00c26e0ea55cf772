import { createConfig, lintFromString } from '@redocly/openapi-core'
import { expect, test } from 'vitest'
import { type InvitationOptions, invitation } from '../../src/extensions/invitation/invitation.js'
import {
  type AuthOptions,
  type BaseUser,
  bearerSessions,
  cookieSessions,
  type Extension,
  memoryStore,
  memoryUsers,
  Problem,
} from '../../src/index.js'
import { type TestRequest, testAuth, testClock, testExchange } from '../../src/testing/index.js'
import { letters } from '../support/letters.js'

const DAY = 86_400_000
const PASSWORD = 'secret1234'
const CHOSEN = { password: PASSWORD, password_confirmation: PASSWORD }
const NO_TOKEN = 'pwo1_0000000000000000000000000000000000000000000'

/** An auth whose admin is signed in, and its mails. */
async function withAdmin(options: InvitationOptions = {}, rest: Partial<AuthOptions> = {}) {
  const post = letters()
  const invitations = invitation(options)
  const { extensions = [], ...others } = rest
  const made = testAuth({ extensions: [post.extension, ...extensions, invitations], ...others })
  const system = rest.tenant ? made.auth.system.of('a') : made.auth.system
  await system.createUser({ email: 'admin@example.com', password: PASSWORD, role: 'admin' })
  const signIn = async (email: string) =>
    (await made.request('POST', '/session', { json: { user: { email, password: PASSWORD } }, ...headers })).body.data
      ?.access_token as string
  const headers = rest.tenant ? { headers: { 'x-tenant': 'a' } } : {}
  const token = await signIn('admin@example.com')
  const invite = (user: object, request: TestRequest = {}) =>
    made.request('POST', '/invitations', { token, json: { user }, ...request })
  const accept = (sent: unknown, user: object = {}, request: TestRequest = {}) =>
    made.request('POST', '/invitations/accept', { json: { token: sent, user: { ...CHOSEN, ...user } }, ...request })
  const link = async (to: string) => (await post.last('invitation', to)).facts.token as string
  const verbs = made.auth.extension(invitations)
  async function someone(email: string, role?: string) {
    await system.createUser({ email, password: PASSWORD, ...(role !== undefined && { role }) })
    return signIn(email)
  }
  return { ...made, post, token, invite, accept, link, verbs, signIn, someone }
}

test('an invitation is mailed, listed, accepted once, and signs in', async () => {
  const { invite, accept, link, post, request, token, clock, events } = await withAdmin({ roles: ['editor'] })
  const sent = await invite({ email: ' Ann@Example.com', role: 'editor', data: { team: 7 } })
  expect(sent.status).toBe(200)
  const shown = {
    id: expect.any(String),
    email: 'ann@example.com',
    role: 'editor',
    data: { team: 7 },
    status: 'open',
    invited_by: expect.any(String),
    created_at: new Date(clock.now()).toISOString(),
    sent_at: new Date(clock.now()).toISOString(),
    expires_at: new Date(clock.now() + 7 * DAY).toISOString(),
    accepted_at: null,
  }
  expect(sent.body).toEqual({ data: { invitation: shown } })
  expect((await post.last('invitation')).facts.inviter).toBe('admin@example.com')

  const accepted = await accept(await link('ann@example.com'), { email: 'eve@example.com', role: 'admin' })
  expect(accepted.status).toBe(200)
  expect(Object.keys(accepted.body.data)).toEqual(['access_token', 'renewal_token'])
  expect(accepted.headers['cache-control']).toBe('no-store')
  const session = await request('GET', '/session', { token: accepted.body.data.access_token })
  expect(session.body.data.user.email).toBe('ann@example.com')
  expect(session.body.data.session.methods).toEqual(['pwd'])
  const again = await accept(await link('ann@example.com'))
  expect(again.status).toBe(422)
  expect(again.body.error).toEqual({
    status: 422,
    message: "Couldn't accept the invitation",
    errors: { token: ['is invalid or has expired'] },
    reason: 'invitation.invalid_token',
  })
  const { body } = await request('GET', '/invitations', { token })
  expect(body.data.invitations).toMatchObject([{ status: 'accepted', accepted_at: shown.created_at }])
  expect(body.data.next).toBe(null)
  expect(events.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['invitation.sent', 'invitation.accepted', 'session.created']),
  )
})

test('the role is the invitation’s, and everybody’s where it names none', async () => {
  const { invite, accept, link, auth } = await withAdmin({ roles: (_, role) => role === 'editor' })
  for (const [email, role] of [
    ['ann@example.com', 'editor'],
    ['bob@example.com', undefined],
  ] as const) {
    await invite({ email, role })
    await accept(await link(email), { role: 'admin' })
    expect((await auth.system.findUserBy(email))?.role).toBe(role ?? 'user')
  }
})

test('nobody gives a role that is not theirs to give', async () => {
  const { invite, verbs } = await withAdmin({ roles: ['editor'] })
  const refused = await invite({ email: 'ann@example.com', role: 'admin' })
  expect(refused.status).toBe(403)
  expect(refused.body.error.reason).toBe('invitation.role_not_allowed')
  const forgetful = await withAdmin({ roles: (() => undefined) as never })
  expect((await forgetful.invite({ email: 'ann@example.com', role: 'editor' })).status).toBe(403)
  expect((await (await withAdmin()).invite({ email: 'ann@example.com', role: 'user' })).status).toBe(403)
  // Trusted code may.
  expect((await verbs.system.invite({ email: 'ann@example.com', role: 'admin' })).role).toBe('admin')
})

test('an invitation is worth no more than its inviter is when it is accepted', async () => {
  for (const fall of ['demoted', 'suspended', 'deleted', 'refused'] as const) {
    let agrees = true
    const made = await withAdmin({ inviters: ['admin', 'lead'], roles: () => agrees })
    const lead = await made.someone('lead@example.com', 'lead')
    expect((await made.invite({ email: 'own@example.com', role: 'admin' }, { token: lead })).status).toBe(200)
    const { id } = (await made.auth.system.findUserBy('lead@example.com')) as BaseUser
    const { system } = made.auth
    if (fall === 'demoted') await system.setRole(id, 'user')
    if (fall === 'suspended') await system.suspend(id)
    if (fall === 'deleted') await system.deleteUser(id)
    if (fall === 'refused') agrees = false
    expect((await made.accept(await made.link('own@example.com'))).status, fall).toBe(422)
    expect(await system.findUserBy('own@example.com'), fall).toBe(null)
    agrees = true
    // Another may send it in their own name.
    const [listed] = (await made.request('GET', '/invitations', { token: made.token })).body.data.invitations
    const resent = await made.request('POST', `/invitations/${listed.id}/resend`, { token: made.token })
    expect(resent.status, fall).toBe(200)
    expect((await made.accept(await made.link('own@example.com'))).status, fall).toBe(200)
  }
})

const ROUTES = (id: string): readonly [method: string, path: string, json?: object][] => [
  ['POST', '/invitations', { user: { email: 'new@example.com' } }],
  ['GET', '/invitations'],
  ['GET', `/invitations/${id}`],
  ['DELETE', `/invitations/${id}`],
  ['POST', `/invitations/${id}/resend`],
]

test('routes of inviters are for inviters alone', async () => {
  const { request, invite, someone, clock, token, auth } = await withAdmin()
  const { id } = (await invite({ email: 'ann@example.com' })).body.data.invitation
  const member = await someone('member@example.com')
  const { body } = await request('POST', '/session', {
    json: { user: { email: 'admin@example.com', password: PASSWORD } },
  })
  const renewal = body.data.renewal_token
  for (const [method, path, json] of ROUTES(id)) {
    for (const bad of [undefined, 'broken', renewal, `${token}x`, NO_TOKEN]) {
      const { status } = await request(method, path, { json, ...(bad !== undefined && { token: bad }) })
      expect(status, `${method} ${path} ${bad}`).toBe(401)
    }
    const refused = await request(method, path, { json, token: member })
    expect(refused.status, `${method} ${path}`).toBe(403)
    expect(refused.body.error.reason).toBe('forbidden')
  }
  clock.advance(30 * 60_000)
  for (const [method, path, json] of ROUTES(id)) {
    expect((await request(method, path, { json, token })).status, `${method} ${path} expired`).toBe(401)
  }
  expect((await auth.extension(invitation())).system).toBeDefined()
})

test('verbs ask the same of custom controllers', async () => {
  const { verbs, auth, someone } = await withAdmin()
  const nobody = await auth.open(testExchange('POST', '/mine'))
  const member = await auth.open(testExchange('POST', '/mine', { token: await someone('member@example.com') }))
  for (const [ctx, code] of [
    [nobody, 'not_authenticated'],
    [member, 'forbidden'],
  ] as const) {
    const id = '00000000-0000-4000-8000-000000000000'
    await expect(verbs.invite(ctx, { email: 'ann@example.com' })).rejects.toMatchObject({ code })
    await expect(verbs.list(ctx)).rejects.toMatchObject({ code })
    await expect(verbs.find(ctx, id)).rejects.toMatchObject({ code })
    await expect(verbs.resend(ctx, id)).rejects.toMatchObject({ code })
    await expect(verbs.withdraw(ctx, id)).rejects.toMatchObject({ code })
  }
})

test('where everybody may invite, they see their own alone', async () => {
  const { request, invite, someone, accept, link, post } = await withAdmin({ inviters: 'authenticated' })
  const one = await someone('one@example.com')
  const other = await someone('other@example.com')
  const { id } = (await invite({ email: 'ann@example.com' }, { token: one })).body.data.invitation
  for (const [method, path] of ROUTES(id).slice(2)) {
    const refused = await request(method, path, { token: other })
    expect(refused.status, `${method} ${path}`).toBe(404)
    expect(refused.body.error.reason).toBe('not_found')
  }
  expect((await request('GET', '/invitations', { token: other })).body.data.invitations).toEqual([])
  expect((await request('GET', `/invitations/${id}`, { token: one })).status).toBe(200)
  // Neither learns of the other's, and one of the two can be accepted.
  const first = await link('ann@example.com')
  const second = await invite({ email: 'ann@example.com' }, { token: other })
  expect(second.body.data.invitation.id).not.toBe(id)
  expect(await post.all('invitation')).toHaveLength(2)
  expect((await accept(first)).status).toBe(200)
  expect((await accept(await link('ann@example.com'))).status).toBe(422)
})

test('an id that is none, or of nobody, is not found', async () => {
  const { request, token } = await withAdmin()
  for (const id of ['7', '%00', '00000000-0000-4000-8000-000000000000', 'accept']) {
    for (const [method, path] of ROUTES(id).slice(2)) {
      if (path === '/invitations/accept') continue
      expect((await request(method, path, { token })).status, `${method} ${path}`).toBe(404)
    }
  }
})

test('whoever has an account is told, the inviter is not, and there is no link', async () => {
  const { invite, someone, post, request, token } = await withAdmin()
  await someone('known@example.com')
  const known = await invite({ email: 'KNOWN@example.com' })
  const unknown = await invite({ email: 'fresh@example.com' })
  const alike = ({ status, headers, body }: typeof known) => {
    const { id: _, email: __, ...rest } = body.data.invitation
    return { status, headers, rest, keys: Object.keys(body.data.invitation) }
  }
  expect(alike(known)).toEqual(alike(unknown))
  expect(await post.all('invitation_taken')).toEqual([{ kind: 'invitation_taken', to: 'known@example.com', facts: {} }])
  expect((await post.all('invitation')).map(({ to }) => to)).toEqual(['fresh@example.com'])
  const path = `/invitations/${known.body.data.invitation.id}/resend`
  expect((await request('POST', path, { token })).status).toBe(200)
  expect(await post.all('invitation_taken')).toHaveLength(2)
  expect(await post.all('invitation')).toHaveLength(1)
})

test('an address that got an account meanwhile makes the link a dead one', async () => {
  const { invite, accept, link, someone, auth } = await withAdmin()
  await invite({ email: 'ann@example.com' })
  await someone('ann@example.com')
  const before = await auth.users.findByIdentifier('ann@example.com')
  const refused = await accept(await link('ann@example.com'), {
    password: 'another1234',
    password_confirmation: 'another1234',
  })
  expect(refused.status).toBe(422)
  expect(refused.body.error.reason).toBe('invitation.invalid_token')
  expect(await auth.users.findByIdentifier('ann@example.com')).toEqual(before)
})

test('inviting an address again makes the open invitation anew, and the old link dies', async () => {
  const { invite, accept, link, request, token, clock, post } = await withAdmin({ roles: ['editor'] })
  const first = (await invite({ email: 'ann@example.com', role: 'editor', data: { a: 1 } })).body.data.invitation
  const old = await link('ann@example.com')
  clock.advance(60_000)
  const second = (await invite({ email: 'ann@example.com', data: { b: 2 } })).body.data.invitation
  expect(second).toEqual({
    ...first,
    role: null,
    data: { b: 2 },
    sent_at: new Date(clock.now()).toISOString(),
    expires_at: new Date(clock.now() + 7 * DAY).toISOString(),
  })
  expect(await post.all('invitation')).toHaveLength(2)
  expect((await accept(old)).status).toBe(422)
  expect((await accept(await link('ann@example.com'))).status).toBe(200)
  expect((await request('GET', '/invitations', { token })).body.data.invitations).toHaveLength(1)
  // And after that it is another, of somebody who has an account.
  expect((await invite({ email: 'ann@example.com' })).body.data.invitation.id).not.toBe(first.id)
  expect(await post.all('invitation_taken')).toHaveLength(1)
})

test('a resend makes a new link for as long again, of one that expired too', async () => {
  const { invite, accept, link, request, signIn, clock } = await withAdmin({ lifetime: '1h' })
  const { id } = (await invite({ email: 'ann@example.com' })).body.data.invitation
  const old = await link('ann@example.com')
  clock.advance(3_600_000)
  expect((await accept(old)).status).toBe(422)
  const token = await signIn('admin@example.com')
  expect((await request('GET', `/invitations/${id}`, { token })).body.data.invitation.status).toBe('expired')
  const { body } = await request('POST', `/invitations/${id}/resend`, { token })
  expect(body.data.invitation).toMatchObject({ id, status: 'open' })
  expect((await accept(old)).status).toBe(422)
  clock.advance(3_599_999)
  expect((await accept(await link('ann@example.com'))).status).toBe(200)
  const again = await signIn('admin@example.com')
  expect((await request('POST', `/invitations/${id}/resend`, { token: again })).status).toBe(404)
  expect((await request('DELETE', `/invitations/${id}`, { token: again })).status).toBe(404)
})

test('nobody resends an invitation to a role that is not theirs to give', async () => {
  const { verbs, request, token } = await withAdmin({ roles: ['editor'] })
  const { id } = await verbs.system.invite({ email: 'ann@example.com', role: 'owner' })
  const refused = await request('POST', `/invitations/${id}/resend`, { token })
  expect(refused.body.error.reason).toBe('invitation.role_not_allowed')
})

test('a withdrawn invitation is gone, and its link dead', async () => {
  const { invite, accept, link, request, token, events } = await withAdmin()
  const { id } = (await invite({ email: 'ann@example.com' })).body.data.invitation
  expect((await request('DELETE', `/invitations/${id}`, { token })).body).toEqual({ data: {} })
  expect((await accept(await link('ann@example.com'))).status).toBe(422)
  expect((await request('DELETE', `/invitations/${id}`, { token })).status).toBe(404)
  expect((await request('GET', '/invitations', { token })).body.data.invitations).toEqual([])
  expect(
    events.at(-2)?.name === 'invitation.withdrawn' || events.some(({ name }) => name === 'invitation.withdrawn'),
  ).toBe(true)
})

test('ill, foreign and expired tokens are refused alike', async () => {
  const { invite, accept, link, clock, signIn } = await withAdmin()
  await invite({ email: 'ann@example.com' })
  const right = await link('ann@example.com')
  const access = await signIn('admin@example.com')
  clock.advance(7 * DAY)
  const answers = []
  const bad = [undefined, null, '', 7, {}, [right], NO_TOKEN, access, `${right}x`, right.slice(0, -1), right]
  for (const token of bad) answers.push(await accept(token))
  for (const { status, body } of answers) {
    expect(status).toBe(422)
    expect(body).toEqual(answers[0]?.body)
  }
})

test('the token may stand in the user, and in a form', async () => {
  const { invite, request, link } = await withAdmin()
  await invite({}, { json: { user: { email: 'ann@example.com' }, data: { team: 1 } } })
  await invite({ email: 'bob@example.com' })
  const inside = { user: { ...CHOSEN, token: await link('ann@example.com') } }
  expect((await request('POST', '/invitations/accept', { json: inside })).status).toBe(200)
  const form = `token=${await link('bob@example.com')}&user[password]=${PASSWORD}&user[password_confirmation]=${PASSWORD}`
  expect((await request('POST', '/invitations/accept', { form })).status).toBe(200)
  expect((await request('POST', '/invitations/accept', { json: { token: NO_TOKEN } })).status).toBe(400)
})

test('what the rules of an account refuse does not use a link up', async () => {
  const fussy: Extension = {
    name: 'fussy',
    setup: () => ({
      hooks: { choosingPassword: ({ password }) => (password === 'disliked1' ? 'is disliked' : undefined) },
    }),
  }
  for (const errors of ['guide', 'problem'] as const) {
    const made = await withAdmin({}, { extensions: [fussy], errors })
    await made.invite({ email: 'ann@example.com' })
    const link = await made.link('ann@example.com')
    for (const [password, confirmation, messages] of [
      [undefined, undefined, { password: ["can't be blank"] }],
      ['', '', { password: ["can't be blank"] }],
      [null, null, { password: ["can't be blank"] }],
      ['short', 'short', { password: ['should be at least 8 character(s)'] }],
      ['ann@example.com', 'ann@example.com', { password: ['is too common'] }],
      ['disliked1', 'disliked1', { password: ['is disliked'] }],
      [PASSWORD, 'other', { password_confirmation: ['does not match confirmation'] }],
      [PASSWORD, undefined, { password_confirmation: ["can't be blank"] }],
    ] as const) {
      const { status, body } = await made.accept(link, { password, password_confirmation: confirmation })
      expect(status).toBe(422)
      const refused = body.error ?? body
      expect(refused.reason).toBe('invitation.invalid_user')
      expect(refused.errors).toEqual(messages)
    }
    expect((await made.accept(link)).status).toBe(200)
  }
})

test('own fields and usernames are taken as at registration', async () => {
  const fields = {
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: (value: unknown) => {
        const { name } = value as { name?: unknown }
        return typeof name === 'string' ? { value: { name } } : { issues: [{ message: 'is invalid', path: ['name'] }] }
      },
    },
  }
  const users = memoryUsers({ fields: ['name'] })
  const made = await withAdminOf({ users, fields: fields as never, identifiers: ['email', 'username'] })
  await made.verbs.system.invite({ email: 'ann@example.com' })
  await made.verbs.system.invite({ email: 'bob@example.com' })
  const link = await made.link('ann@example.com')
  const missing = await made.accept(link)
  expect(missing.body.error.errors).toEqual({ username: ["can't be blank"], name: ['is invalid'] })
  expect((await made.accept(link, { username: 'ann', name: 'Ann' })).status).toBe(200)
  const taken = await made.accept(await made.link('bob@example.com'), { username: 'Ann', name: 'Bob' })
  expect(taken.body.error.errors).toEqual({ username: ['has already been taken'] })
  expect((await made.accept(await made.link('bob@example.com'), { username: 'bob', name: 'Bob' })).status).toBe(200)
  expect(await made.auth.system.findUserBy('bob')).toMatchObject({ email: 'bob@example.com', name: 'Bob' })
  const { paths } = (await made.request('GET', '/openapi.json')).body
  const schema = paths['/invitations/accept'].post.requestBody.content['application/json'].schema
  expect(Object.keys(schema.properties.user.properties)).toEqual([
    'token',
    'username',
    'password',
    'password_confirmation',
    'name',
  ])
})

/** The same without anybody signed in. */
async function withAdminOf(rest: Partial<AuthOptions>, options: InvitationOptions = {}) {
  const post = letters()
  const invitations = invitation(options)
  const { extensions = [], ...others } = rest
  const made = testAuth({ extensions: [post.extension, ...extensions, invitations], ...others })
  const accept = (sent: unknown, user: object = {}, request: TestRequest = {}) =>
    made.request('POST', '/invitations/accept', { json: { token: sent, user: { ...CHOSEN, ...user } }, ...request })
  const link = async (to: string) => (await post.last('invitation', to)).facts.token as string
  return { ...made, post, accept, link, verbs: made.auth.extension(invitations) }
}

test('ill input is 422 by field, and data is bounded', async () => {
  const { invite, verbs, post } = await withAdmin({ roles: () => true })
  for (const [user, errors] of [
    [{}, { email: ["can't be blank"] }],
    [{ email: 7 }, { email: ['is invalid'] }],
    [{ email: 'nobody' }, { email: ['has invalid format'] }],
    [{ email: 'a@example.com\r\nbcc: b@example.com' }, { email: ['has invalid format'] }],
    [{ email: 'a@example.com', role: 7 }, { role: ['is invalid'] }],
    [{ email: 'a@example.com', role: 'x\u0000' }, { role: ['is invalid'] }],
    [{ email: 'a@example.com', data: 'text' }, { data: ['is invalid'] }],
    [{ email: 'a@example.com', data: [1] }, { data: ['is invalid'] }],
    [{ email: 'a@example.com', data: { a: 'é'.repeat(2048) } }, { data: ['should be at most 4096 byte(s)'] }],
  ] as const) {
    const { status, body } = await invite(user)
    expect(status).toBe(422)
    expect(body.error).toMatchObject({ reason: 'invitation.invalid', errors })
  }
  expect(await post.all()).toEqual([])
  const circular: Record<string, unknown> = {}
  circular.self = circular
  await expect(verbs.system.invite({ email: 'a@example.com', data: circular })).rejects.toMatchObject({ status: 422 })
  const polluted = JSON.parse('{"__proto__": {"admin": true}, "team": {"__proto__": 1, "id": "\\u0000"}}')
  const { body } = await invite({ email: 'a@example.com', data: polluted })
  expect(JSON.stringify(body.data.invitation.data)).toBe('{"team":{"id":"\\u0000"}}')
})

test('pages of the list', async () => {
  const { verbs, request, token, clock } = await withAdmin()
  for (let n = 0; n < 5; n++) {
    await verbs.system.invite({ email: `n${n}@example.com` })
    if (n % 2) clock.advance(1)
  }
  const seen: string[] = []
  let next: string | null = null
  do {
    const { body } = await request('GET', `/invitations?limit=2${next === null ? '' : `&before=${next}`}`, { token })
    expect(body.data.invitations.length).toBeLessThanOrEqual(2)
    seen.push(...body.data.invitations.map(({ email }: { email: string }) => email))
    next = body.data.next
  } while (next !== null)
  expect(new Set(seen).size).toBe(5)
  expect(seen[0]).toBe('n4@example.com')
  for (const query of ['limit=0', 'limit=101', 'limit=x', 'before=x', "before='%00"]) {
    expect((await request('GET', `/invitations?${query}`, { token })).status, query).toBe(400)
  }
})

test('limits: open ones, mails of one inviter, mails to one address', async () => {
  const open = await withAdmin({ limits: { open: 2 } })
  expect((await open.invite({ email: 'a@example.com' })).status).toBe(200)
  const { id } = (await open.invite({ email: 'b@example.com' })).body.data.invitation
  const refused = await open.invite({ email: 'c@example.com' })
  expect(refused.status).toBe(429)
  expect(refused.body.error.reason).toBe('invitation.too_many')
  expect(refused.headers['retry-after']).toBe('3600')
  expect((await open.invite({ email: 'b@example.com' })).status).toBe(200)
  await open.request('DELETE', `/invitations/${id}`, { token: open.token })
  expect((await open.invite({ email: 'c@example.com' })).status).toBe(200)

  const daily = await withAdmin({ limits: { daily: 2 } })
  const first = (await daily.invite({ email: 'a@example.com' })).body.data.invitation
  const again = `/invitations/${first.id}/resend`
  expect((await daily.request('POST', again, { token: daily.token })).status).toBe(200)
  expect((await daily.request('POST', again, { token: daily.token })).status).toBe(429)
  expect((await daily.invite({ email: 'b@example.com' })).status).toBe(429)
  daily.clock.advance(DAY)
  expect(
    (await daily.invite({ email: 'b@example.com' }, { token: await daily.signIn('admin@example.com') })).status,
  ).toBe(200)

  const address = await withAdmin({ limits: { address: 1 }, inviters: 'authenticated' })
  await address.someone('known@example.com')
  for (const email of ['victim@example.com', 'known@example.com']) {
    expect((await address.invite({ email })).status).toBe(200)
    const other = await address.someone(`other-${email}`)
    const second = await address.invite({ email }, { token: other })
    expect(second.status).toBe(429)
  }
  expect((await address.verbs.system.invite({ email: 'victim@example.com' })).status).toBe('open')
})

test('the open registration may be closed: for routes and custom controllers, not for invitations and trusted code', async () => {
  const { request, auth, invite, accept, link } = await withAdmin({ registration: 'invited' })
  const user = { email: 'eve@example.com', ...CHOSEN }
  const refused = await request('POST', '/registration', { json: { user } })
  expect(refused.status).toBe(403)
  expect(refused.body.error.reason).toBe('invitation.required')
  const ctx = await auth.open(testExchange('POST', '/mine'))
  await expect(auth.accounts.create(ctx, user)).rejects.toMatchObject({ code: 'invitation.required' })
  expect(await auth.system.findUserBy('eve@example.com')).toBe(null)
  await invite({ email: 'ann@example.com' })
  expect((await accept(await link('ann@example.com'))).status).toBe(200)
  await auth.system.createUser(user)
})

test('the app hears of an acceptance before the sign-in, and its error leaves no account and a working link', async () => {
  const heard: unknown[] = []
  let fails = true
  const { verbs, accept, link, auth, errors } = await withAdminOf(
    {},
    {
      accepted(ctx, user, { id, data, status, userId }) {
        heard.push({ id, data, status, isUser: user.id === userId, authenticated: ctx.authenticated })
        if (fails) throw new Error('the team is away')
      },
    },
  )
  const { id } = await verbs.system.invite({ email: 'ann@example.com', data: { team: 7 } })
  expect((await accept(await link('ann@example.com'))).status).toBe(500)
  expect(await auth.system.findUserBy('ann@example.com')).toBe(null)
  expect(String(errors)).toContain('the team is away')
  fails = false
  expect((await accept(await link('ann@example.com'))).status).toBe(200)
  const expected = { id, data: { team: 7 }, status: 'accepted', isUser: true, authenticated: false }
  expect(heard).toEqual([expected, expected])
})

test('the address is proven before the door, which may still refuse', async () => {
  const moments: string[] = []
  let refuses = true
  const door: Extension = {
    name: 'door',
    setup: () => ({
      hooks: {
        emailProven: ({ user }) => void moments.push(`proven ${user.email}`),
        signingIn() {
          moments.push('signing in')
          if (refuses) throw new Problem('second_factor', { status: 403 })
        },
        signedIn: () => void moments.push('signed in'),
      },
    }),
  }
  const { verbs, accept, link, auth, request } = await withAdminOf({ extensions: [door] })
  await verbs.system.invite({ email: 'ann@example.com' })
  const answer = await accept(await link('ann@example.com'))
  expect(answer.body.error.reason).toBe('second_factor')
  expect(moments).toEqual(['proven ann@example.com', 'signing in'])
  const { id } = (await auth.system.findUserBy('ann@example.com')) as BaseUser
  expect(await auth.store.sessions.listByUser(id)).toEqual([])
  refuses = false
  const user = { email: 'ann@example.com', password: PASSWORD }
  expect((await request('POST', '/session', { json: { user } })).status).toBe(200)
  expect((await accept(await link('ann@example.com'))).status).toBe(422)
})

test('in a cookie, and not for another site’s page', async () => {
  const { verbs, link, auth } = await withAdminOf({ sessions: cookieSessions() })
  await verbs.system.invite({ email: 'ann@example.com' })
  const json = { token: await link('ann@example.com'), user: CHOSEN }
  const send = (origin: string) =>
    auth.respond(
      testExchange('POST', '/api/v1/invitations/accept', {
        json,
        headers: {
          host: 'app.example.com',
          origin,
          'sec-fetch-site': origin.includes('evil') ? 'cross-site' : 'same-origin',
        },
      }),
    )
  expect((await send('https://evil.example')).status).toBe(403)
  expect(await auth.system.findUserBy('ann@example.com')).toBe(null)
  const answer = await send('https://app.example.com')
  expect(answer.status).toBe(200)
  expect(answer.body).toBe('{"data":{}}')
  expect(answer.cookies?.[0]).toMatch(/^__Host-session=pwc1/)
})

const tenant: AuthOptions['tenant'] = ({ header }) =>
  ['a', 'b'].includes(header('x-tenant') ?? '') ? header('x-tenant') : null

test('tenants know nothing of each other’s invitations', async () => {
  const made = await withAdmin({}, { tenant })
  const a = { headers: { 'x-tenant': 'a' } }
  const b = { headers: { 'x-tenant': 'b' } }
  await made.auth.system.of('b').createUser({ email: 'admin@example.com', password: PASSWORD, role: 'admin' })
  const { body } = await made.request('POST', '/session', {
    json: { user: { email: 'admin@example.com', password: PASSWORD } },
    ...b,
  })
  const other = body.data.access_token
  const { id } = (await made.invite({ email: 'ann@example.com' }, a)).body.data.invitation
  for (const [method, path] of ROUTES(id).slice(2)) {
    expect((await made.request(method, path, { token: other, ...b })).status, path).toBe(404)
    expect((await made.request(method, path, { token: made.token, ...b })).status, path).toBe(401)
  }
  expect((await made.request('GET', '/invitations', { token: other, ...b })).body.data.invitations).toEqual([])
  const link = await made.link('ann@example.com')
  expect((await made.accept(link, {}, b)).status).toBe(422)
  expect((await made.accept(link)).status).toBe(404)
  expect((await made.accept(link, {}, a)).status).toBe(200)
  expect(await made.auth.system.of('b').findUserBy('ann@example.com')).toBe(null)
  // The same address may be invited in both.
  await made.verbs.system.of('b').invite({ email: 'ann@example.com' })
  expect((await made.accept(await made.link('ann@example.com'), {}, b)).status).toBe(200)
  await expect(made.verbs.system.invite({ email: 'x@example.com' })).rejects.toThrow(TypeError)
})

test('with sessions read alone, and sessions that cannot be listed, inviters are still looked at', async () => {
  for (const rest of [
    { session: { loadUser: false } },
    { sessions: parts => (({ own: _, ...plain }) => plain)(bearerSessions(parts)), session: { loadUser: false } },
  ] as const satisfies readonly Partial<AuthOptions>[]) {
    const { invite, someone, accept, link, auth } = await withAdmin({}, rest)
    expect((await invite({ email: 'ann@example.com' })).status).toBe(200)
    expect((await accept(await link('ann@example.com'))).status).toBe(200)
    expect((await invite({ email: 'bob@example.com' }, { token: await someone('m@example.com') })).status).toBe(403)
    if ('sessions' in rest) continue
    const admin = (await auth.system.findUserBy('admin@example.com')) as BaseUser
    await auth.system.suspend(admin.id)
    expect((await invite({ email: 'bob@example.com' })).status).toBe(401)
  }
})

test('nothing that opens an invitation is stored or told in clear', async () => {
  const { invite, link, accept, auth, events, errors } = await withAdmin()
  const answer = await invite({ email: 'ann@example.com' })
  const token = await link('ann@example.com')
  await accept(token)
  for (const text of [answer.body, events, errors]) {
    expect(JSON.stringify(text)).not.toContain(token.slice(5))
    expect(JSON.stringify(text)).not.toContain('token_hash')
  }
  expect(auth).toBeDefined()
})

test('those that ended long ago are removed, and those of a deleted account at once', async () => {
  const { verbs, accept, link, auth, clock } = await withAdminOf({}, { keep: '1d', lifetime: '1h' })
  await verbs.system.invite({ email: 'ann@example.com' })
  await accept(await link('ann@example.com'))
  await verbs.system.invite({ email: 'bob@example.com' })
  const { id } = (await auth.system.findUserBy('ann@example.com')) as BaseUser
  await auth.system.deleteUser(id)
  const emails = async () => (await verbs.system.list()).invitations.map(({ email }) => email)
  expect(await emails()).toEqual(['bob@example.com'])
  clock.advance(3_600_000 + DAY)
  await verbs.system.invite({ email: 'cat@example.com' })
  expect(await emails()).toEqual(['cat@example.com', 'bob@example.com'])
  clock.advance(1)
  await verbs.system.invite({ email: 'dan@example.com' })
  expect(await emails()).toEqual(['dan@example.com', 'cat@example.com'])
})

test('wrong options are named', () => {
  for (const [options, name] of [
    [{ inviters: [] }, /inviters/],
    [{ inviters: 'everybody' }, /inviters/],
    [{ roles: 'admin' }, /roles/],
    [{ registration: 'closed' }, /registration/],
    [{ lifetime: '0d' }, /lifetime/],
    [{ keep: 'x' }, /keep/],
    [{ limits: { open: 0 } }, /limits\.open/],
    [{ limits: { many: 1 } }, /limits\.many/],
    [{ accepted: true }, /accepted/],
    [{ role: 'x' }, /invitation\.role/],
  ] as const) {
    expect(() => invitation(options as never)).toThrow(name)
    expect(() => invitation(options as never)).toThrow(TypeError)
  }
  expect(() => testAuth({ extensions: [invitation()] })).toThrow(/invitation needs mail/)
})

test('taken out it leaves nothing in the routes', async () => {
  const { request } = testAuth({ extensions: [letters().extension] })
  for (const [method, path] of [...ROUTES('7'), ['POST', '/invitations/accept']] as [string, string][]) {
    expect((await request(method, path)).status).toBe(404)
  }
  expect(JSON.stringify((await request('GET', '/openapi.json')).body)).not.toContain('invitation')
})

test('two realms on one table keep their invitations apart', async () => {
  const { now } = testClock()
  const store = memoryStore({ now })
  const made = await withAdminOf({ store, now, realm: 'staff' })
  const other = await withAdminOf({ store, now, realm: 'everybody' })
  await made.verbs.system.invite({ email: 'ann@example.com' })
  expect((await other.accept(await made.link('ann@example.com'))).status).toBe(422)
})

test('the description of the routes is valid, and lists what they refuse', async () => {
  const { request } = testAuth({ extensions: [letters().extension, invitation()] })
  const { body } = await request('GET', '/openapi.json')
  const config = await createConfig({ extends: ['minimal', 'spec'] })
  const faults = await lintFromString({ source: JSON.stringify(body), absoluteRef: 'openapi.json', config })
  expect(faults.map(({ message }) => message)).toEqual([])
  expect(Object.keys(body.paths['/invitations'].post.responses)).toEqual(
    expect.arrayContaining(['200', '401', '403', '422', '429', '503']),
  )
})
