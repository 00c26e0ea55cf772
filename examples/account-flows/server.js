// Account flows and the pages behind their links. Run it with `node examples/account-flows/server.js`; see README.md.
// @ts-check
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { cookieSessions, createAuth, memoryUsers } from 'pawl'
import { auditLog } from 'pawl/extensions/audit'
import { emailConfirmation } from 'pawl/extensions/email-confirmation'
import { invitation } from 'pawl/extensions/invitation'
import { mail, smtpMailer } from 'pawl/extensions/mail'
import { passwordPolicy } from 'pawl/extensions/password-policy'
import { rateLimits } from 'pawl/extensions/rate-limits'
import { resetPassword } from 'pawl/extensions/reset-password'
import { securityNotices } from 'pawl/extensions/security-notices'
import { authListener } from 'pawl/node'

const { PORT = '3000', SMTP_URL } = process.env

const server = createServer().listen(Number(PORT), '127.0.0.1')
await once(server, 'listening')
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
// `localhost`, since browsers keep a `__Host-` cookie for it without TLS. Never taken from a request.
const url = `http://localhost:${port}`

/** Where there is no mail server, mails are printed. */
const printed = {
  /** @param {import('pawl/extensions/mail').Message} message */
  async send({ to, subject, text }) {
    console.log(`mail to ${to}: ${subject}\n${text}`)
  },
}

const invitations = invitation({ inviters: ['admin'], roles: ['admin', 'user'] })
const auth = createAuth({
  secret: randomBytes(32).toString('base64url'),
  users: memoryUsers(),
  sessions: cookieSessions(),
  extensions: [
    auditLog(),
    rateLimits(),
    passwordPolicy(),
    mail({
      mailer: SMTP_URL ? smtpMailer({ url: SMTP_URL }) : printed,
      from: 'Example <no-reply@example.com>',
      links: url,
    }),
    securityNotices(),
    emailConfirmation({ required: true }),
    resetPassword(),
    invitations,
  ],
  onError: error => console.error(error),
})

/** @type {Record<string, [type: string, file: string]>} */
const PAGE = ['text/html', 'index.html']
const FILES = {
  '/': PAGE,
  '/confirm-email': PAGE,
  '/reset-password': PAGE,
  '/accept-invitation': PAGE,
  '/page.js': ['text/javascript', 'page.js'],
}

/** A script of somebody else's in this page would read the token of a link: there is to be none. */
const HEADERS = {
  'content-security-policy': "default-src 'none'; connect-src 'self'; script-src 'self'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
}

server.on(
  'request',
  authListener(auth, (request, response) => {
    const [type, file] = FILES[(request.url ?? '').replace(/\?.*/, '')] ?? []
    if (!type || !file) {
      response.statusCode = 404
      return response.end('Nothing here\n')
    }
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
    response.setHeader('content-type', `${type}; charset=utf-8`)
    response.end(readFileSync(new URL(file, import.meta.url)))
  }),
)
console.log(`listening on ${url}`)

// Nobody may invite yet: trusted code does.
await auth.extension(invitations).system.invite({ email: 'admin@example.com', role: 'admin' })
