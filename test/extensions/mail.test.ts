import { expect, test } from 'vitest'
import { type Mailer, type Message, mail, mailboxMailer } from '../../src/extensions/mail/mail.js'
import type { OutboxRow } from '../../src/extensions/mail/outbox.js'
import { memoryTable } from '../../src/stores/memory-table.js'
import type { RowsQuery } from '../../src/stores/table.js'
import { mailServer } from '../support/mail-server.js'
import { FROM, LINKS, type Mailing, mailing } from '../support/mailing.js'

const NONE = { sent: 0, delayed: 0, rejected: 0, expired: 0 }
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const ada = 'ada@example.com'

/** Numbered people, told of a password that was changed. */
async function tellMany({ tell }: Mailing, count: number): Promise<string[]> {
  const people = Array.from({ length: count }, (_, index) => `person-${index}@example.com`)
  for (const to of people) await tell({ kind: 'password_changed', to })
  return people
}

const named = ({ events }: Mailing, name: string) => events.filter(event => event.name === name)
const refusal = (code: number) => Object.assign(new Error('no'), { responseCode: code })

test('a mail reaches a real server as text and HTML, with its link, its language and an id that stays', async () => {
  const server = await mailServer()
  const it = mailing({ url: server.url }, { replyTo: 'help@acme.example' })
  const token = `pwo1_${'a'.repeat(43)}`
  const expiresAt = it.clock.now() + HOUR
  await it.tell(
    { kind: 'reset_password', to: ada, facts: { token }, expiresAt },
    { 'accept-language': 'de-AT, en;q=0.5' },
  )
  expect(server.connections()).toBe(0)

  expect(await it.deliver()).toEqual({ ...NONE, sent: 1 })
  expect(await it.deliver()).toEqual(NONE)
  const [received] = server.mails
  expect(server.mails).toHaveLength(1)
  expect(received).toMatchObject({ from: 'no-reply@acme.example', to: [ada] })
  const { parsed, raw } = received as (typeof server.mails)[number]
  expect(parsed.from?.value).toEqual([{ name: 'Acme, Inc.', address: 'no-reply@acme.example' }])
  expect(parsed.replyTo?.value).toEqual([{ name: '', address: 'help@acme.example' }])
  expect(parsed.subject).toBe('Wählen Sie ein neues Passwort')
  expect(parsed.text).toContain(`https://app.example/reset-password#token=${token}\n`)
  expect(parsed.text).toContain('Der Link gilt 1 Stunde lang')
  expect(parsed.html).toContain(`href="https://app.example/reset-password#token=${token}"`)
  expect(parsed.html).toContain('lang="de" dir="ltr"')
  expect(parsed.date?.getTime()).toBe(Math.floor((expiresAt - HOUR) / 1000) * 1000)
  expect(parsed.messageId).toMatch(/^<[0-9a-f-]{36}@acme\.example>$/)
  expect(raw).toMatch(/^Auto-Submitted: auto-generated\r$/m)
  expect(raw).not.toMatch(/<img|https?:\/\/(?!app\.example\/)/)
})

test('a mail server that is down for a minute loses nothing, and nothing is sent twice', async () => {
  const server = await mailServer()
  const it = mailing({ url: server.url })
  const people = await tellMany(it, 20)
  await server.stop()
  expect(await it.deliver()).toEqual({ ...NONE, delayed: 20 })
  for (let elapsed = 0; elapsed < MINUTE; elapsed += 10_000) {
    it.clock.advance(10_000)
    expect((await it.deliver()).sent).toBe(0)
  }
  await it.tell({ kind: 'password_changed', to: ada })
  await server.start()
  for (let elapsed = 0; elapsed < 5 * MINUTE; elapsed += 10_000) {
    it.clock.advance(10_000)
    await it.deliver()
  }
  expect(server.mails.map(({ to }) => to.join()).sort()).toEqual([...people, ada].sort())
  expect(new Set(server.mails.map(({ parsed }) => parsed.messageId)).size).toBe(21)
  expect(named(it, 'mail.delayed').length).toBeGreaterThan(20)
  expect(named(it, 'mail.delayed')[0]?.detail).toBe('password_changed ESOCKET')
  it.clock.advance(48 * HOUR)
  expect(await it.deliver()).toEqual(NONE)
  expect(it.errors).toEqual([])
})

