import { refuseForeign } from '../../accounts/authentication.js'
import { Problem } from '../../base/problem.js'
import type { Context } from '../../sessions/context.js'
import type { Account, BaseUser } from '../../users/user.js'
import type { Extension } from '../extension.js'
import { type ImportedSession, PURPOSE, tokenKey, usedKey } from './token-key.js'

export interface ImportedSessionsVerbs {
  /**
   * Exchanges the token of a session that `pawl import --sessions` brought for a session of ours: once. Throws
   * `invalid_token` for one that is unknown, over or used, and what signing in throws: `suspended`.
   */
  exchange(ctx: Context, token: unknown): Promise<BaseUser>
}

/** No tool's token is longer. */
const LONGEST = 1024

/** What a client may hold of one token: it signs its cookies, quotes them, and pads Base64. */
function spellings(token: string): readonly string[] {
  let text = token
  try {
    text = decodeURIComponent(token)
  } catch {
    // A `%` that stands for itself.
  }
  const bare = /^([^.]+)\.[^.]+$/.exec(text)?.[1] ?? text
  return [...new Set([text, bare, bare.replace(/=+$/, '')])]
}

/** Lets people stay signed in who were when they were imported: their old token buys a new session once. */
export function importedSessions(): Extension<BaseUser, ImportedSessionsVerbs> {
  return {
    name: 'imported_sessions',
    setup({ accounts, users, values, keys, now }) {
      const secrets = keys(PURPOSE)

      async function take(tenant: string, token: string): Promise<{ key: string; session: ImportedSession } | null> {
        for (const spelling of spellings(token)) {
          for (const secret of secrets) {
            const key = tokenKey(secret, tenant, spelling)
            const session = (await values.take(key)) as ImportedSession | null
            if (session) return { key, session }
          }
        }
        return null
      }

      async function accountOf(ctx: Context, session: ImportedSession): Promise<Account> {
        const account = await users.findById(session.user_id, ctx.tenant)
        if (account && account.credentialEpoch === session.epoch) return account
        throw new Problem('invalid_token')
      }

      const verbs: ImportedSessionsVerbs = {
        async exchange(ctx, token) {
          refuseForeign(ctx)
          const isToken = typeof token === 'string' && token !== '' && token.length <= LONGEST
          const taken = isToken ? await take(ctx.tenant, token) : null
          if (!taken || taken.session.expires_at <= now()) throw new Problem('invalid_token')
          const { key, session } = taken
          try {
            const { user } = await accountOf(ctx, session)
            await accounts.signIn(ctx, user, { methods: ['imported'] })
            // Signing in read the user anew: all sessions may have been ended in between, and this one with them.
            await accountOf(ctx, session)
            await values.put(usedKey(key), true, session.expires_at - now())
            return user
          } catch (error) {
            // What was away comes back, and then the token must still be good.
            if (!Problem.is(error) || error.status >= 500) await values.put(key, session, session.expires_at - now())
            throw error
          }
        },
      }
      return {
        verbs,
        routes: [
          {
            method: 'POST',
            path: '/session/import',
            needsInput: true,
            description: {
              summary: 'Exchange the token of a session from before the move for a session',
              answers: 'Tokens',
              refusals: [401, 403],
            },
            async handle(ctx, input) {
              await verbs.exchange(ctx as unknown as Context, Object.hasOwn(input, 'token') ? input.token : null)
              return undefined
            },
          },
        ],
      }
    },
  }
}
