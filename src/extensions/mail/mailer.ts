/** Whom mails are from, or whom answers go to. */
export interface Correspondent {
  /** Empty for none. */
  readonly name: string
  readonly address: string
}

/** A mail as it is sent. Every address is one mailbox, and no header holds what somebody typed. */
export interface Message {
  /** The same at every try, and so in `Message-ID`. */
  readonly id: string
  /** Which message: `reset_password`. */
  readonly kind: string
  /** Empty where there are no tenants. */
  readonly tenant: string
  readonly from: Correspondent
  readonly replyTo: Correspondent | null
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** When what it tells happened, in ms since 1970. */
  readonly date: number
}

/** Sends mail. */
export interface Mailer {
  /**
   * Resolves once the message is somebody else's care. What it throws is tried again, unless it has `permanent: true`.
   * When `signal` aborts, nobody waits any more and the message is tried again: stop sending.
   */
  send(message: Message, signal: AbortSignal): Promise<void>
}

/** A refusal that another try would meet again. `code` is told to the operator: no address, no text of the mail. */
export function permanentRefusal(code: string): Error {
  return Object.assign(new Error(`the mail cannot be sent: ${code}`), { code, permanent: true })
}
