// The guide's authorization plug, written by a user of Pawl: two records per session, each referring to the other.
// @ts-check
import { createHash, randomBytes } from 'node:crypto'
import { bearerToken, Problem } from 'pawl'

const ACCESS_MS = 30 * 60_000
const RENEWAL_MS = 30 * 24 * 60 * 60_000

/** @typedef {{ userId: string, epoch: number, other: string }} Record Who, and the key of the session's other record. */

/** Only a hash is kept: a copied store signs nobody in. @param {'access' | 'renewal'} kind @param {string} token */
const keyOf = (kind, token) => `${kind}:${createHash('sha256').update(token).digest('base64url')}`

/** @param {Pick<import('pawl').LifecycleParts<import('pawl').BaseUser>, 'store' | 'users'>} parts @returns {import('pawl').Sessions} */
export function keyValueSessions({ store: { values }, users }) {
  /** The record of the request's token, with its user. @param {import('pawl').Context} ctx @param {'access' | 'renewal'} kind */
  async function read(ctx, kind) {
    const token = bearerToken(ctx)
    const key = token === null ? null : keyOf(kind, token)
    const record = key === null ? null : /** @type {Record | null} */ (await values.get(key))
    const account = record && (await users.findById(record.userId))
    // A session from before the password changed is over.
    return key && record && account && record.epoch >= account.credentialEpoch ? { key, record, account } : null
  }

  /** @type {import('pawl').Sessions['create']} */
  function create(ctx, { user, credentialEpoch: epoch }) {
    const accessToken = randomBytes(32).toString('base64url')
    const renewalToken = randomBytes(32).toString('base64url')
    const [access, renewal] = [keyOf('access', accessToken), keyOf('renewal', renewalToken)]
    ctx.beforeSend(() => values.put(access, { userId: user.id, epoch, other: renewal }, ACCESS_MS))
    ctx.beforeSend(() => values.put(renewal, { userId: user.id, epoch, other: access }, RENEWAL_MS))
    ctx.user = user
    ctx.tokens = { accessToken, renewalToken }
    return ctx.tokens
  }

  return {
    create,

    async fetch(ctx) {
      ctx.user = (await read(ctx, 'access'))?.account.user ?? null
      return ctx.user
    },

    async renew(ctx) {
      const found = await read(ctx, 'renewal')
      if (!found) return null
      // Of many requests with one token, one takes it; the write that decides comes first.
      ctx.beforeSend(async () => {
        if ((await values.take(found.key)) === null) throw new Problem('invalid_token')
        await values.delete(found.record.other)
      })
      await create(ctx, found.account, { methods: [] })
      return found.account.user
    },

    async delete(ctx) {
      const presented = (await read(ctx, 'access')) ?? (await read(ctx, 'renewal'))
      const made = ctx.tokens && [keyOf('access', ctx.tokens.accessToken), keyOf('renewal', ctx.tokens.renewalToken)]
      for (const key of [presented?.key, presented?.record.other, ...(made ?? [])]) {
        if (key) ctx.beforeSend(async () => void (await values.delete(key)))
      }
      ctx.user = null
      ctx.tokens = null
    },
  }
}
