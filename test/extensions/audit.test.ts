import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { BaseUser } from '../../src/index.js'
import { ann, audited, credentials, fifty, PASSWORD, PLACES } from '../support/audited.js'
import { DAY_MS } from '../support/session.js'

const DATABASES = PLACES.filter(({ name }) => name !== 'memory')
const proof = { current_password: PASSWORD }

describe.each(PLACES)('$name', place => {
  test('a life of an account has one row for each event, who, what, session, address, request and outcome', async () => {
    const made = await audited(place)
    const { request, events, names, all, clock } = made
    const headers = { 'user-agent': 'a browser' }
    const registered = await request('POST', '/registration', { headers, json: { user: ann } })
    const token = registered.body.data.access_token
    const user = (await request('GET', '/session', { token })).body.data.user
    clock.advance(1000)
    await request('POST', '/session', { json: { user: { ...credentials, password: 'wrong' } } })
    const other = (await made.signIn()).access_token
    await request('POST', '/session/reauthenticate', { token, json: { user: { password: PASSWORD } } })
    await request('PATCH', '/registration', { token, json: { user: { ...proof, email: 'ann@example.org' } } })
    const again = (await made.signIn({ ...credentials, email: 'ann@example.org' })).renewal_token
    await request('DELETE', '/session', { token: again })
    await request('DELETE', '/registration', { token, json: { user: proof } })
    expect((await request('GET', '/session', { token: other })).status).toBe(401)

    const told = events.filter(({ name }) => name !== 'token.refused')
    expect((await names()).sort()).toEqual(told.map(({ name }) => name).sort())
    expect(await names()).toEqual([
      'account.created',
      'session.created',
      'sign_in.failed',
      'session.created',
      'session.reauthenticated',
      'account.updated',
      'sessions.ended',
      'session.created',
      'session.ended',
      'account.deleted',
      'sessions.ended',
    ])
    const rows = await all()
    const [created, session] = rows
    expect(created).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/),
      at: clock.now() - 1000,
      tenant: '',
      name: 'account.created',
      outcome: 'success',
      userId: user.id,
      actorId: null,
      sessionId: null,
      address: '192.0.2.1',
      userAgent: 'a browser',
      requestId: session?.requestId,
      identifierHash: null,
      detail: null,
    })
    expect(session).toMatchObject({ userId: user.id, actorId: user.id, detail: 'pwd', outcome: 'success' })
    expect(rows.every(row => row.userId === user.id)).toBe(true)
    expect(rows.filter(({ outcome }) => outcome === 'failure').map(({ name }) => name)).toEqual(['sign_in.failed'])
    expect(rows[2]).toMatchObject({ actorId: null, sessionId: null, identifierHash: expect.any(String) })
    expect(rows[5]).toMatchObject({ detail: 'email', actorId: user.id, sessionId: session?.sessionId })
    // By its renewal token: nobody was signed in, and whose it was is known all the same.
    expect(rows[8]).toMatchObject({ userId: user.id, actorId: user.id, sessionId: rows[7]?.sessionId })
    expect(rows[9]).toMatchObject({ actorId: user.id, sessionId: session?.sessionId })
    const ids = rows.map(({ id }) => id)
    expect(ids).toEqual([...ids].sort())
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('what trusted code does has one row each, and says who where that is told', async () => {
    const { auth, all } = await audited(place)
    const { system } = auth
    const { id } = await system.createUser({ ...credentials, role: 'editor' })
    await system.as('job:promote').setRole(id, 'admin')
    await system.setPassword(id, 'another-1234')
    await system.as('boss').suspend(id)
    await system.unsuspend(id)
    await system.signIn(id, { methods: ['otp'] })
    await system.endSessions(id)
    await system.as('boss').deleteUser(id)
    const shown = (await all()).map(({ name, detail, actorId }) => [name, detail, actorId])
    expect(shown).toEqual([
      ['account.created', 'role=editor', null],
      ['account.updated', 'role=admin', 'job:promote'],
      ['account.updated', 'password', null],
      ['sessions.ended', '0', null],
      ['account.updated', 'suspended', 'boss'],
      ['sessions.ended', '0', 'boss'],
      ['account.updated', 'unsuspended', null],
      ['session.created', 'otp', null],
      ['sessions.ended', '1', null],
      ['account.deleted', null, 'boss'],
      ['sessions.ended', '0', 'boss'],
    ])
    expect((await all()).every(row => row.userId === id && row.requestId === null && row.address === null)).toBe(true)
  })

  test('a replayed token is a failure, told of and ended', async () => {
    const { request, register, clock, all } = await audited(place)
    const { renewal_token: token } = await register()
    await request('POST', '/session/renew', { token })
    clock.advance(DAY_MS)
    expect((await request('POST', '/session/renew', { token })).status).toBe(401)
    const rows = (await all()).filter(({ name }) => name !== 'account.created')
    expect(rows.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['session.created', 'success'],
      ['session.reused', 'failure'],
    ])
    expect(rows[1]).toMatchObject({ userId: rows[0]?.userId, sessionId: rows[0]?.sessionId, actorId: null })
  })

  test('a registration and a change that are refused leave no row of a user', async () => {
    const { request, register, names, auth } = await audited(place)
    const { access_token: token } = await register()
    await auth.system.createUser({ email: 'bob@example.com', password: PASSWORD })
    const before = await names()
    expect((await request('POST', '/registration', { json: { user: ann } })).body.error.errors).toBeDefined()
    const taken = { ...proof, email: 'bob@example.com' }
    expect((await request('PATCH', '/registration', { token, json: { user: taken } })).body.error.errors).toBeDefined()
    expect(await names()).toEqual(before)
  })

  test('of fifty changes at once each that is applied has one row', async () => {
    const { auth, request, register, all } = await audited(place)
    const { access_token: token } = await register()
    const id = (await request('GET', '/session', { token })).body.data.user.id
    await fifty(index => auth.system.setRole(id, `role-${index}`))
    const roles = (await all({ name: 'account.updated' })).map(({ detail }) => detail)
    expect(roles.sort()).toEqual(Array.from({ length: 50 }, (_, index) => `role=role-${index}`).sort())

    // By the password as it was: one wins.
    const answers = await fifty(index => {
      const password = `password-${index}-abc`
      return request('PATCH', '/registration', {
        token,
        json: { user: { ...proof, password, password_confirmation: password } },
      })
    })
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const changed = (await all({ name: 'account.updated' })).filter(({ detail }) => detail === 'password')
    expect(changed).toHaveLength(1)
    const ended = await fifty(() =>
      auth.system.deleteUser(id).then(
        () => true,
        () => false,
      ),
    )
    expect(ended.filter(Boolean)).toHaveLength(1)
    expect(await all({ name: 'account.deleted' })).toHaveLength(1)
  })

  test('find filters, pages without a gap, and sees one tenant at a time', async () => {
    const { auth, clock, log } = await audited(place)
    const { system } = auth
    const { id } = await system.createUser(credentials)
    const { id: other } = await system.createUser({ email: 'bob@example.com' })
    await fifty(async index => {
      await system.as(index % 2 ? 'odd' : 'even').setRole(id, `r${index}`)
    })
    clock.advance(DAY_MS)
    await system.as('odd').suspend(other)

    expect(await log.find({ userId: other })).toHaveLength(3)
    expect(await log.find({ actorId: 'odd' })).toHaveLength(27)
    expect(await log.find({ actorId: 'odd', userId: id, name: 'account.updated' })).toHaveLength(25)
    expect(await log.find({ since: clock.now() })).toHaveLength(2)
    expect(await log.find({ since: new Date(clock.now() + 1) })).toEqual([])
    expect(await log.find({ until: clock.now() })).toHaveLength(52)
    expect(await log.find({ outcome: 'failure' })).toEqual([])
    expect(await log.find({ tenant: 'a' })).toEqual([])
    expect(await log.find({ tenant: null, limit: 1000 })).toHaveLength(54)

    const paged: string[] = []
    for (let before: string | undefined; ; ) {
      const page = await log.find({ limit: 7, ...(before !== undefined && { before }) })
      if (page.length === 0) break
      paged.push(...page.map(each => each.id))
      before = page.at(-1)?.id
    }
    const ids = (await log.find()).map(each => each.id)
    expect(paged).toEqual(ids)
    expect(ids).toEqual([...ids].sort().reverse())
  })

  test('tenants are kept apart', async () => {
    const tenant = ({ header }: { header(name: string): string | null }) => header('x-tenant')
    const { auth, request, log } = await audited(place, { tenant })
    const at = (name: string) => ({ headers: { 'x-tenant': name }, json: { user: ann } })
    await request('POST', '/registration', at('a'))
    await request('POST', '/registration', at('b'))
    await auth.system.of('b').as('boss').createUser({ email: 'bob@example.com' })
    expect((await log.find({ tenant: 'a' })).map(({ name }) => name)).toEqual(['session.created', 'account.created'])
    const inB = await log.find({ tenant: 'b' })
    expect(inB).toHaveLength(3)
    expect(await log.find()).toEqual([])
    const { userId } = inB[0] as { userId: string }
    expect(await log.find({ tenant: 'a', userId })).toEqual([])
    expect(await log.forget(userId, { tenant: 'a' })).toBe(0)
  })

  test('rows go when their time is over, some with what happens next and all with prune', async () => {
    const { auth, clock, log } = await audited(place, {}, { retention: '30d' })
    const { id } = await auth.system.createUser(credentials)
    await auth.system.setRole(id, 'one')
    clock.advance(30 * DAY_MS)
    expect(await log.prune()).toBe(0)
    clock.advance(1)
    expect(await log.prune()).toBe(2)
    expect(await log.find()).toEqual([])
    await auth.system.setRole(id, 'two')
    clock.advance(31 * DAY_MS)
    await auth.system.setRole(id, 'three')
    await auth.close()
    expect((await log.find()).map(({ detail }) => detail)).toEqual(['role=three'])
  })

  test('a log that is kept forever loses nothing', async () => {
    const { auth, clock, log } = await audited(place, {}, { retention: 'forever' })
    await auth.system.createUser(credentials)
    clock.advance(10_000 * DAY_MS)
    await auth.system.createUser({ email: 'bob@example.com' })
    expect(await log.prune()).toBe(0)
    expect(await log.find()).toHaveLength(2)
  })

  test('a person is forgotten: what tells of them goes, that something happened stays', async () => {
    const { auth, request, register, log } = await audited(place)
    const { access_token: token } = await register()
    await request('POST', '/session', { json: { user: { ...credentials, password: 'wrong' } } })
    const { id } = (await request('GET', '/session', { token })).body.data.user
    const { id: other } = await auth.system.createUser({ email: 'bob@example.com' })
    await auth.system.as(id).suspend(other)
    await request('POST', '/session', { json: { user: { email: 'bob@example.com', password: 'wrong' } } })
    const before = await log.find()
    await auth.system.deleteUser(id)
    expect(await log.forget(id)).toBe(before.length + 2 - 2)
    const after = await log.find()
    expect(after).toHaveLength(before.length + 2)
    for (const row of after.filter(({ userId, actorId }) => userId === id || actorId === id)) {
      expect(row).toMatchObject({ address: null, userAgent: null, identifierHash: null, at: expect.any(Number) })
    }
    const [theirs] = await log.find({ userId: other, name: 'sign_in.failed' })
    expect(theirs).toMatchObject({ address: '192.0.2.1', identifierHash: expect.any(String) })
  })
})

