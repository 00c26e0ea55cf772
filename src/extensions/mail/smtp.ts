import { refuseUnknown } from '../../base/options.js'
import { deliverable, needsSmtpUtf8 } from './address.js'
import { type Correspondent, type Mailer, type Message, permanentRefusal } from './mailer.js'

export interface SmtpOptions {
  /** `smtp://user:password@mail.example:587`, or `smtps://…` for TLS from the first byte. */
  url?: string
  /** Options of Nodemailer's SMTP transport, beside or instead of the URL. */
  transport?: Readonly<Record<string, unknown>>
  /**
   * True where the mail server takes SMTPUTF8. Otherwise no mail goes to an address whose part before the `@` is not
   * ASCII: a server that does not know such letters may read others. Default: false.
   */
  smtpUtf8?: boolean
}

/** What is used of Nodemailer. */
interface Transport {
  sendMail(mail: Readonly<Record<string, unknown>>): Promise<unknown>
  close(): void
}

interface SmtpError {
  readonly code?: unknown
  readonly command?: unknown
  readonly responseCode?: unknown
}

/** The longest that a server may say nothing, in ms. */
const TIMES = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000, dnsTimeout: 10_000 }

/** Answers that speak of the session or of who we are, not of this mail. */
const OURS = new Set([502, 503, 530, 534, 535, 538])

async function nodemailer(): Promise<{ createTransport(options: object): Transport }> {
  try {
    return (await import('nodemailer')) as never
  } catch (cause) {
    throw new TypeError('mail over SMTP needs Nodemailer: npm install nodemailer', { cause })
  }
}

/** True when the server has refused this mail for good (RFC 5321, 4.2.1). Wrong credentials are ours to put right. */
function isRefused({ command, responseCode }: SmtpError): boolean {
  const isAboutMail = typeof command === 'string' && /^(?:RCPT|DATA)/.test(command)
  return isAboutMail && typeof responseCode === 'number' && responseCode >= 500 && !OURS.has(responseCode)
}

const addressed = ({ name, address }: Correspondent) => ({ name, address })

function mailOf(message: Message, to: string, signal: AbortSignal) {
  const { id, from, replyTo, subject, text, html, date } = message
  return {
    // Objects, never text: an address is not parsed again, so nothing in it can be a second one.
    from: addressed(from),
    ...(replyTo && { replyTo: addressed(replyTo) }),
    to: [{ name: '', address: to }],
    envelope: { from: addressed(from), to: [{ name: '', address: to }] },
    subject,
    text,
    html,
    date: new Date(date),
    messageId: `<${id}@${from.address.slice(from.address.lastIndexOf('@') + 1)}>`,
    // So that no holiday notice answers (RFC 3834).
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    // No content of ours is a path or a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
    signal,
  }
}

/** Sends over SMTP, by Nodemailer. Throws `TypeError` where there is neither a URL nor a transport. */
export function smtpMailer(options: SmtpOptions): Mailer {
  refuseUnknown(options, ['url', 'transport', 'smtpUtf8'], 'smtp.')
  const { url, transport: own, smtpUtf8 = false } = options
  if (url === undefined && own === undefined) {
    throw new TypeError("smtpMailer needs a `url`: 'smtp://user:password@mail.example:587', or a `transport`")
  }
  if (url !== undefined && !/^smtps?:\/\/[^/]/i.test(url)) {
    throw new TypeError('`smtp.url` must begin with smtp:// or smtps://')
  }
  let transport: Promise<Transport> | null = null

  function open(): Promise<Transport> {
    transport ??= nodemailer().then(({ createTransport }) => createTransport({ ...TIMES, ...(url && { url }), ...own }))
    // The next mail looks again: it may be installed by then.
    transport.catch(() => {
      transport = null
    })
    return transport
  }

  return {
    async send(message, signal) {
      const to = deliverable(message.to)
      if (to === null) throw permanentRefusal('address')
      if (needsSmtpUtf8(to) && !smtpUtf8) throw permanentRefusal('smtputf8')
      const opened = await open()
      try {
        await opened.sendMail(mailOf(message, to, signal))
      } catch (error) {
        const failed = (error ?? {}) as SmtpError
        if (isRefused(failed)) throw permanentRefusal(String(failed.responseCode))
        // A new one: Nodemailer calls wrong credentials permanent as well, and they can be put right.
        const { code, responseCode } = failed
        throw Object.assign(new Error('the mail was not sent', { cause: error }), { code, responseCode })
      }
    },
  }
}
