import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type InvitationOptions, invitation } from '../../src/extensions/invitation/invitation.js'
import { type AuthOptions, type Extension, memoryUsers, type SqlDatabase, type Store } from '../../src/index.js'
import { migrate } from '../../src/migrations.js'
import { sqliteStore } from '../../src/stores/sqlite.js'
import { testAuth, testClock, testExchange } from '../../src/testing/index.js'
import { sqlUsers } from '../../src/users/sql.js'
import { awayDatabase } from '../support/away.js'
import { newDatabase } from '../support/database.js'
import { letters } from '../support/letters.js'
import { STORES } from '../support/stores.js'
import { ENGINES } from '../support/tables.js'

const PASSWORD = 'secret1234'
const CHOSEN = { password: PASSWORD, password_confirmation: PASSWORD }
const FIFTY = Array.from({ length: 50 }, (_, index) => index)

interface Place {
  readonly name: string
  open(now: () => number): Promise<{ database?: SqlDatabase; store: Store }>
}

const redis = STORES.filter(({ name }) => name === 'redis' || name === 'redis cluster')

const PLACES: readonly Place[] = [
  {
    name: 'memory',
    open: async now => ({ store: (await STORES.find(({ name }) => name === 'memory')?.make({ now }))?.store as Store }),
  },
  ...ENGINES.map(engine => ({
    name: engine.name as string,
    async open(now: () => number) {
      const { database, storeWith } = await engine.open()
      return { database, store: storeWith({ now }) }
    },
  })),
  ...redis.map(({ name, make }) => ({
    name: `sqlite and ${name}`,
    open: async (now: () => number) => ({ database: await newDatabase(), store: (await make({ now })).store }),
  })),
]

/** Auths with an invited person each, whose addresses are nobody else's in a shared database. */
async function over(
  { database, store }: Awaited<ReturnType<Place['open']>>,
  clock: ReturnType<typeof testClock>,
  options: InvitationOptions = {},
  rest: Partial<AuthOptions> = {},
) {
  const post = letters()
  const invitations = invitation(options)
  const extensions: Extension[] = [post.extension, ...(rest.extensions ?? []), invitations]
  if (database) await migrate(database, { extensions })
  const users = database ? sqlUsers(database) : memoryUsers()
  const made = testAuth({ users, store, now: clock.now, deadlineMs: 20_000, ...rest, extensions })
  const email = `${randomUUID()}@example.com`
  const verbs = made.auth.extension(invitations)
  const link = async () => (await post.last('invitation', email)).facts.token as string
  const accept = (token: string, user: object = {}) =>
    made.request('POST', '/invitations/accept', { json: { token, user: { ...CHOSEN, ...user } } })
  const signIn = async (password = PASSWORD) =>
    (await made.request('POST', '/session', { json: { user: { email, password } } })).status
  return { ...made, clock, post, verbs, email, link, accept, signIn }
}

const count = (statuses: readonly unknown[], wanted: unknown) => statuses.filter(each => each === wanted).length

describe.each(PLACES)('on $name', place => {
  const opened = async (options?: InvitationOptions) => {
    const clock = testClock()
    return over(await place.open(clock.now), clock, options)
  }

  test('of fifty acceptances of one link exactly one goes through', async () => {
    const { verbs, email, link, accept, auth, signIn } = await opened()
    await verbs.system.invite({ email, role: 'editor' })
    const token = await link()
    const passwords = FIFTY.map(n => `secret-number-${n}`)
    const answers = await Promise.all(
      passwords.map(password => accept(token, { password, password_confirmation: password })),
    )
    const statuses = answers.map(({ status }) => status)
    expect(count(statuses, 200)).toBe(1)
    expect(count(statuses, 422)).toBe(49)
    expect(await signIn(passwords[statuses.indexOf(200)])).toBe(200)
    const user = await auth.system.findUserBy(email)
    expect(user?.role).toBe('editor')
    expect(await auth.system.sessionsOf(user?.id ?? '')).toHaveLength(2)
  })

  test('of fifty withdrawals one goes through', async () => {
    const { verbs, email } = await opened()
    const { id } = await verbs.system.invite({ email })
    const withdrawn = await Promise.allSettled(FIFTY.map(() => verbs.system.withdraw(id)))
    expect(
      count(
        withdrawn.map(({ status }) => status),
        'fulfilled',
      ),
    ).toBe(1)
  })

  test('an acceptance and a withdrawal at once: one of them', async () => {
    const { verbs, email, link, accept, auth } = await opened()
    const { id } = await verbs.system.invite({ email })
    const token = await link()
    const [statuses, withdrawn] = await Promise.all([
      Promise.all(FIFTY.slice(25).map(async () => (await accept(token)).status)),
      Promise.allSettled(FIFTY.slice(25).map(() => verbs.system.withdraw(id))),
    ])
    const ended = count(
      withdrawn.map(({ status }) => status),
      'fulfilled',
    )
    expect(count(statuses, 200) + ended).toBe(1)
    expect((await auth.system.findUserBy(email)) === null).toBe(ended === 1)
  })

  test('an acceptance and new links at once: the old link or the newest, and one account', async () => {
    const { verbs, email, link, accept } = await opened()
    const { id } = await verbs.system.invite({ email })
    const token = await link()
    const [statuses, sent] = await Promise.all([
      Promise.all(FIFTY.slice(25).map(async () => (await accept(token)).status)),
      Promise.allSettled(FIFTY.slice(25).map(() => verbs.system.resend(id))),
    ])
    expect(count(statuses, 200)).toBeLessThanOrEqual(1)
    if (count(statuses, 200) === 1) return
    expect(
      count(
        sent.map(({ status }) => status),
        'fulfilled',
      ),
    ).toBe(25)
    expect((await accept(token)).status).toBe(422)
  })

  test('fifty invitations of one address are one, whose newest link alone works', async () => {
    const { verbs, email, post, accept } = await opened()
    const made = await Promise.all(FIFTY.map(() => verbs.system.invite({ email })))
    expect(new Set(made.map(({ id }) => id)).size).toBe(1)
    const tokens = (await post.all('invitation')).filter(({ to }) => to === email).map(({ facts }) => facts.token ?? '')
    expect(new Set(tokens).size).toBe(50)
    const statuses = await Promise.all(tokens.map(async token => (await accept(token)).status))
    expect(count(statuses, 200)).toBe(1)
  })

  test('pages are in order, and a cursor leaves none out', async () => {
    const { verbs, email, clock } = await opened()
    // Later than what other tests left in a database that they share.
    clock.advance(1000)
    for (let n = 0; n < 5; n++) await verbs.system.invite({ email: `${n}-${email}` })
    const first = await verbs.system.list({ limit: 3 })
    const second = await verbs.system.list({ limit: 2, before: first.next ?? '' })
    const emails = [...first.invitations, ...second.invitations].map(each => each.email)
    expect(new Set(emails)).toEqual(new Set(['0', '1', '2', '3', '4'].map(n => `${n}-${email}`)))
  })
})

