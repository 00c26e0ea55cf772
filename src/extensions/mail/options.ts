import { type Duration, milliseconds } from '../../base/duration.js'
import { refuseUnknown } from '../../base/options.js'
import type { Context } from '../../sessions/context.js'
import type { BaseUser } from '../../users/user.js'
import { correspondent } from './address.js'
import { createCatalogue, languageOf, type OwnTexts } from './catalogue.js'
import { createLinks, type MailLinks } from './links.js'
import type { Correspondent, Mailer } from './mailer.js'
import type { MailTemplate, RenderParts } from './render.js'

export interface MailOptions<in User extends BaseUser = BaseUser> {
  /** What sends: `smtpMailer({ url })`, `mailboxMailer()`, or an object of your own with `send`. */
  mailer: Mailer
  /** Whom mails are from: `'Acme <no-reply@acme.example>'`. */
  from: string
  /** Where answers go. Default: where mails are from. */
  replyTo?: string
  /**
   * Where links lead: a front end's base, `'https://app.example'`, or a link with `{token}` for each kind. Never taken from
   * a request.
   */
  links: MailLinks
  /** What the app is called. Default: the name in `from`, or the domain of its address. */
  appName?: string
  /** In which language somebody is told. Default: the user's `locale`, then the request's `Accept-Language`. */
  locale?: (user: User | null, ctx: Context<User>) => string | undefined
  /** For whoever reads none of the languages. Default: `'en'`. */
  defaultLocale?: string
  /** Other sentences, or languages of your own, by language. */
  texts?: Readonly<Record<string, OwnTexts>>
  /** Mails of your own making, by kind. */
  templates?: Readonly<Record<string, MailTemplate>>
  /** How long one try may take, from `'1s'` to `'10m'`. Default: `'60s'`. */
  timeout?: Duration
  /** False where the process does not live between requests: then a job calls `deliver()`. Default: true. */
  worker?: boolean
}

const KNOWN: Readonly<Record<keyof MailOptions, true>> = {
  mailer: true,
  from: true,
  replyTo: true,
  links: true,
  appName: true,
  locale: true,
  defaultLocale: true,
  texts: true,
  templates: true,
  timeout: true,
  worker: true,
}

export interface MailConfig<User extends BaseUser> extends RenderParts {
  readonly mailer: Mailer
  readonly from: Correspondent
  readonly replyTo: Correspondent | null
  readonly locale: MailOptions<User>['locale']
  readonly timeoutMs: number
  readonly worker: boolean
}

/** The longest name, and nothing in it that ends a header. */
const APP_NAME = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,100}$/u

/** Reads the options. Throws `TypeError` naming the one that is wrong. */
export function resolveMailOptions<User extends BaseUser>(options: MailOptions<User>): MailConfig<User> {
  refuseUnknown(options, Object.keys(KNOWN), 'mail.')
  const { mailer, texts, templates = {}, links, locale, defaultLocale = 'en', timeout = '60s', worker = true } = options
  if (typeof mailer?.send !== 'function') {
    throw new TypeError("mail needs a `mailer`: smtpMailer({ url: 'smtp://mail.example' })")
  }
  const from = correspondent('from', options.from)
  const replyTo = options.replyTo === undefined ? null : correspondent('replyTo', options.replyTo)
  const { appName = from.name || from.address.slice(from.address.lastIndexOf('@') + 1) } = options
  if (typeof appName !== 'string' || !APP_NAME.test(appName)) {
    throw new TypeError('`appName` must be text of 1 to 100 characters, in one line')
  }
  if (links === undefined || links === null) {
    throw new TypeError("mail needs `links`, the base of your front end: 'https://app.example'")
  }
  const catalogue = createCatalogue(texts)
  const language = languageOf(catalogue, defaultLocale)
  if (language === null) {
    throw new TypeError(
      `\`defaultLocale\` must be one of ${Object.keys(catalogue).join(', ')}, or one of your \`texts\``,
    )
  }
  if (locale !== undefined && typeof locale !== 'function') throw new TypeError('`locale` must be a function')
  for (const [kind, template] of Object.entries(templates)) {
    if (typeof template !== 'function') throw new TypeError(`\`templates.${kind}\` must be a function`)
  }
  const timeoutMs = milliseconds(timeout)
  if (timeoutMs === null || timeoutMs < 1000 || timeoutMs > 600_000) {
    throw new TypeError("`timeout` must be from '1s' to '10m'")
  }
  if (typeof worker !== 'boolean') throw new TypeError('`worker` must be true or false')
  return {
    mailer,
    from,
    replyTo,
    appName,
    catalogue,
    defaultLocale: language,
    templates,
    linkOf: createLinks(links),
    locale,
    timeoutMs,
    worker,
  }
}
