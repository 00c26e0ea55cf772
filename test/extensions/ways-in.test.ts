import { describe, expect, test } from 'vitest'
import { sessionKeeper } from '../../src/cli/import/sessions.js'
import { emailConfirmation } from '../../src/extensions/email-confirmation/email-confirmation.js'
import { importedSessions } from '../../src/extensions/imported-sessions/imported-sessions.js'
import { PURPOSE } from '../../src/extensions/imported-sessions/token-key.js'
import { invitation } from '../../src/extensions/invitation/invitation.js'
import { rateLimits } from '../../src/extensions/rate-limits/rate-limits.js'
import { resetPassword } from '../../src/extensions/reset-password/reset-password.js'
import { type Answer, bearerOrCookieSessions } from '../../src/index.js'
import { testExchange } from '../../src/testing/index.js'
import { deriveKey } from '../../src/tokens/token.js'
import { DAY, mailedAuth, PASSWORD } from '../support/mailed.js'

const SECRET = 'a secret for tests, and for tests alone'
const EMAIL = 'me@example.com'
const HOME = '192.0.2.1'
const ELSEWHERE = '198.51.100.7'
const BROWSER = { origin: 'http://localhost', host: 'localhost', 'sec-fetch-site': 'same-origin' }
const IDEMPOTENCY_KEY = 'the-key-of-my-registration'
const IMPORTED = 'theOldTokenOfMineTheOldToken0001'

const detailsOf = (email: string) => ({ email, password: PASSWORD, password_confirmation: PASSWORD })

/** Somebody who registered and has sessions of both kinds, an imported one, and an invitation for a friend. */
async function start() {
  const limits = rateLimits({ signIn: { account: '6/10m', address: '40/10m' }, registration: { address: '20/10m' } })
  const flows = [
    limits,
    emailConfirmation({ required: true, grace: '1d' }),
    resetPassword(),
    invitation({ inviters: 'authenticated' }),
    importedSessions(),
  ]
  const world = await mailedAuth(flows, { secret: SECRET, sessions: bearerOrCookieSessions() })
  const { auth, tokenOf } = world

  /** Where requests come from. */
  const place = { now: HOME }

  async function send(method: string, path: string, json?: unknown, headers = {}, address = place.now) {
    const answer: Answer = await auth.respond(testExchange(method, `/api/v1${path}`, { json, headers, address }))
    return { ...answer, body: answer.body === null ? null : JSON.parse(answer.body) }
  }

  const headers = { 'idempotency-key': IDEMPOTENCY_KEY }
  const { access_token, renewal_token } = (await send('POST', '/registration', { user: detailsOf(EMAIL) }, headers))
    .body.data
  const inBrowser = { ...BROWSER, 'session-transport': 'cookie' }
  const browser = await send(
    'POST',
    '/session',
    { user: { email: EMAIL, password: PASSWORD, remember_me: true } },
    inBrowser,
  )
  const cookie = browser.cookies?.[0]?.split(';')[0] ?? ''
  const user = (await auth.users.findByIdentifier(EMAIL))?.user as NonNullable<unknown> as { id: string }
  const invited = await send(
    'POST',
    '/invitations',
    { user: { email: 'friend@example.com' } },
    { authorization: access_token },
  )
  expect([cookie === '', invited.status]).toEqual([false, 200])
  const link = await tokenOf('confirm_email', EMAIL)
  return { ...world, send, renewalToken: renewal_token as string, cookie, userId: user.id, link, place }
}

type World = Awaited<ReturnType<typeof start>>

/** How a way in ended: `in`, `out` where nobody is signed in and that is no refusal, or the reason of the refusal. */
type Outcome = string

const outcomeOf = ({ status, body, cookies = [] }: Awaited<ReturnType<World['send']>>): Outcome => {
  if (status !== 200) return body.error.reason
  return body.data.access_token || cookies.length > 0 ? 'in' : 'out'
}

