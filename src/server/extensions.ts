import { auditLog } from '../extensions/audit/audit.js'
import { emailConfirmation } from '../extensions/email-confirmation/email-confirmation.js'
import type { Extension } from '../extensions/extension.js'
import { invitation } from '../extensions/invitation/invitation.js'
import { type Mailbox, type MailVerbs, mail, mailboxMailer, smtpMailer } from '../extensions/mail/mail.js'
import { passwordPolicy } from '../extensions/password-policy/password-policy.js'
import { rateLimits } from '../extensions/rate-limits/rate-limits.js'
import { parseRateLimits } from '../extensions/rate-limits/setting.js'
import { resetPassword } from '../extensions/reset-password/reset-password.js'
import { securityNotices } from '../extensions/security-notices/security-notices.js'
import type { BaseUser } from '../users/user.js'
import { type ServeConfig, settingError } from './env.js'
import { protectedRoute } from './protected.js'

/** What a server has besides the core, by its settings. */
export interface ServerExtensions {
  readonly extensions: readonly Extension[]
  /** What sends mails; null where the configuration file brings its own. */
  readonly mail: Extension<BaseUser, MailVerbs> | null
  /** Where mails are kept that no mail server takes; null where one does. */
  readonly mailbox: Mailbox | null
}

/** What an extension says of an option, as what is wrong with the setting. */
function asSetting<T>(name: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    throw settingError(`${name}: ${(error as Error).message}`)
  }
}

function mailOf({ smtpUrl, mailFrom, mailWorker: worker = true, linkBase, appName, port = 4000 }: ServeConfig) {
  const named = appName === undefined ? {} : { appName }
  if (smtpUrl === undefined) {
    const mailbox = mailboxMailer()
    const from = mailFrom ?? 'Pawl <pawl@localhost.localdomain>'
    const links = linkBase ?? `http://localhost:${port}`
    return { mailbox, extension: asSetting('mail', () => mail({ mailer: mailbox, from, links, ...named, worker })) }
  }
  if (mailFrom === undefined) throw settingError('PAWL_SMTP_URL needs PAWL_MAIL_FROM as well: whom mails are from')
  if (linkBase === undefined) throw settingError('PAWL_SMTP_URL needs PAWL_LINK_BASE as well: where links lead')
  const mailer = asSetting('PAWL_SMTP_URL', () => smtpMailer({ url: smtpUrl }))
  return {
    mailbox: null,
    extension: asSetting('mail', () => mail({ mailer, from: mailFrom, links: linkBase, ...named, worker })),
  }
}

function confirmationOf(config: ServeConfig): readonly Extension[] {
  const { emailConfirmationGrace: grace, enumerationSafe = false } = config
  const { emailConfirmation: mode = enumerationSafe ? 'required' : 'optional' } = config
  if (mode !== 'required') {
    if (enumerationSafe)
      throw settingError(`PAWL_ENUMERATION_SAFE and PAWL_EMAIL_CONFIRMATION=${mode} exclude each other`)
    if (grace) throw settingError('PAWL_EMAIL_CONFIRMATION_GRACE needs PAWL_EMAIL_CONFIRMATION=required')
  }
  if (mode === 'off') return []
  const required = mode === 'required'
  const options = { required, enumerationSafe, ...(grace && { grace }) }
  return [asSetting('PAWL_EMAIL_CONFIRMATION', () => emailConfirmation(options))]
}

function breachedOf({ breachedPasswords = false }: ServeConfig) {
  return typeof breachedPasswords === 'string' ? { url: breachedPasswords } : breachedPasswords
}

/** True where nobody but this machine is served: then its mails may be shown to it. */
function isForDevelopment({ devMailbox = true, host = '127.0.0.1', proxyHops = 0, linkBase }: ServeConfig): boolean {
  const isHere = (name: string) => /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/.test(name)
  const leadsHere = linkBase === undefined || (URL.canParse(linkBase) && isHere(new URL(linkBase).hostname))
  return devMailbox && isHere(host) && proxyHops === 0 && leadsHere
}

/** The extensions of a server. One in the configuration file takes the place of ours with its name. */
export function serverExtensions(config: ServeConfig): ServerExtensions {
  const { passwordPreset: preset = 'default', passwordWords: words = [], auditRetention: retention = '365d' } = config
  const { registration = 'open', invitationRoles: roles = [], securityNotices: hasNotices = true } = config
  const limits = asSetting('PAWL_RATE_LIMITS', () => parseRateLimits(config.rateLimits ?? 'default'))
  const { mailbox, extension } = mailOf(config)
  const policy = { preset, words, common: !config.password?.allowCommon, breached: breachedOf(config) }
  const ours: readonly Extension[] = [
    protectedRoute(),
    // First, so that what is kept says what others refused.
    ...(retention === 'off' ? [] : [auditLog({ retention })]),
    rateLimits(limits.options),
    asSetting('PAWL_PASSWORD_WORDS', () => passwordPolicy(policy)),
    extension,
    ...confirmationOf(config),
    resetPassword(),
    asSetting('PAWL_INVITATION_ROLES', () => invitation({ registration, roles })),
    ...(hasNotices ? [securityNotices()] : []),
  ]
  const own = config.extensions ?? []
  const replaced = ours.map(each => own.find(({ name }) => name === each.name) ?? each)
  const added = own.filter(each => !replaced.includes(each))
  const isOurs = replaced.includes(extension)
  return {
    extensions: [...replaced, ...added],
    mail: isOurs ? extension : null,
    mailbox: isOurs && isForDevelopment(config) ? mailbox : null,
  }
}
