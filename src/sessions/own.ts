import { Problem } from '../base/problem.js'
import type { SessionChange } from '../stores/session-store.js'
import type { BaseUser } from '../users/user.js'
import type { Lifecycle } from './lifecycle.js'
import type { LifecycleParts } from './parts.js'
import type { OwnSessions } from './sessions.js'

/** What people do with their own sessions, whatever carries them. */
export function ownSessions<User extends BaseUser>(
  { users, record, now }: LifecycleParts<User>,
  lifecycle: Lifecycle<User>,
): OwnSessions<User> {
  const { reading } = lifecycle
  const { sessions } = reading

  return {
    async list(user) {
      const account = await users.findById(user.id, user.tenant)
      const listed = await sessions.listByUser(user.id)
      return listed.filter(session => reading.isLive(session, account))
    },
    async end(ctx, id) {
      const session = await sessions.find(id)
      if (!session || session.userId !== (ctx.user?.id ?? ctx.session?.userId)) return false
      ctx.beforeSend(() => lifecycle.endNow(ctx, id, session.userId))
      return true
    },
    async endAll(ctx, user, { exceptCurrent = false } = {}) {
      const except = exceptCurrent ? ctx.session?.id : undefined
      await record(
        ctx,
        'sessions.ended',
        { userId: user.id },
        {
          write: rows => sessions.deleteByUser(user.id, { rows, ...(except !== undefined && { except }) }),
          regardless: true,
        },
      )
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
        if (authenticated === undefined) return lifecycle.change(ctx, change)
        const facts = { userId: session.userId, sessionId: session.id }
        return record(ctx, 'session.reauthenticated', facts, { write: rows => lifecycle.change(ctx, change, rows) })
      })
    },
  }
}