/** The same for a verb: what a controller of the app's own calls. */
async function called(
  world: World,
  headers: Record<string, string>,
  call: (ctx: never) => Promise<unknown>,
): Promise<Outcome> {
  const ctx = await world.auth.open(testExchange('POST', '/mine', { headers, address: world.place.now }))
  try {
    await call(ctx as never)
    await ctx.commit()
    return ctx.tokens ? 'in' : 'out'
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** Every way to a session, by what it is. Those with a method and a path are routes, and all routes must be here. */
const WAYS: Readonly<Record<string, (world: World) => Promise<Outcome>>> = {
  'POST /registration': async ({ send }) =>
    outcomeOf(await send('POST', '/registration', { user: detailsOf('new@example.com') })),
  'the same again after a lost answer': async ({ send }) =>
    outcomeOf(await send('POST', '/registration', { user: detailsOf(EMAIL) }, { 'idempotency-key': IDEMPOTENCY_KEY })),
  'POST /session': async ({ send }) =>
    outcomeOf(await send('POST', '/session', { user: { email: EMAIL, password: PASSWORD } })),
  'the same into a cookie': async ({ send }) =>
    outcomeOf(
      await send(
        'POST',
        '/session',
        { user: { email: EMAIL, password: PASSWORD } },
        { ...BROWSER, 'session-transport': 'cookie' },
      ),
    ),
  'POST /session/renew': async ({ send, renewalToken }) =>
    outcomeOf(await send('POST', '/session/renew', undefined, { authorization: renewalToken })),
  'a cookie that is exchanged': async ({ send, cookie }) => {
    const answer = await send('GET', '/session', undefined, { ...BROWSER, cookie })
    return answer.status === 200 && answer.cookies?.length
      ? 'in'
      : answer.status === 200
        ? 'out'
        : answer.body.error.reason
  },
  'POST /invitations/accept': async ({ send, tokenOf }) => {
    const token = await tokenOf('invitation', 'friend@example.com')
    const user = { password: PASSWORD, password_confirmation: PASSWORD }
    return outcomeOf(await send('POST', '/invitations/accept', { token, user }))
  },
  'POST /session/import': async ({ send, auth, userId, clock }) => {
    const keep = sessionKeeper(auth.store.values, { key: deriveKey(SECRET, PURPOSE), tenant: '', now: clock.now })
    const account = await auth.users.findById(userId)
    await keep([{ userId, token: IMPORTED, expiresAt: clock.now() + DAY }], account ? [account] : [])
    return outcomeOf(await send('POST', '/session/import', { token: IMPORTED }))
  },
  'accounts.authenticate': world =>
    called(world, {}, ctx => world.auth.accounts.authenticate(ctx, { email: EMAIL, password: PASSWORD })),
  'accounts.create': world => called(world, {}, ctx => world.auth.accounts.create(ctx, detailsOf('new@example.com'))),
  'accounts.signIn': world =>
    called(world, {}, async ctx => {
      const account = await world.auth.users.findById(world.userId)
      return account && world.auth.accounts.signIn(ctx, account.user, { methods: ['otp'] })
    }),
  'sessions.renew': world =>
    called(world, { authorization: world.renewalToken }, async ctx => {
      if (!(await world.auth.sessions.renew(ctx))) throw Object.assign(new Error(), { code: 'invalid_token' })
    }),
  'system.signIn': ({ auth, userId }) =>
    auth.system.signIn(userId, { methods: ['otp'] }).then(
      () => 'in',
      error => error.code,
    ),
}

const confirm = async ({ send, link }: World) => {
  expect((await send('POST', '/email-confirmation', { token: link })).status).toBe(200)
}

/** Tries passwords of somebody's account from all over, until no more may be tried. */
async function guess(world: World): Promise<void> {
  await confirm(world)
  const wrong = { user: { email: EMAIL, password: 'wrong' } }
  for (let index = 0; index < 12; index++) await world.send('POST', '/session', wrong, {}, `203.0.113.${index}`)
}

/** What is the matter with somebody; everybody comes back two days after they registered. */
const STATES: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  'all is well': confirm,
  unconfirmed: async () => {},
  async suspended(world) {
    await confirm(world)
    await world.auth.system.suspend(world.userId)
  },
  async locked(world) {
    await guess(world)
    world.place.now = ELSEWHERE
  },
  'locked by others': guess,
  async limited(world) {
    await confirm(world)
    for (let index = 0; index < 40; index++) {
      await world.send('POST', '/session', { user: { email: `n${index}@example.com`, password: 'x' } })
    }
    for (let index = 0; index < 20; index++) await world.send('POST', '/registration', { user: {} })
  },
}

const CONFIRM = 'email_confirmation.required'
const LIMIT = 'rate_limits.exceeded'

/**
 * What each way answers in each state. A lock and a limit are about passwords that are tried and accounts that are made:
 * whoever has a session, a link or another proof is nobody's guesser, and others must not keep them out.
 */
const TABLE: Readonly<Record<keyof typeof WAYS, readonly [well: Outcome, ...states: Outcome[]]>> = {
  // all is well, unconfirmed, suspended, locked, locked by others, limited
  'POST /registration': ['in', 'in', 'in', 'in', 'in', LIMIT],
  'the same again after a lost answer': [
    'invalid_user',
    'invalid_user',
    'invalid_user',
    'invalid_user',
    'invalid_user',
    LIMIT,
  ],
  'POST /session': ['in', CONFIRM, 'suspended', LIMIT, 'in', LIMIT],
  'the same into a cookie': ['in', CONFIRM, 'suspended', LIMIT, 'in', LIMIT],
  'POST /session/renew': ['in', CONFIRM, 'invalid_token', 'in', 'in', 'in'],
  'a cookie that is exchanged': ['in', CONFIRM, 'not_authenticated', 'in', 'in', 'in'],
  'POST /invitations/accept': ['in', 'in', 'invitation.invalid_token', 'in', 'in', 'in'],
  'POST /session/import': ['in', CONFIRM, 'invalid_token', 'in', 'in', 'in'],
  'accounts.authenticate': ['in', CONFIRM, 'suspended', LIMIT, 'in', LIMIT],
  'accounts.create': ['in', 'in', 'in', 'in', 'in', LIMIT],
  'accounts.signIn': ['in', CONFIRM, 'suspended', 'in', 'in', 'in'],
  'sessions.renew': ['in', CONFIRM, 'invalid_token', 'in', 'in', 'in'],
  'system.signIn': ['in', CONFIRM, 'suspended', 'in', 'in', 'in'],
}

describe.each(Object.keys(STATES).map((state, column) => ({ state, column })))('$state', ({ state, column }) => {
  test.each(Object.keys(WAYS))('%s', async way => {
    const world = await start()
    world.clock.advance(2 * DAY)
    await STATES[state]?.(world)
    expect(await WAYS[way]?.(world)).toBe(TABLE[way]?.[column])
  })
})

test('every route that gives tokens is in the table', async () => {
  const { send } = await start()
  const { paths } = (await send('GET', '/openapi.json')).body
  const giving = Object.entries<Record<string, unknown>>(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([, operation]) =>
        JSON.stringify((operation as { responses: object }).responses).includes('schemas/Tokens'),
      )
      .map(([method]) => `${method.toUpperCase()} ${path}`),
  )
  expect(giving.sort()).toEqual(
    Object.keys(WAYS)
      .filter(way => /^[A-Z]+ \//.test(way))
      .sort(),
  )
})
