import type { IncomingMessage, ServerResponse } from 'node:http'
import { escapeHtml } from '../extensions/mail/layout.js'
import type { Mailbox } from '../extensions/mail/mailbox.js'
import type { Message } from '../extensions/mail/mailer.js'
import { pathOf } from '../http/exchange.js'

const PATH = '/dev/mailbox'
const LOOPBACK = /^(?:(?:::ffff:)?127(?:\.\d{1,3}){3}|::1)$/
const LOOPBACK_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i
/** A proxy on this machine speaks from the loopback for others. */
const FORWARDED = /^(?:forwarded$|via$|x-forwarded|x-real-ip$|x-client-ip$|true-client-ip$|cf-|x-envoy|x-amzn)/

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** True when somebody on this machine asks this machine by its own name: a page that has its name rebound does not. */
function isLocal({ socket, headers, httpVersion }: IncomingMessage): boolean {
  // Proxies that add no header speak HTTP/1.0; no browser does.
  const isForwarded = httpVersion !== '1.1' || Object.keys(headers).some(name => FORWARDED.test(name))
  return !isForwarded && LOOPBACK.test(socket.remoteAddress ?? '') && LOOPBACK_HOST.test(headers.host ?? '')
}

const page = (title: string, body: string) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="color-scheme" content="light dark"><title>${escapeHtml(title)}</title>
<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:720px;margin:0 auto;padding:24px 20px}
pre{white-space:pre-wrap;word-break:break-word}iframe{width:100%;height:640px;border:1px solid}li{margin:0 0 12px}</style>
</head><body>${body}</body></html>
`

function linkTo({ id, subject, to, date }: Message): string {
  const time = new Date(date).toISOString()
  return `<li><a href="${PATH}/${encodeURIComponent(id)}">${escapeHtml(subject)}</a><br>${escapeHtml(to)}, ${time}</li>`
}

function listPage(mails: readonly Message[]): string {
  const list = mails.length > 0 ? `<ul>${mails.map(linkTo).join('\n')}</ul>` : '<p>No mail so far.</p>'
  return page('Mailbox', `<h1>Mailbox</h1><p><a href="${PATH}.json">As JSON</a></p>${list}`)
}

/** The text with its links; the HTML in a frame that runs nothing and is of no origin. */
function mailPage({ subject, from, to, date, text, html }: Message): string {
  const linked = escapeHtml(text).replace(/https?:\/\/[^\s<]+/g, url => `<a href="${url}" rel="noreferrer">${url}</a>`)
  const head = `From: ${from.name} <${from.address}>\nTo: ${to}\nDate: ${new Date(date).toISOString()}`
  return page(
    subject,
    `<p><a href="${PATH}">All mails</a></p><h1>${escapeHtml(subject)}</h1><pre>${escapeHtml(head)}</pre>
<pre>${linked}</pre><iframe sandbox="" title="HTML" srcdoc="${escapeHtml(html)}"></iframe>`,
  )
}

function send(request: IncomingMessage, response: ServerResponse, status: number, type: string, body: string): true {
  const length = Buffer.byteLength(body)
  response.writeHead(status, { ...HEADERS, vary: 'accept', 'content-type': type, 'content-length': length })
  response.end(request.method === 'HEAD' ? undefined : body)
  return true
}

/**
 * Shows what is in a mailbox at `/dev/mailbox`, as pages or as JSON, to this machine alone. What it gives answers a request
 * and is true, or is false for a request that is not its own: then nothing has happened.
 */
export function devMailbox(mailbox: Mailbox): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    const path = pathOf(request.url ?? '')
    const isOurs = path === PATH || path === `${PATH}.json` || path.startsWith(`${PATH}/`)
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (!isOurs || !isRead || !isLocal(request)) return false
    const mails = mailbox.mails()
    const wantsJson = path === `${PATH}.json` || /^application\/json\b/.test(request.headers.accept ?? '')
    const JSON_TYPE = 'application/json; charset=utf-8'
    const HTML_TYPE = 'text/html; charset=utf-8'
    if (!path.startsWith(`${PATH}/`)) {
      return wantsJson
        ? send(request, response, 200, JSON_TYPE, JSON.stringify({ data: mails }))
        : send(request, response, 200, HTML_TYPE, listPage(mails))
    }
    const mail = mails.find(({ id }) => path === `${PATH}/${encodeURIComponent(id)}`)
    if (!mail) return send(request, response, 404, HTML_TYPE, page('Mailbox', '<p>There is no such mail.</p>'))
    return wantsJson
      ? send(request, response, 200, JSON_TYPE, JSON.stringify({ data: mail }))
      : send(request, response, 200, HTML_TYPE, mailPage(mail))
  }
}
