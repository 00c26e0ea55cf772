import { isEmail } from '../../users/email.js'
import { type Catalogue, languageOf, type MailText, type MailTexts } from './catalogue.js'
import { htmlLayout, type Parts, textLayout } from './layout.js'
import type { LinkOf } from './links.js'

/** What a template of the app's own is given. */
export interface TemplateInput {
  /** As they came: escape them. No control characters, and nothing that turns the direction of text. */
  readonly facts: Readonly<Record<string, string>>
  /** The catalogue's language, as `de`. */
  readonly locale: string
  /** Null for a message without one. */
  readonly link: string | null
  readonly appName: string
  /** `1 hour`; null where nobody said how long the link is good. */
  readonly duration: string | null
  readonly tenant: string
}

export interface RenderedMail {
  readonly subject: string
  readonly text: string
  readonly html: string
}

export type MailTemplate = (input: TemplateInput) => RenderedMail

export interface RenderParts {
  readonly appName: string
  readonly catalogue: Catalogue
  readonly defaultLocale: string
  readonly templates: Readonly<Record<string, MailTemplate>>
  readonly linkOf: LinkOf
}

export interface ToRender {
  readonly kind: string
  readonly tenant: string
  readonly locale: string
  readonly facts: Readonly<Record<string, string>>
  /** For how many ms more it is of use; null where nobody said. */
  readonly leftMs: number | null
}

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu
const LONGEST_FACT = 300
const IPV6 = /^[\da-f:]+(?::\d+(?:\.\d+){3})?$/i
const LISTED = ['time', 'device', 'address'] as const

/** Without control characters and without what turns the direction of the text around it. */
export function plain(text: string): string {
  return text.replace(INVISIBLE, ' ').trim().slice(0, LONGEST_FACT).toWellFormed()
}

/** What somebody else wrote is no link: a mail program would make one of `evil.example` in the name of a device. */
function unlinked(text: string): string {
  return isEmail(text) || IPV6.test(text) ? text : text.replace(/[.:/@](?=[\p{L}/])/gu, '$&\u2060')
}

function timeText(iso: string, language: string): string {
  const time = new Date(iso)
  if (Number.isNaN(time.getTime())) return unlinked(iso)
  const format = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })
  return `${format.format(time)} UTC`
}

/** `1 hour`, in a language. Rounded down, but for the moments that passed since it was said. */
export function durationText(ms: number, language: string): string {
  const minutes = Math.max(1, Math.round(ms / 60_000))
  const isHours = minutes === 60 || minutes >= 120
  const [value, unit] =
    minutes >= 2880
      ? [Math.floor(minutes / 1440), 'day']
      : isHours
        ? [Math.floor(minutes / 60), 'hour']
        : [minutes, 'minute']
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(value)
}

function textOf({ catalogue, defaultLocale }: RenderParts, kind: string, language: string) {
  const own = catalogue[language] as MailTexts
  if (Object.hasOwn(own.kinds, kind)) return { language, texts: own, text: own.kinds[kind] as MailText }
  const texts = catalogue[defaultLocale] as MailTexts
  return { language: defaultLocale, texts, text: texts.kinds[kind] as MailText }
}

/** What a mail of a kind says, in a language. */
export function render(parts: RenderParts, { kind, tenant, locale, facts: given, leftMs }: ToRender): RenderedMail {
  const { appName, catalogue, defaultLocale, templates, linkOf } = parts
  const wanted = languageOf(catalogue, locale) ?? defaultLocale
  const { token, ...others } = given
  const link = token === undefined ? null : linkOf(kind, token, tenant)
  const facts = Object.fromEntries(Object.entries(others).map(([name, fact]) => [name, plain(String(fact))]))

  if (Object.hasOwn(templates, kind)) {
    const duration = leftMs === null ? null : durationText(leftMs, wanted)
    const input = { facts, locale: wanted, link, appName, duration, tenant }
    const { subject, text, html } = (templates[kind] as MailTemplate)(input)
    return { subject: plain(subject), text, html }
  }

  const { language, texts, text } = textOf(parts, kind, wanted)
  const said: Readonly<Record<string, string>> = {
    ...Object.fromEntries(Object.entries(facts).map(([name, fact]) => [name, unlinked(fact)])),
    ...(facts.time && { time: timeText(facts.time, language) }),
    app: appName,
    duration: leftMs === null ? '' : durationText(leftMs, language),
  }
  // Filled in one go: braces in a fact are not filled again.
  const factOf = (name: string) => (Object.hasOwn(said, name) ? (said[name] as string) : '')
  // `Acme Inc.` ends a sentence by itself.
  const fill = (sentence: string) =>
    sentence.replace(/\{(\w+)\}(\.?)/g, (_, name: string, dot: string) => {
      const fact = factOf(name)
      return fact.endsWith('.') ? fact : fact + dot
    })
  const isKnown = (sentence: string) =>
    [...sentence.matchAll(/\{(\w+)\}/g)].every(([, name = '']) => factOf(name) !== '')
  const { paragraphs, otherwise = paragraphs } = text
  // A subject is a header: it holds the app's name, and nothing that somebody typed.
  const subject = plain(text.subject.replaceAll('{app}', () => appName))
  const whole: Parts = {
    language,
    texts,
    appName,
    subject,
    before: (paragraphs.every(isKnown) ? paragraphs : otherwise).map(fill),
    link: link === null ? null : { url: link, label: text.button ?? subject },
    validity: link === null || leftMs === null ? null : fill(texts.validFor),
    details: LISTED.filter(name => said[name]).map(name => [texts.labels[name], said[name] as string]),
    after: (text.after ?? []).map(fill),
    footer: fill(text.footer ?? texts.footer),
  }
  return { subject, text: textLayout(whole), html: htmlLayout(whole) }
}
