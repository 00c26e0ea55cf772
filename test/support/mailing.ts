import { afterAll } from 'vitest'
import { addRows, writeRows } from '../../src/extensions/beside.js'
import {
  type MailOptions,
  type MailVerbs,
  mail,
  mailboxMailer,
  type SmtpOptions,
  smtpMailer,
} from '../../src/extensions/mail/mail.js'
import type { AuthOptions, BaseUser, Extension } from '../../src/index.js'
import { type TestAuth, testAuth, testExchange } from '../../src/testing/index.js'

export interface Told {
  readonly kind: string
  readonly to: string | null
  readonly facts?: Readonly<Record<string, string>>
  readonly expiresAt?: number
}

interface Teller {
  tell(told: Told, headers?: Readonly<Record<string, string>>): Promise<void>
}

export interface Mailing extends TestAuth, MailVerbs, Teller {}

/** Tells what a test says, and welcomes whoever registers, in one transaction with the user. */
function teller(open: () => TestAuth['auth']): Extension<BaseUser, Teller> {
  return {
    name: 'teller',
    requires: ['mail'],
    setup: tools => ({
      verbs: {
        async tell(told, headers = {}) {
          const ctx = await open().open(testExchange('POST', '/tell', { headers }))
          await writeRows(tools, tools.rowsOf('noticing', { ctx, user: null, ...told }))
        },
      },
      hooks: {
        savingUser(saving) {
          const { ctx } = saving
          if (saving.user) return
          addRows(saving, ({ user }) =>
            tools.rowsOf('noticing', { ctx, kind: 'registration_taken', to: user.email, user }),
          )
        },
      },
    }),
  }
}

export const FROM = 'Acme, Inc. <no-reply@acme.example>'
export const LINKS = 'https://app.example'

const opened: TestAuth[] = []
afterAll(() => Promise.all(opened.splice(0).map(({ auth }) => auth.close())))

/** An auth that mails to a server, with a worker only where a test says so. */
export function mailing(
  smtp: SmtpOptions | null,
  options: Partial<MailOptions> = {},
  auth: Partial<AuthOptions> = {},
): Mailing {
  const sending = mail({
    from: FROM,
    links: LINKS,
    worker: false,
    mailer: smtp ? smtpMailer(smtp) : mailboxMailer(),
    ...options,
  })
  const telling = teller(() => made.auth)
  const made: TestAuth = testAuth({ ...auth, extensions: [sending, telling] })
  opened.push(made)
  const { tell } = made.auth.extension(telling)
  return { ...made, tell, deliver: () => made.auth.extension(sending).deliver() }
}
