import { randomUUID } from 'node:crypto'
import { describe, expect, test, vi } from 'vitest'
import { memoryStore, Problem, type Store } from '../../src/index.js'
import { migrate } from '../../src/migrations.js'
import type { Session, SessionRows } from '../../src/stores/session-store.js'
import { sqlTable } from '../../src/stores/sql-table.js'
import { defineTable } from '../../src/stores/table.js'
import { testClock } from '../../src/testing/index.js'
import { ann, audited, credentials, fifty, PASSWORD, PLACES } from '../support/audited.js'
import { DAY_MS, sessionOf } from '../support/session.js'
import { ENGINES } from '../support/tables.js'

type Note = { readonly id: string; readonly at: number; readonly said: string | null }
type Verb = (session: Session, rows: SessionRows) => unknown

const QUOTES = 'it\'s "so" \\ \u2028 ✓'

describe.each(ENGINES)('sessions in $name', engine => {
  /** A store, a user's session in it, and a table for what is noted. */
  async function noted() {
    const clock = testClock()
    const own = await engine.open()
    const name = `notes_${randomUUID().slice(0, 8)}`
    const columns = { id: 'text', at: 'integer', said: 'text?' } as const
    const shape = defineTable<Note>(`${name}_0001`, { name, columns, key: ['id'] })
    await migrate(own.database, { extensions: [{ migrations: [shape.migration] }] })
    const table = sqlTable<Note>(own.database, shape)
    const { sessions } = own.storeWith({ now: clock.now })
    const session = sessionOf(randomUUID(), clock.now())
    const verbs: Record<string, Verb> = {
      insert: (_, rows) => sessions.insert(sessionOf(session.userId, clock.now()), rows),
      advance: ({ id, generation, ...next }, rows) =>
        sessions.advance(id, generation, { ...next, generation: generation + 1 }, rows),
      update: ({ id }, rows) => sessions.update(id, { data: { changed: true } }, rows),
      delete: ({ id }, rows) => sessions.delete(id, rows),
      deleteByUser: ({ userId }, rows) => sessions.deleteByUser(userId, { rows }),
      'deleteByUser but one': ({ userId }, rows) => sessions.deleteByUser(userId, { except: randomUUID(), rows }),
    }
    const row = (id: string, said: string | null = null) => table.beside({ id, at: 2 ** 45, said })
    return { clock, table, sessions, session, verbs, row }
  }

  test.each(['insert', 'advance', 'update', 'delete', 'deleteByUser', 'deleteByUser but one'])(
    '%s writes its rows, or nothing at all',
    async name => {
      const { clock, table, sessions, session, verbs, row } = await noted()
      const run = verbs[name] as Verb
      await sessions.insert(session)

      await table.insert({ id: 'taken', at: 1, said: null })
      await expect((async () => run(session, () => [row('new'), row('taken')]))()).rejects.toThrow()
      expect(await sessions.listByUser(session.userId)).toEqual([session])
      expect(await table.find()).toHaveLength(1)

      await run(session, () => [row('one', QUOTES), row('two', '\ud800 \\ud800')])
      expect(await sessions.listByUser(session.userId)).not.toEqual([session])
      expect(await table.find({ order: 'id' })).toEqual([
        { id: 'one', at: 2 ** 45, said: QUOTES },
        { id: 'taken', at: 1, said: null },
        { id: 'two', at: 2 ** 45, said: '\ufffd \\ud800' },
      ])

      if (name === 'insert') return
      const over = sessionOf(randomUUID(), clock.now())
      await sessions.insert(over)
      await run({ ...session, id: randomUUID(), userId: randomUUID() }, () => [row('nobody')])
      clock.advance(100 * DAY_MS)
      await run(over, () => [row('over')])
      expect(await table.find()).toHaveLength(3)
    },
  )
})

const DATABASES = PLACES.filter(({ name }) => name !== 'memory')
const proof = { json: { user: { password: PASSWORD } } }

