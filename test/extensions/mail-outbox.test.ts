import { describe, expect, test } from 'vitest'
import { type Mailer, type Message, mailboxMailer } from '../../src/extensions/mail/mail.js'
import { OUTBOX } from '../../src/extensions/mail/outbox.js'
import { Problem } from '../../src/index.js'
import { migrate } from '../../src/migrations.js'
import { sqlUsers } from '../../src/users/sql.js'
import { newDatabase } from '../support/database.js'
import { mailServer } from '../support/mail-server.js'
import { type Mailing, mailing } from '../support/mailing.js'
import { ENGINES } from '../support/tables.js'

const NONE = { sent: 0, delayed: 0, rejected: 0, expired: 0 }
const user = { email: 'me@example.com', password: 'secret1234', password_confirmation: 'secret1234' }
const MIGRATIONS = { extensions: [{ migrations: [OUTBOX.migration] }] }

describe.each(ENGINES)('on $name', engine => {
  async function open() {
    const own = await engine.open()
    await migrate(own.database, MIGRATIONS)
    await own.database.kysely.deleteFrom('mail_outbox').execute()
    await own.database.kysely.deleteFrom('users').execute()
    const users = sqlUsers(own.database)
    const rows = (): Promise<Record<string, unknown>[]> =>
      own.database.kysely.selectFrom('mail_outbox').selectAll().execute()
    const node = (
      smtp: Parameters<typeof mailing>[0],
      options: Parameters<typeof mailing>[1] = {},
      rest = {},
    ): Mailing => mailing(smtp, options, { users, deadlineMs: 20_000, ...rest })
    return { ...own, rows, node }
  }

  test('of fifty workers over one outbox one sends each mail', { timeout: 120_000 }, async () => {
    const { node, rows } = await open()
    const server = await mailServer()
    const nodes = Array.from({ length: 50 }, () => node({ url: server.url }))
    const people = Array.from({ length: 60 }, (_, index) => `person-${index}@example.com`)
    for (const to of people) await nodes[0]?.tell({ kind: 'password_changed', to })
    const delivered = await Promise.all(nodes.map(({ deliver }) => deliver()))
    expect(delivered.reduce((sum, { sent }) => sum + sent, 0)).toBe(60)
    expect(server.mails.map(({ to }) => to.join()).sort()).toEqual(people.sort())
    expect(await rows()).toEqual([])
  })

  test('a mail is written with the user, or neither is', async () => {
    const { node, rows, database } = await open()
    const it = node(null)
    expect((await it.request('POST', '/registration', { json: { user } })).status).toBe(200)
    expect(await rows()).toHaveLength(1)
    expect((await it.request('POST', '/registration', { json: { user } })).status).toBe(500)
    expect(await rows()).toHaveLength(1)

    // The row cannot be written: then there is no user either.
    await database.kysely.schema.alterTable('mail_outbox').renameTo('mail_outbox_gone').execute()
    try {
      const other = { ...user, email: 'you@example.com' }
      expect((await it.request('POST', '/registration', { json: { user: other } })).status).toBe(503)
      expect(await it.auth.users.findByIdentifier(other.email)).toBe(null)
    } finally {
      await database.kysely.schema.alterTable('mail_outbox_gone').renameTo('mail_outbox').execute()
    }
    expect(await it.deliver()).toEqual({ ...NONE, sent: 1 })
  })

  test('a worker that ends between its claim and its mail leaves it to another, once the claim is over', async () => {
    const { node, rows } = await open()
    let revive = () => {}
    const dead: Mailer = {
      send: () =>
        new Promise(resolve => {
          revive = resolve
        }),
    }
    const dying = node(null, { mailer: dead })
    await dying.tell({ kind: 'password_changed', to: user.email })
    const stuck = dying.deliver()
    await expect.poll(async () => (await rows())[0]?.version).toSatisfy(version => Number(version) === 1)

    const mailbox = mailboxMailer()
    const other = node(null, { mailer: mailbox })
    expect(await other.deliver()).toEqual(NONE)
    other.clock.advance(120_000)
    expect(await other.deliver()).toEqual(NONE)
    other.clock.advance(60_000)
    expect(await other.deliver()).toEqual({ ...NONE, sent: 1 })
    expect(await other.deliver()).toEqual(NONE)
    expect(mailbox.mails()).toHaveLength(1)

    // What comes of a claim that is over changes nothing: the row in its place is another's.
    await other.tell({ kind: 'password_changed', to: user.email })
    revive()
    await stuck
    expect(await rows()).toHaveLength(1)
  }, 90_000)

  test('a copy of the table tells nothing, and a row to nobody looks like one to somebody', async () => {
    const { node, rows } = await open()
    const it = node(null)
    const token = `pwo1_${'s'.repeat(43)}`
    const expiresAt = it.clock.now() + 3_600_000
    await it.tell({ kind: 'reset_password', to: 'somebody@example.com', facts: { token }, expiresAt })
    await it.tell({ kind: 'reset_password', to: null, facts: { token: '' }, expiresAt })
    const [one, other] = await rows()
    expect(Object.keys(one ?? {}).sort()).toEqual(Object.keys(OUTBOX.columns).sort())
    expect(JSON.stringify(one)).not.toMatch(/somebody|example|pwo1|ssss/)
    const shape = (row: Record<string, unknown> = {}) => ({ ...row, id: '', payload: String(row.payload).length })
    expect(shape(other)).toEqual(shape(one))
  })

  test('a payload moved to another row is not opened, and waits', async () => {
    const { node, database, rows } = await open()
    const mailbox = mailboxMailer()
    const it = node(null, { mailer: mailbox })
    await it.tell({ kind: 'reset_password', to: 'victim@example.com', facts: { token: 'secret' } })
    await it.tell({ kind: 'password_changed', to: 'thief@example.com' })
    const [{ payload } = {}] = (await rows()).filter(({ kind }) => kind === 'reset_password')
    await database.kysely.updateTable('mail_outbox').set({ payload }).where('kind', '=', 'password_changed').execute()
    expect(await it.deliver()).toEqual({ ...NONE, sent: 1, delayed: 1 })
    expect(mailbox.mails().map(({ to }) => to)).toEqual(['victim@example.com'])
    expect(it.events.map(({ name, detail }) => [name, detail])).toContainEqual([
      'mail.delayed',
      'password_changed sealed',
    ])
  })

  test('two auths on one database each send their own', async () => {
    const { node } = await open()
    const [staffs, everybodys] = [mailboxMailer(), mailboxMailer()]
    const staff = node(null, { mailer: staffs }, { realm: 'staff' })
    const everybody = node(null, { mailer: everybodys }, { realm: 'everybody' })
    await staff.tell({ kind: 'password_changed', to: 'staff@example.com' })
    expect(await everybody.deliver()).toEqual(NONE)
    expect(await staff.deliver()).toEqual({ ...NONE, sent: 1 })
    expect(staffs.mails()).toHaveLength(1)
  })

  test('a mail after a rotation of the secret is sent', async () => {
    const { node } = await open()
    const [before, after] = ['an old secret of thirty-two letters', 'a new secret of thirty-two letters!']
    await node(null, {}, { secret: before }).tell({ kind: 'password_changed', to: user.email })
    expect(await node(null, {}, { secret: [after, before] as never }).deliver()).toEqual({ ...NONE, sent: 1 })
  })

  test('each tenant has its own links', async () => {
    const { node } = await open()
    const mailbox = mailboxMailer()
    const links = { reset_password: 'https://{tenant}.app.example/reset#{token}' }
    const tenant = ({ header }: { header(name: string): string | null }) => header('x-tenant')
    const it = node(null, { mailer: mailbox, links }, { tenant })
    const told = { kind: 'reset_password', to: user.email, facts: { token: 'tok' } }
    await it.tell(told, { 'x-tenant': 'acme' })
    await it.tell(told, { 'x-tenant': 'evil.example#' })
    await it.deliver()
    const texts = mailbox.mails().map(({ text, tenant }) => [tenant, /https:\S+/.exec(text)?.[0]])
    expect(texts.sort()).toEqual([
      ['acme', 'https://acme.app.example/reset#tok'],
      ['evil.example#', 'https://evil.example%23.app.example/reset#tok'],
    ])
  })
})

test('while the database is away a notice is 503, and nothing is thrown away', async () => {
  const database = await newDatabase()
  await migrate(database, MIGRATIONS)
  const sent: Message[] = []
  const mailer: Mailer = { send: async message => void sent.push(message) }
  const it = mailing(null, { mailer }, { users: sqlUsers(database) })
  await it.tell({ kind: 'password_changed', to: user.email })
  await database.kysely.schema.alterTable('mail_outbox').renameTo('away').execute()
  await expect(it.tell({ kind: 'password_changed', to: user.email })).rejects.toSatisfy(error =>
    Problem.is(error, 'unavailable'),
  )
  await expect(it.deliver()).rejects.toSatisfy(error => Problem.is(error, 'unavailable'))
  await database.kysely.schema.alterTable('away').renameTo('mail_outbox').execute()
  expect(await it.deliver()).toEqual({ ...NONE, sent: 1 })
  expect(sent).toHaveLength(1)
})

test('without the extension there is no table', async () => {
  const database = await newDatabase()
  const tables = await database.prepare("select name from sqlite_master where name like 'mail%'").all()
  expect(tables).toEqual([])
})