/** An auth over a SQLite file that a test takes away. */
async function overAway(options: InvitationOptions = {}, rest: Partial<AuthOptions> = {}) {
  const clock = testClock()
  const away = awayDatabase(await newDatabase())
  const { database } = away
  const store = sqliteStore(database as never, { now: clock.now })
  return { ...(await over({ database, store }, clock, options, rest)), away }
}

/** Every step of an acceptance fails once: for good until the test restores it, or that one statement alone. */
describe.each([
  ['from there on', undefined],
  ['and at the next it is back', 1],
] as const)('the database is away at a statement of an acceptance, %s', (_, length) => {
  test('it answers 503, and then the link works or the person can sign in', async () => {
    const met = { link: 0, wait: 0, signIn: 0 }
    for (let step = 1; step < 100; step++) {
      const { verbs, email, link, accept, signIn, away, auth, clock } = await overAway()
      await verbs.system.invite({ email, role: 'editor' })
      const token = await link()
      away.fail(step, length && step + length)
      const { status } = await accept(token)
      const isThrough = away.count() < step
      away.restore()
      if (isThrough) {
        expect(status).toBe(200)
        expect(step).toBeGreaterThan(5)
        expect(met.link).toBeGreaterThan(0)
        return
      }
      // What only tidies up, or shows a list, refuses nobody.
      expect([200, 503], `statement ${step}`).toContain(status)
      const isIn = status === 200 || (await signIn()) === 200
      if (isIn) met.signIn++
      else if ((await accept(token)).status === 200) met.link++
      else {
        clock.advance(60_000)
        expect((await accept(token)).status, `statement ${step}`).toBe(200)
        met.wait++
      }
      expect(await signIn()).toBe(200)
      expect((await auth.system.findUserBy(email))?.role).toBe('editor')
    }
    expect.unreachable('an acceptance has fewer statements')
  })
})

test('the database is away at a statement of an invitation: 503, and once more makes one of it', async () => {
  for (let step = 1; step < 100; step++) {
    const { verbs, email, link, accept, away } = await overAway()
    away.fail(step)
    const answer = await verbs.system.invite({ email }).catch(error => error)
    const isThrough = away.count() < step
    away.restore()
    if (isThrough) {
      expect(step).toBeGreaterThan(3)
      return
    }
    expect(answer, `statement ${step}`).toMatchObject({ code: 'unavailable' })
    await verbs.system.invite({ email })
    expect((await verbs.system.list()).invitations).toHaveLength(1)
    expect((await accept(await link())).status).toBe(200)
  }
})

test('a log that cannot be written after the account is there leaves no account, and a working link', async () => {
  for (const name of ['account.created', 'invitation.accepted']) {
    let isAway = true
    const log: Extension = {
      name: 'log',
      setup: () => ({
        hooks: {
          happened({ event }) {
            if (isAway && event.name === name) throw new Error('the log is away')
          },
        },
      }),
    }
    const { verbs, email, link, accept, auth } = await overAway({}, { extensions: [log] })
    await verbs.system.invite({ email })
    expect((await accept(await link())).status, name).toBe(500)
    expect(await auth.system.findUserBy(email), name).toBe(null)
    isAway = false
    expect((await accept(await link())).status, name).toBe(200)
  }
})

