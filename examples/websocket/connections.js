// @ts-check

/**
 * Keeps what a session holds open, and closes it when the session ends, on whichever node it was ended.
 * @param {import('pawl').Auth} auth
 */
export function openConnections(auth) {
  /** @type {Map<string, Set<() => void>>} */
  const closers = new Map()

  /** @param {string} sessionId */
  function closeAll(sessionId) {
    const closing = closers.get(sessionId) ?? []
    closers.delete(sessionId)
    for (const close of closing) close()
  }

  /** Asks the store, for when word of an end may have been missed. @param {string} sessionId */
  async function look(sessionId) {
    if (!closers.has(sessionId)) return
    try {
      if (!(await auth.store.sessions.find(sessionId))) closeAll(sessionId)
    } catch {
      // The store is away. Not all at once when it is back.
      setTimeout(look, 1000 + Math.random() * 1000, sessionId)
    }
  }

  const news = auth.onSessionEnded(({ sessionId }) => closeAll(sessionId), {
    missed: () => Promise.all([...closers.keys()].map(look)),
  })

  return {
    /** Resolves when the news are heard. */
    ready: news.ready,
    /**
     * Calls `close` once the session is over: when it is ended, and when its time is.
     * Gives a function to call when the connection is gone by itself.
     * @param {import('pawl').Session} session
     * @param {() => void} close
     */
    hold({ id }, close) {
      const held = closers.get(id) ?? new Set()
      closers.set(id, held.add(close))
      // It may have ended just before it was in the list. Its time is looked at now and then: a renewal moves it.
      look(id)
      const timer = setInterval(look, 60_000, id)
      return () => {
        clearInterval(timer)
        held.delete(close)
        if (held.size === 0 && closers.get(id) === held) closers.delete(id)
      }
    },
    stop: () => news.stop(),
  }
}
