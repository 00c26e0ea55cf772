import type { MailTexts } from './catalogue.js'

/** A mail before it is text or HTML. */
export interface Parts {
  readonly language: string
  readonly texts: MailTexts
  readonly appName: string
  readonly subject: string
  readonly before: readonly string[]
  readonly link: { readonly url: string; readonly label: string } | null
  /** How long the link is good; null where nobody said. */
  readonly validity: string | null
  /** What the mail lists: names and values. */
  readonly details: readonly (readonly [label: string, value: string])[]
  readonly after: readonly string[]
  readonly footer: string
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => ENTITIES[character] as string)
}

export function textLayout({ before, link, validity, details, after, footer }: Parts): string {
  const blocks = [
    ...before,
    // By itself, so that a mail program makes a link of all of it and of nothing else.
    ...(link ? [`${link.label}:\n${link.url}`] : []),
    ...(validity === null ? [] : [validity]),
    ...(details.length > 0 ? [details.map(([label, value]) => `${label}: ${value}`).join('\n')] : []),
    ...after,
    `-- \n${footer}`,
  ]
  return `${blocks.join('\n\n')}\n`
}

const FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
const paragraph = (text: string) => `<p style="margin:0 0 16px">${escapeHtml(text)}</p>`

const DARK = `@media (prefers-color-scheme:dark){
body,.page{background:#16181d!important;color:#e8eaed!important}
.button{background:#e8eaed!important;color:#16181d!important}
.quiet,.quiet a{color:#a8adb5!important}
}`

function buttonOf({ link, texts }: Parts): string {
  if (!link) return ''
  const url = escapeHtml(link.url)
  return `<p style="margin:24px 0"><a class="button" href="${url}" style="display:inline-block;padding:14px 24px;border-radius:8px;background:#1b1e24;color:#ffffff;font-size:17px;font-weight:600;text-decoration:none">${escapeHtml(link.label)}</a></p>
<p class="quiet" style="margin:0 0 16px;color:#5b616b">${escapeHtml(texts.linkHint)}<br><a href="${url}" style="color:#5b616b;word-break:break-all">${url}</a></p>
`
}

/** One column, no images, nothing loaded from anywhere. */
export function htmlLayout(parts: Parts): string {
  const { language, texts, appName, subject, before, validity, details, after, footer } = parts
  const rows = details.map(([label, value]) => `${escapeHtml(label)}: ${escapeHtml(value)}`).join('<br>')
  return `<!doctype html>
<html lang="${escapeHtml(language)}" dir="${texts.dir}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(subject)}</title>
<style>:root{color-scheme:light dark}
${DARK}</style>
</head>
<body style="margin:0;padding:0;background:#ffffff;color:#1b1e24">
<div class="page" role="article" lang="${escapeHtml(language)}" dir="${texts.dir}" style="max-width:560px;margin:0 auto;padding:24px 20px;font-size:17px;line-height:1.5;${FONT}">
<p style="margin:0 0 24px;font-weight:700">${escapeHtml(appName)}</p>
<h1 style="margin:0 0 16px;font-size:22px;line-height:1.3">${escapeHtml(subject)}</h1>
${before.map(paragraph).join('\n')}
${buttonOf(parts)}${validity === null ? '' : `${paragraph(validity)}\n`}${rows === '' ? '' : `<p style="margin:0 0 16px">${rows}</p>\n`}${after.map(paragraph).join('\n')}
<p class="quiet" style="margin:32px 0 0;font-size:16px;color:#5b616b">${escapeHtml(footer)}</p>
</div>
</body>
</html>
`
}