test('an acceptance that was cut off holds the link for a minute, against a withdrawal too', async () => {
  let release = () => {}
  const held: Extension = {
    name: 'held',
    setup: () => ({ hooks: { emailProven: () => new Promise<void>(resolve => (release = resolve)) } }),
  }
  const { verbs, email, link, accept, clock, auth } = await overAway({}, { extensions: [held] })
  const { id } = await verbs.system.invite({ email })
  const token = await link()
  const first = accept(token)
  while ((await auth.system.findUserBy(email)) === null) await new Promise(resolve => setImmediate(resolve))
  expect((await accept(token)).status).toBe(422)
  await expect(verbs.system.withdraw(id)).rejects.toMatchObject({ code: 'not_found' })
  await expect(verbs.system.resend(id)).rejects.toMatchObject({ code: 'not_found' })
  await expect(verbs.system.invite({ email })).rejects.toMatchObject({ code: 'unavailable' })
  clock.advance(60_000)
  // There is an account by now: no second one, whatever becomes of the claim.
  expect((await accept(token)).status).toBe(422)
  release()
  expect((await first).status).toBe(200)
  expect((await verbs.system.list()).invitations).toMatchObject([{ status: 'accepted' }])
})

const postgres = ENGINES.find(({ name }) => name === 'postgres')

/** The same over PostgreSQL, where other statements run while one waits for its result. */
async function overPostgres() {
  const clock = testClock()
  const opened = await (postgres as NonNullable<typeof postgres>).open()
  const away = awayDatabase(opened.database)
  return { ...(await over({ database: away.database, store: opened.storeWith(clock) }, clock)), away }
}

test.skipIf(!postgres)('what happened between a look at an invitation and its change is not overwritten', async () => {
  for (const verb of ['withdraw', 'resend'] as const) {
    const { verbs, email, link, accept, away, auth } = await overPostgres()
    const { id } = await verbs.system.invite({ email })
    const token = await link()
    away.afterNext(async () => expect((await accept(token)).status).toBe(200))
    await expect(verbs.system[verb](id), verb).rejects.toMatchObject({ code: 'not_found' })
    const { invitations } = await verbs.system.list()
    expect(invitations.find(each => each.id === id)?.status, verb).toBe('accepted')
    expect((await auth.system.findUserBy(email))?.email).toBe(email)
  }
  for (const [what, meanwhile] of [
    ['withdrawn', ({ verbs }, id) => verbs.system.withdraw(id)],
    ['sent anew', ({ verbs }, id) => verbs.system.resend(id)],
    ['invited anew', ({ verbs, email }) => verbs.system.invite({ email })],
    ['expired', async ({ clock }) => void clock.advance(7 * 86_400_000)],
  ] as const satisfies readonly [
    string,
    (made: Awaited<ReturnType<typeof overPostgres>>, id: string) => Promise<unknown>,
  ][]) {
    const made = await overPostgres()
    const { id } = await made.verbs.system.invite({ email: made.email })
    const token = await made.link()
    made.away.afterNext(() => meanwhile(made, id))
    expect((await made.accept(token)).status, what).toBe(422)
    expect(await made.auth.system.findUserBy(made.email), what).toBe(null)
  }
})

test('two auths of one database keep theirs apart by their realms', async () => {
  const { now, advance } = testClock()
  const database = await newDatabase()
  const store = sqliteStore(database, { now })
  const clock = { now, advance }
  const staff = await over({ database, store }, clock, {}, { realm: 'staff', users: memoryUsers(), database })
  const everybody = await over({ database, store }, clock, {}, { realm: 'all', users: memoryUsers(), database })
  const { id } = await staff.verbs.system.invite({ email: staff.email })
  const token = await staff.link()
  expect((await everybody.accept(token)).status).toBe(422)
  expect((await everybody.verbs.system.list()).invitations).toEqual([])
  await expect(everybody.verbs.system.withdraw(id)).rejects.toMatchObject({ code: 'not_found' })
  expect((await staff.accept(token)).status).toBe(200)
})

test('only a hash of a link is in the table, and without the extension there is no table', async () => {
  const { verbs, email, link, away, accept } = await overAway()
  await verbs.system.invite({ email })
  const token = await link()
  const dump = JSON.stringify(await away.database.kysely.selectFrom('invitation_invitations').selectAll().execute())
  expect(dump).toContain(email)
  expect(dump).not.toContain(token.slice(5))
  expect((await accept(token)).status).toBe(200)
  const without = await newDatabase()
  const tables = await without.kysely.selectFrom('sqlite_master').select('name').execute()
  expect(JSON.stringify(tables)).not.toContain('invitation')
})

test('a custom controller accepts by the same rules', async () => {
  const { verbs, email, link, auth } = await overAway()
  await verbs.system.invite({ email })
  const ctx = await auth.open(testExchange('POST', '/mine'))
  const user = await verbs.accept(ctx, await link(), { ...CHOSEN, role: 'admin' })
  expect(user).toMatchObject({ email, role: 'user' })
  expect(ctx.tokens).not.toBe(null)
  expect(await auth.send(ctx)).toBe(null)
})