test.each([
  [
    'at RCPT',
    (code: number) => ({ onRcptTo: (_: unknown, __: unknown, done: (error: Error) => void) => done(refusal(code)) }),
  ],
  [
    'after DATA',
    (code: number) => ({
      onData(stream: NodeJS.ReadableStream, _: unknown, done: (error: Error) => void) {
        stream.resume()
        stream.on('end', () => done(refusal(code)))
      },
    }),
  ],
])('a server that says later %s is asked later, and one that says never is not', async (_, saying) => {
  const server = await mailServer()
  const it = mailing({ url: server.url })
  await it.tell({ kind: 'password_changed', to: ada })
  server.behave(saying(451) as never)
  expect(await it.deliver()).toEqual({ ...NONE, delayed: 1 })
  expect(await it.deliver()).toEqual(NONE)
  it.clock.advance(MINUTE)
  server.behave({})
  expect(await it.deliver()).toEqual({ ...NONE, sent: 1 })
  expect(server.mails).toHaveLength(1)

  await it.tell({ kind: 'password_changed', to: ada })
  server.behave(saying(550) as never)
  expect(await it.deliver()).toEqual({ ...NONE, rejected: 1 })
  expect(named(it, 'mail.rejected')).toMatchObject([{ detail: 'password_changed 550' }])
  it.clock.advance(HOUR)
  server.behave({})
  expect(await it.deliver()).toEqual(NONE)
  expect(JSON.stringify(it.events.filter(({ name }) => name.startsWith('mail.')))).not.toContain(ada)
})

test('wrong credentials are no refusal of a mail: it waits until they are right', async () => {
  const server = await mailServer({
    authOptional: false,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: (auth, _, done) => (auth.password === 'right' ? done(null, { user: 'us' }) : done(refusal(535))),
  })
  const url = (password: string) => server.url.replace('//', `//us:${password}@`)
  const wrong = mailing({ url: url('wrong') })
  await wrong.tell({ kind: 'password_changed', to: ada })
  expect(await wrong.deliver()).toEqual({ ...NONE, delayed: 1 })
  expect(named(wrong, 'mail.delayed')[0]?.detail).toBe('password_changed EAUTH 535')
  const right = mailing({ url: url('right') })
  await right.tell({ kind: 'password_changed', to: ada })
  expect(await right.deliver()).toEqual({ ...NONE, sent: 1 })
})

test('a server that does not take our address as the sender has refused no mail', async () => {
  const server = await mailServer({ onMailFrom: (_, __, done) => done(refusal(550)) })
  const it = mailing({ url: server.url })
  await it.tell({ kind: 'password_changed', to: ada })
  expect(await it.deliver()).toEqual({ ...NONE, delayed: 1 })
})

test('a mail that could not be tried again in time is dropped at once', async () => {
  const server = await mailServer()
  await server.stop()
  const it = mailing({ url: server.url })
  await it.tell({ kind: 'reset_password', to: ada, facts: { token: 't' }, expiresAt: it.clock.now() + 3000 })
  expect(await it.deliver()).toEqual({ ...NONE, expired: 1 })
})

test('a mail is given up after a day, or when its link is of no use any more', async () => {
  const server = await mailServer()
  await server.stop()
  const it = mailing({ url: server.url })
  const started = it.clock.now()
  await it.tell({ kind: 'password_changed', to: ada })
  await it.tell({ kind: 'reset_password', to: ada, facts: { token: 't' }, expiresAt: started + HOUR })
  const gone: number[] = []
  for (let quarters = 0; quarters < 24 * 4 + 4; quarters++) {
    const { expired } = await it.deliver()
    for (let count = 0; count < expired; count++) gone.push(it.clock.now() - started)
    it.clock.advance(HOUR / 4)
  }
  expect(gone).toHaveLength(2)
  expect(gone[0]).toBeLessThanOrEqual(HOUR)
  expect(gone[1]).toBeGreaterThan(22 * HOUR)
  expect(gone[1]).toBeLessThanOrEqual(24 * HOUR)
  expect(named(it, 'mail.expired').map(({ detail }) => detail?.split(' ')[0])).toEqual([
    'reset_password',
    'password_changed',
  ])
  await server.start()
  expect(await it.deliver()).toEqual(NONE)
  expect(server.mails).toEqual([])
})

test('a mail whose link has expired before its first try is not sent', async () => {
  const server = await mailServer()
  const it = mailing({ url: server.url })
  await it.tell({ kind: 'reset_password', to: ada, facts: { token: 't' }, expiresAt: it.clock.now() + MINUTE })
  it.clock.advance(MINUTE)
  expect(await it.deliver()).toEqual({ ...NONE, expired: 1 })
  expect(server.connections()).toBe(0)
})