describe.each(DATABASES)('an audit log in $name', place => {
  /** Everything that changes a session, as a request of a person who is signed in with `pair`. */
  const CHANGES = {
    'session.created': ['POST', '/session', () => ({ json: { user: credentials } })],
    'session.renewed': ['POST', '/session/renew', (_: string, token: string) => ({ token })],
    'session.reauthenticated': ['POST', '/session/reauthenticate', (token: string) => ({ token, ...proof })],
    'session.ended': ['DELETE', '/session', (token: string) => ({ token })],
    'sessions.ended': ['DELETE', '/sessions', (token: string) => ({ token })],
  } as const
  const include = ['session.renewed']

  async function signedIn() {
    const made = await audited(place, {}, { include })
    const pair = await made.register()
    const { id } = (await made.auth.system.findUserBy(ann.email)) as { id: string }
    const ask = (name: keyof typeof CHANGES) => {
      const [method, path, sent] = CHANGES[name]
      return made.request(method, path, sent(pair.access_token, pair.renewal_token))
    }
    const count = async (name: string) => (await made.log.find({ name })).length
    return { ...made, pair, ask, count, sessions: () => made.auth.store.sessions.listByUser(id) }
  }

  test.each(['session.created', 'session.renewed', 'session.reauthenticated'] as const)(
    '%s that cannot be written down has not happened',
    async name => {
      const { clock, database, ask, sessions } = await signedIn()
      const before = await sessions()
      clock.advance(1000)
      await database?.prepare('alter table audit_events rename to elsewhere').run()
      try {
        expect((await ask(name)).status).toBe(503)
      } finally {
        await database?.prepare('alter table elsewhere rename to audit_events').run()
      }
      expect(await sessions()).toEqual(before)
      expect((await ask(name)).status).toBe(200)
    },
  )

  test.each(Object.keys(CHANGES) as (keyof typeof CHANGES)[])('%s that did not happen has no row', async name => {
    const { database, ask, count, auth, signIn } = await signedIn()
    await signIn()
    const before = await count(name)
    // Whatever is asked of the table fails, after it was asked.
    const { dialect } = database as NonNullable<typeof database>
    const events = ['insert', 'update', 'delete']
    const made = events.map(event =>
      dialect === 'sqlite'
        ? `create trigger fails_${event} after ${event} on pawl_sessions begin select raise(abort, 'no'); end`
        : `create trigger fails_${event} after ${event} on pawl_sessions for each row execute function fails()`,
    )
    if (dialect === 'postgres') {
      made.unshift(
        `create or replace function fails() returns trigger as $$ begin raise exception 'no'; end $$ language plpgsql`,
      )
    }
    const drop = (event: string) => `drop trigger fails_${event}${dialect === 'sqlite' ? '' : ' on pawl_sessions'}`
    for (const sql of made) await database?.prepare(sql).run()
    try {
      expect((await ask(name)).status).toBe(503)
    } finally {
      for (const event of events) await database?.prepare(drop(event)).run()
    }
    expect(await count(name)).toBe(before)
    expect((await ask(name)).status).toBe(200)
    expect(await count(name)).toBe(before + 1)
    await auth.close()
  })

  test('of fifty at once that end one session, one is written down', async () => {
    const { ask, log, sessions } = await signedIn()
    await fifty(() => ask('session.ended'))
    expect(await sessions()).toEqual([])
    expect(await log.find({ name: 'session.ended' })).toHaveLength(1)
  })

  test('of fifty at once that end all others, one ended them, and says how many', async () => {
    const { ask, log, signIn } = await signedIn()
    await signIn()
    await signIn()
    await fifty(() => ask('sessions.ended'))
    const told = (await log.find({ name: 'sessions.ended' })).map(({ detail }) => detail)
    expect(told.filter(detail => detail !== '0')).toEqual(['2'])
  })

  test('of fifty at once that show a replaced token, one ended the session', async () => {
    const { pair, request, clock, log, events } = await signedIn()
    await request('POST', '/session/renew', { token: pair.renewal_token })
    clock.advance(DAY_MS)
    await fifty(() => request('POST', '/session/renew', { token: pair.renewal_token }))
    expect(await log.find({ name: 'session.reused' })).toHaveLength(1)
    expect(events.filter(({ name }) => name === 'session.reused')).toHaveLength(1)
  })

  test('with sessions in another store, a sign-in that cannot be written down leaves no session', async () => {
    const { auth, database, register, request, log } = await audited(place, { store: memoryStore() })
    const { access_token: token } = await register()
    const { id } = (await auth.system.findUserBy(ann.email)) as { id: string }
    expect(await log.find({ name: 'session.created' })).toHaveLength(1)
    await database?.prepare('alter table audit_events rename to elsewhere').run()
    try {
      expect((await request('POST', '/session', { json: { user: credentials } })).status).toBe(503)
      expect(await auth.system.sessionsOf(id)).toHaveLength(1)
      expect((await request('DELETE', '/session', { token })).status).toBe(200)
    } finally {
      await database?.prepare('alter table elsewhere rename to audit_events').run()
    }
    expect(await auth.system.sessionsOf(id)).toEqual([])
  })

  test('a sign-in that raced the end of all sessions is written down with its end', async () => {
    const { auth, log, ask, pair, request } = await signedIn()
    const { insert } = auth.store.sessions
    const { id } = (await auth.system.findUserBy(ann.email)) as { id: string }
    Object.assign(auth.store.sessions, {
      async insert(...given: Parameters<typeof insert>) {
        await auth.system.suspend(id)
        await insert(...given)
      },
    })
    expect((await ask('session.created')).status).toBe(401)
    Object.assign(auth.store.sessions, { insert })
    const [created] = await log.find({ name: 'session.created', limit: 1 })
    const about = await log.find({ sessionId: created?.sessionId as string })
    expect(about.map(({ name }) => name)).toEqual(['session.ended', 'session.created'])
    expect((await request('GET', '/session', { token: pair.access_token })).status).toBe(401)
  })

  test.each([1, 99])('a replay is told of once where its mark cannot be kept, %i times', async times => {
    const { auth, pair, request, clock, log, events, sessions } = await signedIn()
    await request('POST', '/session/renew', { token: pair.renewal_token })
    clock.advance(DAY_MS)
    const { put } = auth.store.values
    let left = times
    Object.assign(auth.store.values, {
      async put(...given: Parameters<typeof put>) {
        if (left-- > 0) throw new Problem('unavailable')
        await put(...given)
      },
    })
    expect((await request('POST', '/session/renew', { token: pair.renewal_token })).status).toBe(503)
    Object.assign(auth.store.values, { put })
    expect(await sessions()).toEqual([])
    expect(await log.find({ name: 'session.reused' })).toHaveLength(1)
    expect(events.filter(({ name }) => name === 'session.reused')).toHaveLength(1)
  })

  test('a wrapper of the store that knows nothing of rows loses none', async () => {
    const wrapped: typeof place = {
      ...place,
      async open(clock) {
        const { options, ...rest } = await place.open(clock)
        const store = options.store as Store
        const { insert, delete: end } = store.sessions
        const sessions = {
          ...store.sessions,
          insert: (session: Session) => insert(session),
          delete: (id: string) => end(id),
        }
        return { ...rest, options: { ...options, store: { ...store, sessions } } }
      },
    }
    const { register, request, names } = await audited(wrapped)
    const { access_token: token } = await register()
    await request('DELETE', '/session', { token })
    expect(await names()).toEqual(['account.created', 'session.created', 'session.ended'])
  })

  test('an end of which nothing is noted is one write and no read', async () => {
    const { auth, register, request } = await audited(place, {}, { exclude: ['session.ended', 'sessions.ended'] })
    const { access_token: token } = await register()
    const read = vi.fn()
    Object.assign(auth.store.sessions, { find: read, listByUser: read })
    expect((await request('DELETE', '/sessions', { token })).status).toBe(200)
    expect((await request('DELETE', '/session', { token })).status).toBe(200)
    expect(read).not.toHaveBeenCalled()
  })

  test('notes that cannot be made refuse a sign-in, and no end', async () => {
    let isBroken = false
    const noting = () => {
      if (isBroken) throw new Problem('unavailable')
      return []
    }
    const { register, request, auth, log } = await audited(place, {
      extensions: [{ name: 'own', setup: () => ({ hooks: { noting } }) }],
    })
    const { access_token: token } = await register()
    const { id } = (await auth.system.findUserBy(ann.email)) as { id: string }
    isBroken = true
    expect((await request('POST', '/session', { json: { user: credentials } })).status).toBe(503)
    expect(await auth.system.sessionsOf(id)).toHaveLength(1)
    expect((await request('DELETE', '/session', { token })).status).toBe(200)
    expect(await auth.system.sessionsOf(id)).toEqual([])
    expect(await log.find({ name: 'session.ended' })).toHaveLength(1)
  })

  test.each(['session.ended', 'sessions.ended'] as const)(
    '%s happens though its row is refused, and that is told',
    async name => {
      const { database, ask, signIn, sessions, errors, events } = await signedIn()
      await signIn()
      await database?.prepare('alter table audit_events rename to elsewhere').run()
      try {
        expect((await ask(name)).status).toBe(200)
      } finally {
        await database?.prepare('alter table elsewhere rename to audit_events').run()
      }
      expect(await sessions()).toHaveLength(1)
      expect(events.filter(event => event.name === name)).toHaveLength(1)
      expect(errors).toHaveLength(1)
    },
  )
})
