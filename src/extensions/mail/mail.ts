import type { Notice } from '../../accounts/hooks.js'
import { mistake } from '../../base/mistake.js'
import { createSeal } from '../../tokens/seal.js'
import type { BaseUser } from '../../users/user.js'
import { tableOf } from '../beside.js'
import type { Extension } from '../extension.js'
import { acceptedLanguage, languageOf, type MailText, type MailTexts, type OwnTexts } from './catalogue.js'
import type { MailLinks } from './links.js'
import { type Mailbox, mailboxMailer } from './mailbox.js'
import type { Correspondent, Mailer, Message } from './mailer.js'
import { type MailConfig, type MailOptions, resolveMailOptions } from './options.js'
import { createOutbox, type Letter, OUTBOX, type OutboxRow } from './outbox.js'
import { type MailTemplate, type RenderedMail, render, type TemplateInput } from './render.js'
import { type SmtpOptions, smtpMailer } from './smtp.js'
import { createWaker } from './wake.js'
import { createDelivery, type Delivered } from './worker.js'

export type {
  Correspondent,
  Delivered,
  Mailbox,
  Mailer,
  MailLinks,
  MailOptions,
  MailTemplate,
  MailText,
  MailTexts,
  Message,
  OwnTexts,
  RenderedMail,
  SmtpOptions,
  TemplateInput,
}
export { mailboxMailer, smtpMailer }

export interface MailVerbs {
  /**
   * Sends what is due, and tells what became of it. For a job where there is no worker; calls at once wait for each other.
   * Throws `unavailable` when the database is away.
   */
  deliver(): Promise<Delivered>
}

/** The language somebody is told in. */
function localeOf<User extends BaseUser>(config: MailConfig<User>, { user, ctx }: Notice<User>): string {
  const { catalogue, locale, defaultLocale } = config
  const own = locale ? locale(user, ctx) : (user as { readonly locale?: unknown } | null)?.locale
  const language = typeof own === 'string' ? languageOf(catalogue, own) : null
  return language ?? acceptedLanguage(catalogue, ctx.request.header('accept-language')) ?? defaultLocale
}

/** Throws `TypeError` where a mail could never be written: while somebody waits who will tell, and not hours later. */
function checkWritable<User extends BaseUser>(config: MailConfig<User>, { kind, facts }: Notice<User>): void {
  const { templates, catalogue, defaultLocale, linkOf } = config
  const isKnown = Object.hasOwn(templates, kind) || Object.hasOwn(catalogue[defaultLocale]?.kinds ?? {}, kind)
  if (!isKnown) throw mistake(`mail has no words for \`${kind}\`: give it \`templates.${kind}\`, or \`texts\``)
  const isLinked = !facts || !Object.hasOwn(facts, 'token') || linkOf(kind, '', '') !== null
  if (!isLinked) throw mistake(`mail has no link for \`${kind}\`: give it \`links.${kind}\``)
}

function messageOf<User extends BaseUser>(
  config: MailConfig<User>,
  { id, kind, tenant, created_at, expires_at }: OutboxRow,
  { to, locale, facts }: Letter & { readonly to: string },
  now: number,
): Message {
  const { from, replyTo } = config
  const leftMs = expires_at === null ? null : expires_at - now
  return {
    id,
    kind,
    tenant,
    from,
    replyTo,
    to,
    date: created_at,
    ...render(config, { kind, tenant, locale, facts, leftMs }),
  }
}

/**
 * Mails what other extensions have to tell. A mail is written down with what it is about, in one transaction, and sent by
 * a worker that tries again. Throws `TypeError` for wrong options.
 */
export function mail<User extends BaseUser = BaseUser>(options: MailOptions<User>): Extension<User, MailVerbs> {
  const config = resolveMailOptions(options)
  return {
    name: 'mail',
    migrations: [OUTBOX.migration],
    setup(tools) {
      const { now, emit, onError, realm } = tools
      const outbox = createOutbox(tableOf(tools, OUTBOX), createSeal(tools.keys('mail')), realm)
      const send = createDelivery({
        outbox,
        mailer: config.mailer,
        messageOf: (row, letter) => messageOf(config, row, letter, now()),
        timeoutMs: config.timeoutMs,
        emit,
        onError,
        now,
      })
      let isClosing = false
      let underWay: Promise<unknown> = Promise.resolve()

      function deliver(): Promise<Delivered> {
        const next = underWay.then(() => send(() => isClosing))
        underWay = next.catch(() => {})
        return next
      }

      let isFailing = false
      async function look(): Promise<void> {
        try {
          await deliver()
          isFailing = false
        } catch (error) {
          // Once, and not at every look: the database is away, or has no tables yet.
          if (!isFailing) onError(error, '')
          isFailing = true
        }
      }
      const waker = config.worker ? createWaker(look) : null

      return {
        verbs: { deliver },
        hooks: {
          noticing(notice) {
            checkWritable(config, notice)
            const { ctx, kind, to, user, facts = {}, expiresAt = null } = notice
            waker?.wake()
            const letter = { to: to || null, userId: user?.id ?? null, locale: localeOf(config, notice), facts }
            return [outbox.rowOf({ tenant: ctx.tenant, kind, created_at: now(), expires_at: expiresAt }, letter)]
          },
        },
        async close() {
          isClosing = true
          waker?.stop()
          await underWay
        },
      }
    },
  }
}