test('a server that never answers is left after the timeout, and the mail is tried again', async () => {
  const server = await mailServer()
  const it = mailing({ url: server.url }, { timeout: '1s' })
  await it.tell({ kind: 'password_changed', to: ada })
  server.behave({ onRcptTo: () => {} })
  expect(await it.deliver()).toEqual({ ...NONE, delayed: 1 })
  expect(named(it, 'mail.delayed')[0]?.detail).toBe('password_changed timeout')
  server.behave({})
  it.clock.advance(MINUTE)
  expect(await it.deliver()).toEqual({ ...NONE, sent: 1 })
  expect(server.mails).toHaveLength(1)
})

test('a connection that breaks after the mail was taken sends it again, under the same id', async () => {
  const server = await mailServer()
  const it = mailing({ url: server.url })
  await it.tell({ kind: 'password_changed', to: ada })
  const taken: string[] = []
  server.behave({
    onData(stream) {
      let raw = ''
      stream.on('data', piece => {
        raw += piece
      })
      stream.on('end', () => {
        taken.push(raw)
        void server.stop()
      })
    },
  })
  expect(await it.deliver()).toEqual({ ...NONE, delayed: 1 })
  server.behave({})
  await server.start()
  it.clock.advance(MINUTE)
  expect(await it.deliver()).toEqual({ ...NONE, sent: 1 })
  const idOf = (raw = '') => /^Message-ID: (.*)\r$/m.exec(raw)?.[1]
  expect(taken).toHaveLength(1)
  expect(idOf(taken[0])).toMatch(/@acme\.example>$/)
  expect(idOf(server.mails[0]?.raw)).toBe(idOf(taken[0]))
})

test('nobody is told by a notice to nobody, and no connection is made', async () => {
  const server = await mailServer()
  const it = mailing({ url: server.url })
  await it.tell({ kind: 'reset_password', to: null })
  await it.tell({ kind: 'reset_password', to: '' })
  expect(await it.deliver()).toEqual(NONE)
  it.clock.advance(HOUR)
  expect(await it.deliver()).toEqual(NONE)
  expect(server.connections()).toBe(0)
  expect(it.events).toEqual([])
})

test('a template that throws delays its mail, tells the operator, and holds up no other', async () => {
  const mailbox = mailboxMailer()
  const templates = {
    reset_password() {
      throw new Error('a fault of ours')
    },
  }
  const it = mailing(null, { mailer: mailbox, templates })
  await it.tell({ kind: 'reset_password', to: ada, facts: { token: 't' } })
  await it.tell({ kind: 'password_changed', to: ada })
  expect(await it.deliver()).toEqual({ ...NONE, sent: 1, delayed: 1 })
  expect(it.errors).toEqual([new Error('a fault of ours')])
  expect(mailbox.mails().map(({ kind }) => kind)).toEqual(['password_changed'])
})

test('a kind without words, or without a link for its token, fails where it is told', async () => {
  const it = mailing(null, { links: { reset_password: 'myapp://reset?token={token}' } })
  await expect(it.tell({ kind: 'no_such_kind', to: ada })).rejects.toThrow(/no words for `no_such_kind`/)
  await expect(it.tell({ kind: 'toString', to: ada })).rejects.toThrow(/no words for `toString`/)
  await expect(it.tell({ kind: 'invitation', to: null, facts: { token: 't' } })).rejects.toThrow(
    /no link for `invitation`/,
  )
  await it.tell({ kind: 'reset_password', to: ada, facts: { token: 't' } })
})

/** A mailer that sends when it is told to. */
function heldMailer() {
  const waiting: (() => void)[] = []
  const sent: Message[] = []
  const mailer: Mailer = {
    send: message =>
      new Promise(resolve => {
        waiting.push(() => {
          sent.push(message)
          resolve()
        })
      }),
  }
  return { mailer, waiting, sent }
}

const turns = async () => {
  for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
}

test('close finishes the mail that is under way, and begins no other', async () => {
  const held = heldMailer()
  const it = mailing(null, { mailer: held.mailer })
  await tellMany(it, 10)
  const delivering = it.deliver()
  await turns()
  expect(held.waiting).toHaveLength(4)
  let isClosed = false
  const closing = it.auth.close().then(() => {
    isClosed = true
  })
  await turns()
  expect(isClosed).toBe(false)
  for (const finish of held.waiting.splice(0)) finish()
  await closing
  expect(held.sent).toHaveLength(4)
  expect(await delivering).toEqual({ ...NONE, sent: 4 })
  expect(await it.deliver()).toEqual(NONE)
})

