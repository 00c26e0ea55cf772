import { Problem } from '../base/problem.js'
import type { SessionChange } from '../stores/session-store.js'
import type { BaseUser } from '../users/user.js'
import type { Context } from './context.js'
import { createLifecycle } from './lifecycle.js'
import type { LifecycleParts } from './parts.js'
import { retryKey } from './retry-key.js'
import type { OwnSessions, Sessions } from './sessions.js'

/** One `Bearer` in any letter case and one space (RFC 6750, 2.1). */
const SCHEME = /^bearer $/i
const SCHEME_LENGTH = 'bearer '.length

/** The token in `Authorization`; null when there is none, two, or one in another scheme. */
export function bearerToken(ctx: Context): string | null {
  const header = ctx.request.header('authorization')
  // A comma joins two headers: then neither counts.
  if (header === null || header === '' || header.includes(',')) return null
  const space = header.lastIndexOf(' ')
  if (space === -1) return header
  return space === SCHEME_LENGTH - 1 && SCHEME.test(header.slice(0, SCHEME_LENGTH)) ? header.slice(SCHEME_LENGTH) : null
}

/** Carries tokens in the `Authorization` header, for APIs. */
export function bearerSessions<User extends BaseUser>(parts: LifecycleParts<User>): Sessions<User> {
  const { users, emit, now } = parts
  const lifecycle = createLifecycle(parts)
  const { sessions } = lifecycle

  const own: OwnSessions<User> = {
    async list(user) {
      const account = await users.findById(user.id)
      const listed = await sessions.listByUser(user.id)
      return listed.filter(session => lifecycle.isLive(session, account))
    },
    async end(ctx, id) {
      const session = await sessions.find(id)
      if (!session || session.userId !== (ctx.user?.id ?? ctx.session?.userId)) return false
      ctx.beforeSend(async () => {
        if (await sessions.delete(id)) emit(ctx, 'session.ended', { userId: session.userId, sessionId: id })
      })
      return true
    },
    async endAll(ctx, user, { exceptCurrent = false } = {}) {
      const except = exceptCurrent ? ctx.session?.id : undefined
      const ended = await sessions.deleteByUser(user.id, except === undefined ? {} : { except })
      emit(ctx, 'sessions.ended', { userId: user.id, detail: String(ended) })
    },
    confirm: (ctx, account) => lifecycle.confirm(ctx, account),
    async keep(ctx, credentialEpoch) {
      if (ctx.session) await lifecycle.change(ctx, { credentialEpoch })
    },
    change(ctx, { authenticated, data }) {
      const { session } = ctx
      if (!session) throw new Problem('not_authenticated')
      const change: SessionChange = {
        ...(authenticated !== undefined && {
          authenticatedAt: now(),
          methods: [...new Set([...session.methods, authenticated])],
        }),
        ...(data !== undefined && { data }),
      }
      ctx.session = { ...session, ...change }
      ctx.beforeSend(async () => {
        await lifecycle.change(ctx, change)
        const facts = { userId: session.userId, sessionId: session.id }
        if (authenticated !== undefined) emit(ctx, 'session.reauthenticated', facts)
      })
    },
  }

  return {
    fetch(ctx) {
      const token = bearerToken(ctx)
      if (token !== null) return lifecycle.check(ctx, token)
      if (ctx.request.header('authorization') !== null) ctx.refusal = 'malformed'
      return null
    },
    create: (ctx, account, facts) => lifecycle.start(ctx, account, facts),
    renew(ctx) {
      const token = bearerToken(ctx)
      return token === null ? null : lifecycle.renew(ctx, token, retryKey(ctx))
    },
    delete: ctx => lifecycle.end(ctx, bearerToken(ctx)),
    own,
  }
}