describe.each(DATABASES)('$name', place => {
  test('a row that cannot be written leaves no user, and no change of one', async () => {
    const { database, request, register, auth, errors } = await audited(place)
    const { access_token: token } = await register()
    const user = (await request('GET', '/session', { token })).body.data.user
    const { id } = await auth.system.createUser({ email: 'bob@example.com', password: PASSWORD })
    await database?.prepare('alter table audit_events rename to elsewhere').run()
    try {
      const eve = { ...ann, email: 'eve@example.com' }
      expect((await request('POST', '/registration', { json: { user: eve } })).status).toBe(503)
      expect(await auth.system.findUserBy('eve@example.com')).toBe(null)
      const change = { ...proof, email: 'ann@example.org' }
      expect((await request('PATCH', '/registration', { token, json: { user: change } })).status).toBe(503)
      expect((await request('DELETE', '/registration', { token, json: { user: proof } })).status).toBe(503)
      await expect(auth.system.setRole(id, 'admin')).rejects.toMatchObject({ code: 'unavailable' })
      expect(await auth.system.findUser(id)).toMatchObject({ role: 'user' })
      expect((await request('GET', '/session', { token })).body.data.user).toEqual(user)

      // Right or wrong, a password is answered alike; no session is left that nobody was told of.
      for (const password of [PASSWORD, 'wrong-1234']) {
        const { status, body } = await request('POST', '/session', { json: { user: { ...credentials, password } } })
        expect([status, body.data]).toEqual([503, undefined])
      }
      expect(await auth.system.sessionsOf(user.id)).toHaveLength(1)
      expect(errors.length).toBeGreaterThan(0)
      // To end is always possible.
      expect((await request('DELETE', '/sessions', { token })).status).toBe(200)
      expect((await request('DELETE', '/session', { token })).status).toBe(200)
      expect((await request('GET', '/session', { token })).status).toBe(401)
    } finally {
      await database?.prepare('alter table elsewhere rename to audit_events').run()
    }
    expect(await auth.system.sessionsOf(user.id)).toEqual([])
  })

  test('a replayed token ends its session even where that cannot be written down', async () => {
    const { database, request, register, clock, auth } = await audited(place)
    const { renewal_token: token } = await register()
    await request('POST', '/session/renew', { token })
    clock.advance(DAY_MS)
    const user = (await auth.system.findUserBy(ann.email)) as BaseUser
    await database?.prepare('alter table audit_events rename to elsewhere').run()
    try {
      expect((await request('POST', '/session/renew', { token })).status).toBe(401)
      expect(await auth.system.sessionsOf(user.id)).toEqual([])
    } finally {
      await database?.prepare('alter table elsewhere rename to audit_events').run()
    }
  })

  test('each question has an index, at twenty thousand rows', { timeout: 60_000 }, async () => {
    const { database, log, clock } = await audited(place)
    if (!database) return
    const queries: string[] = []
    const columns =
      'id, at, tenant, name, outcome, user_id, actor_id, session_id, address, user_agent, request_id, identifier_hash, detail'
    const at = clock.now()
    for (let start = 0; start < 20_000; start += 1000) {
      const rows = Array.from({ length: 1000 }, (_, index) => {
        const n = start + index
        const id = `${(at + n)
          .toString(16)
          .padStart(12, '0')
          .replace(/^(.{8})/, '$1-')}-7000-8000-${String(n).padStart(12, '0')}`
        const name = n % 50 === 0 ? 'sign_in.failed' : 'session.created'
        return `('${id}',${at + n},'','${name}','success','u${n % 1000}','u${n % 1000}','s${n}','192.0.2.1','a browser','${randomUUID()}',null,'pwd')`
      })
      await database.prepare(`insert into audit_events (${columns}) values ${rows.join(',')}`).run()
    }
    // SQLite is told nothing of what is in its tables, as in an app.
    if (database.dialect === 'postgres') await database.prepare('analyze audit_events').run()
    async function plan(where: string, order = 'order by id desc limit 100'): Promise<string> {
      const explain = database?.dialect === 'sqlite' ? 'explain query plan' : 'explain'
      const rows = await database?.prepare(`${explain} select * from audit_events where ${where} ${order}`).all()
      const text = (rows ?? []).map(row => Object.values(row).join(' ')).join('\n')
      queries.push(text)
      return text
    }
    const first = `${(at + 100)
      .toString(16)
      .padStart(12, '0')
      .replace(/^(.{8})/, '$1-')}-7000-8000-000000000000`
    expect(await plan(`tenant = ''`)).toMatch(/audit_events_tenant_id|audit_events_key|autoindex/)
    expect(await plan(`tenant = '' and user_id = 'u7'`)).toMatch(/user_id_tenant_id/)
    expect(await plan(`user_id = 'u7'`)).toMatch(/user_id_tenant_id/)
    expect(await plan(`tenant = '' and actor_id = 'u7'`)).toMatch(/actor_id_tenant_id/)
    expect(await plan(`tenant = '' and user_id = 'u7' and name = 'session.created'`)).toMatch(/user_id_tenant_id/)
    expect(await plan(`tenant = '' and session_id = 's7'`)).toMatch(/session_id_tenant_id/)
    expect(await plan(`tenant = '' and name = 'sign_in.failed'`)).toMatch(/name_tenant_id/)
    expect(await plan(`id < '${first}'`, 'order by id limit 500')).toMatch(/audit_events_key|autoindex/)
    for (const text of queries)
      expect(text).not.toMatch(/Seq Scan|SCAN audit_events(?! USING)|TEMP B-TREE FOR ORDER BY.*tenant/i)
    expect(await log.find({ userId: 'u7' })).toHaveLength(20)
    clock.advance(365 * DAY_MS + 10_000)
    expect(await log.prune()).toBe(10_000)
    expect(await log.prune()).toBe(0)
  })
})
