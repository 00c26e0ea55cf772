/** A session that was ended before its time: by sign-out, by a new password, by a replayed token, by force. */
export interface EndedSession {
  readonly sessionId: string
  readonly userId: string
}

export interface RevocationListener {
  ended(session: EndedSession): void
  /** The line was down and is back: sessions may have ended unheard. Look again at the ones you hold open. */
  missed?(): void
}

export interface RevocationSubscription {
  /** Resolves when the line is up for the first time. */
  readonly ready: Promise<void>
  stop(): void
}

/** Tells of ended sessions, whichever node ended them. What it tells is news: the store decides who is admitted. */
export interface Revocations {
  listen(listener: RevocationListener): RevocationSubscription
}

/** The name under which Redis and PostgreSQL carry the news: a JSON object with `session_id` and `user_id`. */
export const REVOCATIONS_CHANNEL = 'pawl.revocations'

/** Reads a message of the channel. Null for one that is not ours. */
export function endedFrom(message: string): EndedSession | null {
  try {
    const { session_id: sessionId, user_id: userId } = JSON.parse(message)
    return typeof sessionId === 'string' && typeof userId === 'string' ? { sessionId, userId } : null
  } catch {
    return null
  }
}

/** The news of a store in this process, and of any store's own node. */
export function localRevocations(): Revocations & { tell(session: EndedSession): void; missed(): void } {
  const listeners = new Set<RevocationListener>()
  return {
    listen(listener) {
      listeners.add(listener)
      return { ready: Promise.resolve(), stop: () => void listeners.delete(listener) }
    },
    tell(session) {
      for (const listener of listeners) listener.ended(session)
    },
    missed() {
      for (const listener of listeners) listener.missed?.()
    },
  }
}
