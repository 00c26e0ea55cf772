import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { afterAll } from 'vitest'

export interface ReceivedMail {
  readonly from: string
  /** What was said in `RCPT TO`. */
  readonly to: readonly string[]
  readonly raw: string
  readonly parsed: ParsedMail
}

export interface MailServer {
  readonly url: string
  readonly mails: ReceivedMail[]
  /** How many connections were made. */
  connections(): number
  /** Nobody listens any more, and who is connected is cut off. */
  stop(): Promise<void>
  /** Listens again, at the same port. */
  start(): Promise<void>
  /** Replaces handlers from the next connection on. */
  behave(handlers: Partial<SMTPServerOptions>): void
}

const open: MailServer[] = []
afterAll(() => Promise.all(open.splice(0).map(server => server.stop())))

/** A real SMTP server on this machine, stopped after the tests of the file. */
export async function mailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  let server: SMTPServer | null = null
  let port = 0
  let count = 0
  let own: Partial<SMTPServerOptions> = {}
  const mails: ReceivedMail[] = []
  const running: MailServer = {
    get url() {
      return `smtp://127.0.0.1:${port}`
    },
    mails,
    connections: () => count,
    behave(handlers) {
      own = handlers
    },
    async stop() {
      const stopping = server
      server = null
      if (!stopping) return
      for (const connection of (stopping as unknown as { connections: Set<{ _socket: { destroy(): void } }> })
        .connections) {
        connection._socket.destroy()
      }
      await new Promise<void>(resolve => stopping.close(resolve))
    },
    async start() {
      server = new SMTPServer({
        authOptional: true,
        disabledCommands: ['STARTTLS', 'AUTH'],
        closeTimeout: 1000,
        ...options,
        onConnect(session, done) {
          count++
          if (own.onConnect) return own.onConnect(session, done)
          done()
        },
        onRcptTo(address, session, done) {
          if (own.onRcptTo) return own.onRcptTo(address, session, done)
          done()
        },
        onData(stream, session, done) {
          if (own.onData) return own.onData.call(server as SMTPServer, stream, session, done)
          const pieces: Buffer[] = []
          stream.on('data', piece => pieces.push(piece))
          stream.on('end', async () => {
            const raw = Buffer.concat(pieces)
            const { mailFrom, rcptTo } = session.envelope
            mails.push({
              from: mailFrom ? mailFrom.address : '',
              to: rcptTo.map(({ address }) => address),
              raw: raw.toString('utf8'),
              parsed: await simpleParser(raw),
            })
            done()
          })
        },
      })
      server.on('error', () => {})
      const listening = server.listen(port, '127.0.0.1')
      await once(listening, 'listening')
      port = (listening.address() as AddressInfo).port
    },
  }
  await running.start()
  open.push(running)
  return running
}
