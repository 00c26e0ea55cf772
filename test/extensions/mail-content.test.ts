import { expect, test } from 'vitest'
import { z } from 'zod'
import { createCatalogue, type MailTexts } from '../../src/extensions/mail/catalogue.js'
import { mailboxMailer, type OwnTexts } from '../../src/extensions/mail/mail.js'
import { durationText } from '../../src/extensions/mail/render.js'
import { memoryUsers } from '../../src/index.js'
import { mailing } from '../support/mailing.js'

const ada = 'ada@example.com'
const LANGUAGES = ['en', 'de', 'es', 'fr', 'da']
const KINDS: Record<string, Record<string, string>> = {
  confirm_email: { token: 'TOKEN' },
  confirm_new_email: { token: 'TOKEN', email: 'new@example.com' },
  email_change_requested: { email: 'new@example.com' },
  registration_taken: {},
  reset_password: { token: 'TOKEN' },
  invitation: { token: 'TOKEN', inviter: 'boss@example.com' },
  invitation_taken: {},
  new_device: { device: 'Firefox on Linux', address: '192.0.2.7', time: '2026-03-04T05:06:07Z' },
  password_changed: { device: 'Firefox on Linux', address: '2001:db8::ab', time: '2026-03-04T05:06:07Z' },
  email_changed: { email: 'new@example.com', time: '2026-03-04T05:06:07Z' },
  session_reused: { device: 'Firefox on Linux', address: '192.0.2.7', time: '2026-03-04T05:06:07Z' },
}

async function written(
  kind: string,
  facts: Record<string, string>,
  language = 'en',
  options: Parameters<typeof mailing>[1] = {},
) {
  const mailer = mailboxMailer()
  const it = mailing(null, { mailer, ...options })
  const expiresAt = it.clock.now() + 3_600_000
  await it.tell({ kind, to: ada, facts, ...(facts.token && { expiresAt }) }, { 'accept-language': language })
  await it.deliver()
  expect(it.errors).toEqual([])
  const [mail] = mailer.mails()
  if (!mail) throw new Error('no mail')
  return mail
}

