import { DA } from './texts/da.js'
import { DE } from './texts/de.js'
import { EN } from './texts/en.js'
import { ES } from './texts/es.js'
import { FR } from './texts/fr.js'

/**
 * What a mail says, in one language. `{app}` is the app's name, `{email}`, `{inviter}` and any other word in braces a fact
 * of the message, `{duration}` how long its link is good.
 */
export interface MailText {
  readonly subject: string
  readonly paragraphs: readonly string[]
  /** What is said in their place where one of their facts is not known. Left out, its place is empty. */
  readonly otherwise?: readonly string[]
  /** What stands on the button, where there is a link. */
  readonly button?: string
  /** What stands after the button and the facts. */
  readonly after?: readonly string[]
  /** The last line, where it is another than that of all mails. */
  readonly footer?: string
}

/** All mails in one language. */
export interface MailTexts {
  /** `ltr` or `rtl`. */
  readonly dir: 'ltr' | 'rtl'
  /** Over the link that stands there to be copied. */
  readonly linkHint: string
  /** With `{duration}`. */
  readonly validFor: string
  /** What the facts are called that a mail lists. */
  readonly labels: { readonly time: string; readonly device: string; readonly address: string }
  /** The last line, with `{app}`. */
  readonly footer: string
  readonly kinds: Readonly<Record<string, MailText>>
}

/** Other sentences for a language there is, or a whole language of your own. */
export interface OwnTexts extends Partial<Omit<MailTexts, 'labels' | 'kinds'>> {
  readonly labels?: Partial<MailTexts['labels']>
  readonly kinds?: Readonly<Record<string, Partial<MailText>>>
}

export type Catalogue = Readonly<Record<string, MailTexts>>

const OURS: Catalogue = { en: EN, de: DE, es: ES, fr: FR, da: DA }

/** Throws `TypeError` for a new language in which something is not said. */
function checkWhole(language: string, texts: MailTexts): void {
  const { dir, linkHint, validFor, footer, labels, kinds } = texts
  const said: Record<string, unknown> = { dir, linkHint, validFor, footer }
  for (const name of Object.keys(EN.labels)) said[`labels.${name}`] = labels[name as keyof MailTexts['labels']]
  for (const [kind, { button }] of Object.entries({ ...EN.kinds, ...kinds })) {
    said[`kinds.${kind}.subject`] = kinds[kind]?.subject
    said[`kinds.${kind}.paragraphs`] = kinds[kind]?.paragraphs
    if (button !== undefined) said[`kinds.${kind}.button`] = kinds[kind]?.button
  }
  const missing = Object.keys(said).find(name => !said[name])
  if (missing !== undefined) throw new TypeError(`\`texts.${language}\` says nothing for \`${missing}\``)
}

/** The texts of all languages, with the app's own over ours. */
export function createCatalogue(own: Readonly<Record<string, OwnTexts>> = {}): Catalogue {
  const catalogue: Record<string, MailTexts> = { ...OURS }
  for (const [language, texts] of Object.entries(own)) {
    if (!isLanguage(language)) throw new TypeError(`\`texts.${language}\` is no language: write it as 'it' or 'pt-BR'`)
    const before: Partial<MailTexts> = catalogue[language] ?? {}
    const kinds: Record<string, MailText> = { ...before.kinds }
    for (const [kind, text] of Object.entries(texts.kinds ?? {})) kinds[kind] = { ...kinds[kind], ...text } as MailText
    const merged = {
      dir: 'ltr',
      ...before,
      ...texts,
      labels: { ...before.labels, ...texts.labels },
      kinds,
    } as MailTexts
    checkWhole(language, merged)
    catalogue[language] = merged
  }
  return catalogue
}

function isLanguage(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text)[0] === text
  } catch {
    return false
  }
}

/** The catalogue's language for a locale: `de` for `de-AT`. Null where there is none. */
export function languageOf(catalogue: Catalogue, locale: string): string | null {
  const parts = locale.trim().replaceAll('_', '-').split('-')
  for (let count = parts.length; count > 0; count--) {
    const wanted = parts.slice(0, count).join('-').toLowerCase()
    const found = Object.keys(catalogue).find(language => language.toLowerCase() === wanted)
    if (found !== undefined) return found
  }
  return null
}

/** The catalogue's language that an `Accept-Language` likes best (RFC 9110, 12.5.4). Null where it likes none. */
export function acceptedLanguage(catalogue: Catalogue, header: string | null): string | null {
  const ranges = (header ?? '')
    .slice(0, 500)
    .split(',')
    .map(range => {
      const [, locale = '', quality = '1'] = /^\s*([\w-]+)\s*(?:;\s*q=([\d.]+)\s*)?$/.exec(range) ?? []
      return { language: languageOf(catalogue, locale), quality: Number(quality) }
    })
    .filter(({ language, quality }) => language !== null && quality > 0)
    .sort((a, b) => b.quality - a.quality)
  return ranges[0]?.language ?? null
}
