import type { Mailer, Message } from './mailer.js'

const MOST = 100

/** Keeps mails instead of sending them: for development and tests. */
export interface Mailbox extends Mailer {
  /** The latest hundred, the newest first. */
  mails(): readonly Message[]
  clear(): void
}

/** A mailbox in this process. What is in it ends with the process. */
export function mailboxMailer(): Mailbox {
  let mails: readonly Message[] = []
  return {
    async send(message) {
      mails = [message, ...mails.filter(({ id }) => id !== message.id)].slice(0, MOST)
    },
    mails: () => mails,
    clear() {
      mails = []
    },
  }
}