test.each(LANGUAGES)('every mail is whole in %s', async language => {
  const english = createCatalogue().en
  for (const [kind, facts] of Object.entries(KINDS)) {
    const { subject, text, html } = await written(kind, facts, language)
    const where = `${language} ${kind}`
    for (const part of [subject, text, html]) {
      expect(part, where).not.toMatch(/undefined|null|NaN|\[object|[{]\w+[}](?!\s*[,@])/)
      expect(part.trim().length, where).toBeGreaterThan(5)
    }
    if (language !== 'en') expect(subject, where).not.toBe(english?.kinds[kind]?.subject)
    const { token: _, ...shown } = facts
    for (const fact of Object.values(shown).filter(each => !/T.*Z$/.test(each))) {
      expect(text, where).toContain(fact)
      expect(html, where).toContain(fact)
    }
    if (facts.time) expect(text, where).toMatch(/2026.*UTC/)
    const links = text.match(/^https:\S+$/gm) ?? []
    expect(links.length, where).toBe(facts.token ? 1 : 0)
    expect(text.includes(durationText(3_600_000, language)), where).toBe(facts.token !== undefined)
    expect(html, where).toContain(`<html lang="${language}" dir="ltr">`)
    expect(html.match(/<a /g)?.length ?? 0, where).toBe(facts.token ? 2 : 0)
    expect(html, where).not.toMatch(/<img|<script|<link|url\(|src=/)
    expect(Math.max(...[...html.matchAll(/font-size:(\d+)px/g)].map(([, size]) => -Number(size))), where).toBe(-16)
  }
})

test('each language has its own words for every kind there is, and the same facts in them', () => {
  const catalogue = createCatalogue()
  const wordsIn = (sentences: readonly string[]) =>
    [...sentences.join().matchAll(/\{(\w+)\}/g)].map(([, word]) => word).sort()
  for (const language of LANGUAGES) {
    expect(Object.keys(catalogue[language]?.kinds ?? {}).sort()).toEqual(Object.keys(KINDS).sort())
    for (const kind of Object.keys(KINDS)) {
      const [ours, english] = [catalogue[language], catalogue.en].map(texts => texts?.kinds[kind])
      expect(wordsIn(ours?.paragraphs ?? []), `${language} ${kind}`).toEqual(wordsIn(english?.paragraphs ?? []))
      expect(ours?.after?.length, `${language} ${kind}`).toBe(english?.after?.length)
      expect(ours?.otherwise?.length, `${language} ${kind}`).toBe(english?.otherwise?.length)
      expect(ours?.footer?.includes('{app}'), `${language} ${kind}`).toBe(english?.footer?.includes('{app}'))
    }
  }
})

test.each(LANGUAGES)('an invitation that nobody in particular sent names nobody, in %s', async language => {
  const { kinds, footer } = createCatalogue()[language] as MailTexts
  const { text, html } = await written('invitation', { token: 'TOKEN', inviter: '' }, language)
  const [sentence = ''] = kinds.invitation?.otherwise ?? []
  // The name ends with a dot: a sentence that ends with it needs no other.
  const named = (words: string) => words.replace('{app}', 'Acme, Inc.').replace('..', '.')
  for (const part of [text, html]) {
    expect(part).toContain(named(sentence))
    expect(part).not.toContain('..')
    // Whoever is invited has no account.
    expect(part).not.toContain(named(footer))
  }
})

test('what somebody typed stays text: no markup, no second link, no turned direction, no filled braces', async () => {
  const hostile = `<script>alert(1)</script>"'&\u202Egpj.exe\u2066 {app} https://evil.example/x www.evil.example\r\n\u0007`
  const { text, html, subject } = await written('session_reused', { device: hostile, address: hostile, time: hostile })
  expect(html).not.toMatch(/<script|alert\(1\)<\/script>/)
  expect(html).toContain('&lt;script&gt;')
  expect(html).toContain('&quot;&#39;&amp;')
  for (const part of [text, html, subject]) {
    expect(part).not.toContain('\u0007')
    expect(part).not.toMatch(/[\u202A-\u202E\u2066-\u2069\r]/)
    expect(part).not.toMatch(/https?:\/\/evil|evil\.example/)
  }
  expect(text).toContain('{app}')
  const invitation = await written('invitation', { token: 'x"><script>', inviter: '<b>"boss"</b>' })
  expect(invitation.html).not.toMatch(/<script|<b>/)
  expect(invitation.html).toContain('#token=x%22%3E%3Cscript%3E"')
})

test('a very long fact is cut', async () => {
  const { text } = await written('new_device', { device: 'x'.repeat(100_000) })
  expect(text.length).toBeLessThan(1000)
})

test.each([
  [3_600_000, '1 hour'],
  [3_599_000, '1 hour'],
  [1_800_000, '30 minutes'],
  [5_400_000, '90 minutes'],
  [7_200_000, '2 hours'],
  [86_399_000, '24 hours'],
  [7 * 86_400_000 - 5000, '7 days'],
  [1, '1 minute'],
])('%d ms are %s', (ms, text) => {
  expect(durationText(ms, 'en')).toBe(text)
  expect(durationText(3_600_000, 'de')).toBe('1 Stunde')
})

test.each([
  ['de', 'de'],
  ['de-AT', 'de'],
  ['fr;q=0.3, da;q=0.9, en;q=0.1', 'da'],
  ['it, es', 'es'],
  ['de;q=0, fr', 'fr'],
  ['*', 'en'],
  ['it', 'en'],
  ['', 'en'],
  ['__proto__, constructor', 'en'],
  [','.repeat(100_000), 'en'],
])('Accept-Language is negotiated: %#', async (header, language) => {
  expect((await written('password_changed', {}, header)).html).toContain(`lang="${language}"`)
})

test('a language comes from the option, then from the user, then from the request', async () => {
  const user = { email: ada, password: 'secret1234', password_confirmation: 'secret1234' }
  const fields = z.object({ locale: z.string() })
  for (const [locale, language] of [
    [undefined, 'da'],
    [() => 'es-MX', 'es'],
    [() => 'xx', 'fr'],
  ] as const) {
    const mailer = mailboxMailer()
    const it = mailing(null, { mailer, ...(locale && { locale }) }, {
      users: memoryUsers({ fields: ['locale'] }),
      fields,
    } as never)
    await it.request('POST', '/registration', {
      json: { user: { ...user, locale: 'da' } },
      headers: { 'accept-language': 'fr' },
    })
    await it.deliver()
    expect(mailer.mails()[0]?.html).toContain(`lang="${language}"`)
  }
})

test('sentences can be changed, languages added, and mails written by the app', async () => {
  const changed = await written('reset_password', { token: 'T' }, 'en', {
    texts: { en: { kinds: { reset_password: { subject: 'Forgot? {app}' } } } },
    appName: 'Ac$&me',
  })
  expect(changed.subject).toBe('Forgot? Ac$&me')
  expect(changed.text).toContain('Choose a new password')

  const { en } = createCatalogue()
  const whole: OwnTexts = { ...en, dir: 'rtl', footer: 'מאת {app}' } as OwnTexts
  const hebrew = await written('reset_password', { token: 'T' }, 'he-IL', { texts: { he: whole } })
  expect(hebrew.html).toContain('<html lang="he" dir="rtl">')
  expect(hebrew.text).toContain('מאת Acme, Inc.')

  const own = await written('welcome', { token: 'T', name: 'A\u202Eda' }, 'de', {
    links: { welcome: 'myapp://open?token={token}&a=b' },
    templates: {
      welcome: ({ facts, locale, link, duration }) => ({
        subject: `Hi\r\n${facts.name}`,
        text: JSON.stringify([locale, link, duration, Object.keys(facts)]),
        html: '<p>',
      }),
    },
  })
  expect(own.subject).toBe('Hi A da')
  expect(JSON.parse(own.text)).toEqual(['de', 'myapp://open?token=T&a=b', '1 Stunde', ['name']])
})

test.each([
  ['https://app.example', 'https://app.example/reset-password#token=T'],
  ['https://app.example/', 'https://app.example/reset-password#token=T'],
  ['https://app.example/de/account/', 'https://app.example/de/account/reset-password#token=T'],
  ['http://localhost:5173', 'http://localhost:5173/reset-password#token=T'],
  [{ reset_password: 'https://app.example/r/{token}?x=1' }, 'https://app.example/r/T?x=1'],
])('links to %j', async (links, link) => {
  const { text, html } = await written('reset_password', { token: 'T' }, 'en', { links })
  expect(text).toContain(`${link}\n`)
  expect(html).toContain(`href="${link.replace('&', '&amp;')}"`)
})
