import { domainToASCII, domainToUnicode } from 'node:url'
import { expect, test } from 'vitest'
import { deliverable } from '../../src/extensions/mail/address.js'
import { type Message, smtpMailer } from '../../src/extensions/mail/mail.js'
import { isEmail, normalizeEmail } from '../../src/users/email.js'
import { mailServer } from '../support/mail-server.js'
import { mailing } from '../support/mailing.js'

const message: Message = {
  id: 'one',
  kind: 'password_changed',
  tenant: '',
  from: { name: 'Acme', address: 'no-reply@acme.example' },
  replyTo: null,
  to: 'ada@example.com',
  subject: 'A subject',
  text: 'Text',
  html: '<p>Text</p>',
  date: 0,
}

const HOSTILE = [
  'a@example.com,victim@example.com',
  'a@example.com, victim@example.com',
  'a@example.com;victim@example.com',
  'a@example.com victim@example.com',
  'a@example.com\r\nBcc: victim@example.com',
  'a\r\nRCPT TO:<victim@example.com>\r\n@example.com',
  '"a\r\nBcc: victim@example.com"@example.com',
  '"a,victim@example.com"@example.com',
  '<victim@example.com>',
  'a@example.com <victim@example.com>',
  '"x" <victim@example.com>, b@example.com',
  'group: victim@example.com, b@example.com;',
  'a@[127.0.0.1]',
  'a@127.1',
  'a@0x7f.0x1',
  'victim@example.com@b.example',
  'victim@example.com\u0000',
  'victim@example.com(comment)',
  'victim%example.com@[x@b.example]',
  'a@b..example',
  'Victim@example.com',
  '',
  // Letters that a mail system maps to those of another domain.
  'victim@\uff45xample.com',
  'victim@examp\u{1d5c5}e.com',
  'victim@exam\ufe0fple.com',
  'victim@exa\u034fmple.com',
  'victim@\ufb01rma.example',
  'victim@exam\u3002ple.com',
  'victim@1\u00ba.example',
  'victim@exam\u1c82ple.com',
]

test.each(HOSTILE)('nothing is sent to %j', async to => {
  const server = await mailServer()
  const { send } = smtpMailer({ url: server.url, smtpUtf8: true })
  await expect(send({ ...message, to }, new AbortController().signal)).rejects.toMatchObject({ permanent: true })
  const it = mailing({ url: server.url, smtpUtf8: true })
  if (to !== '') await it.tell({ kind: 'password_changed', to })
  expect(await it.deliver()).toMatchObject({ sent: 0, rejected: to === '' ? 0 : 1 })
  expect(server.connections()).toBe(0)
  expect(it.errors).toEqual([])
})

test('an address that is stored is the one that is mailed to', async () => {
  const server = await mailServer()
  const { send } = smtpMailer({ url: server.url, smtpUtf8: true })
  const wanted: Record<string, string> = {
    "o'hara+tag!#$%&*/=?^_`{|}~-@example.com": "o'hara+tag!#$%&*/=?^_`{|}~-@example.com",
    'ada@jõgeva.example': 'ada@xn--jgeva-dua.example',
    'ada@xn--jgeva-dua.example': 'ada@xn--jgeva-dua.example',
    'ada@straße.example': 'ada@xn--strae-oqa.example',
    'ada@黒川.日本': 'ada@xn--5rtw95l.xn--wgv71a',
    'ada@с-балалайкой.рф': `ada@${domainToASCII('с-балалайкой.рф')}`,
    'ada@localhost': 'ada@localhost',
  }
  for (const [to, envelope] of Object.entries(wanted)) {
    expect(deliverable(to), to).toBe(envelope)
    await send({ ...message, to }, new AbortController().signal)
    const { to: received, parsed } = server.mails.pop() ?? { to: [] }
    const unicode = (address = '') => address.replace(/[^@]+$/, domain => domainToUnicode(domain))
    expect(received.map(unicode)).toEqual([unicode(envelope)])
    expect(JSON.stringify(parsed?.to)).toContain(JSON.stringify(unicode(envelope)).slice(1, -1).split('@')[0])
  }
})

test('letters beyond ASCII before the @ go to a server that knows them, as they are, and to no other', async () => {
  const server = await mailServer()
  const look = ['p\u0430ypal@example.com', 'pelé@example.com', '\uff41dmin@example.com', 'δοκιμή@παράδειγμα.example']
  const careful = smtpMailer({ url: server.url })
  const { send } = smtpMailer({ url: server.url, smtpUtf8: true })
  for (const to of look) {
    expect(normalizeEmail(to)).toBe(to)
    await expect(careful.send({ ...message, to }, new AbortController().signal)).rejects.toMatchObject({
      permanent: true,
      code: 'smtputf8',
    })
    expect(server.mails).toEqual([])
    await send({ ...message, to }, new AbortController().signal)
    const received = server.mails.splice(0).flatMap(mail => mail.to)
    expect(received.map(address => address.normalize('NFC'))).toEqual([to])
  }
})

test('no letter makes a domain that is read as another one', () => {
  const wrong: string[] = []
  for (let point = 0x80; point < 0x30000; point++) {
    if (point >= 0xd800 && point < 0xe000) continue
    const letter = String.fromCodePoint(point)
    const domain = `a${letter}b.example`
    const to = `x@${domain}`
    if (!isEmail(to)) continue
    const envelope = deliverable(to)
    if (envelope === null) continue
    if (domainToUnicode(envelope.slice(2)) !== domain) wrong.push(point.toString(16))
  }
  expect(wrong).toEqual([])
})

test('nothing that is told reaches a header', async () => {
  const server = await mailServer()
  const hostile = 'x\r\nBcc: victim@example.com\r\n\r\nbody'
  const templates = {
    custom: ({ facts }: { facts: Readonly<Record<string, string>> }) => ({
      subject: `Hello ${facts.device}\r\nBcc: victim@example.com`,
      text: 'text',
      html: '<p>html</p>',
    }),
  }
  const it = mailing({ url: server.url }, { templates })
  const facts = { token: hostile, device: hostile, address: hostile, inviter: hostile, email: hostile, time: hostile }
  for (const kind of ['custom', 'new_device', 'invitation', 'confirm_new_email', 'session_reused']) {
    await it.tell(
      { kind, to: 'ada@example.com', facts },
      { 'accept-language': hostile, host: 'evil.example', 'x-forwarded-host': 'evil.example' },
    )
  }
  expect(await it.deliver()).toMatchObject({ sent: 5 })
  for (const { to, raw, parsed } of server.mails) {
    expect(to).toEqual(['ada@example.com'])
    expect(parsed.bcc).toBeUndefined()
    const head = raw.slice(0, raw.indexOf('\r\n\r\n'))
    expect(head).not.toMatch(/^bcc/im)
    expect([...parsed.headers.keys()].sort()).toEqual([
      'auto-submitted',
      'content-type',
      'date',
      'from',
      'message-id',
      'mime-version',
      'subject',
      'to',
      'x-auto-response-suppress',
    ])
    expect(raw).not.toContain('evil.example')
  }
})