test('the worker sends by itself what was written, soon, and the request does not wait for it', async () => {
  const held = heldMailer()
  const it = mailing(null, { mailer: held.mailer, worker: true })
  await tellMany(it, 2)
  expect(held.waiting).toHaveLength(0)
  await expect.poll(() => held.waiting.length, { timeout: 5000 }).toBe(2)
  for (const finish of held.waiting.splice(0)) finish()
  await it.auth.close()
  expect(held.sent).toHaveLength(2)
})

test('a row of a mail that was sent and could not be removed is not sent again by this process', async () => {
  const mailbox = mailboxMailer()
  let count = 0
  const mailer: Mailer = {
    send: async (message, signal) => {
      count++
      await mailbox.send(message, signal)
    },
  }
  let isAway = false
  const { createOutbox, OUTBOX } = await import('../../src/extensions/mail/outbox.js')
  const { createDelivery } = await import('../../src/extensions/mail/worker.js')
  const { createSeal } = await import('../../src/tokens/seal.js')
  const table = memoryTable<OutboxRow>(OUTBOX)
  const failing = {
    ...table,
    delete: (query: RowsQuery<OutboxRow>) => {
      if (isAway) throw new Error('away')
      return table.delete(query)
    },
  }
  const outbox = createOutbox(failing, createSeal([new Uint8Array(32)]), '')
  let time = 1000
  const deliver = createDelivery({
    outbox,
    mailer,
    messageOf: ({ id, kind, tenant }, { to }) => ({
      id,
      kind,
      tenant,
      to,
      from: { name: '', address: 'a@b.example' },
      replyTo: null,
      subject: '',
      text: '',
      html: '',
      date: 0,
    }),
    timeoutMs: 1000,
    emit: () => {},
    onError: () => {},
    now: () => time,
  })
  await outbox
    .rowOf(
      { tenant: '', kind: 'k', created_at: 0, expires_at: null },
      { to: ada, userId: null, locale: 'en', facts: {} },
    )
    .write()
  isAway = true
  await expect(deliver(() => false)).rejects.toThrow('away')
  isAway = false
  time += HOUR
  expect(await deliver(() => false)).toEqual(NONE)
  expect(count).toBe(1)
  expect(await table.find()).toEqual([])
})

test('options that are wrong are named', () => {
  const base = { mailer: mailboxMailer(), from: FROM, links: LINKS }
  const wrong: [object, RegExp][] = [
    [{ mailer: undefined }, /mailer/],
    [{ from: undefined }, /`from`/],
    [{ from: 'a@b.example, c@d.example' }, /`from`/],
    [{ from: 'a@b.example, Name <c@d.example>' }, /`from`/],
    [{ from: 'Name\r\nBcc: x@y.example <c@d.example>' }, /`from`/],
    [{ from: 'Name <c@d.example>\n' }, /`from`/],
    [{ replyTo: 'nobody' }, /`replyTo`/],
    [{ links: undefined }, /`links`/],
    [{ links: '/relative' }, /`links`/],
    [{ links: 'javascript:alert(1)//' }, /`links`/],
    [{ links: 'https://app.example/?a=b' }, /`links`/],
    [{ links: 'https://user:pass@app.example' }, /`links`/],
    [{ links: { reset_password: 'https://app.example/reset' } }, /`links.reset_password`/],
    [{ links: { reset_password: 'javascript:alert("{token}")' } }, /`links.reset_password`/],
    [{ links: { reset_password: 'data:text/html,{token}' } }, /`links.reset_password`/],
    [{ links: { reset_password: 'https://{token}.example/' } }, /`links.reset_password`/],
    [{ appName: 'a\nb' }, /`appName`/],
    [{ defaultLocale: 'it' }, /`defaultLocale`/],
    [{ locale: 'de' }, /`locale`/],
    [{ texts: { it: {} } }, /`texts.it` says nothing for `linkHint`/],
    [{ texts: { 'not a language': {} } }, /no language/],
    [{ templates: { reset_password: 'hello' } }, /`templates.reset_password`/],
    [{ timeout: '1h' }, /`timeout`/],
    [{ worker: 'yes' }, /`worker`/],
    [{ form: FROM }, /unknown option `mail.form`/],
  ]
  for (const [options, message] of wrong) {
    expect(() => mail({ ...base, ...options } as never), JSON.stringify(options)).toThrow(TypeError)
    expect(() => mail({ ...base, ...options } as never), JSON.stringify(options)).toThrow(message)
  }
})
