import type { Clock } from '../../base/clock.js'
import { type ImportedSession, tokenKey, usedKey } from '../../extensions/imported-sessions/token-key.js'
import type { KeyValueStore } from '../../stores/key-value-store.js'
import type { Account } from '../../users/user.js'
import type { OpenSession } from './sources/source.js'

/** Keeps sessions of these users: how many. */
export type KeepSession = (sessions: readonly OpenSession[], accounts: readonly Account[]) => Promise<number>

/** Keeps sessions where `importedSessions()` finds them, under a hash that is keyed with the server's secret. */
export function sessionKeeper(
  values: KeyValueStore,
  { key, tenant, now }: { readonly key: Uint8Array; readonly tenant: string; readonly now: Clock },
): KeepSession {
  return async (sessions, accounts) => {
    const byId = new Map(accounts.map(account => [account.user.id, account]))
    let count = 0
    for (const { userId, token, expiresAt } of sessions) {
      const account = byId.get(userId)
      // Above 0 all sessions have been ended since the user was imported: an import that runs again brings none back.
      if (!account || (account.user.suspendedAt ?? null) !== null || account.credentialEpoch !== 0) continue
      const name = tokenKey(key, tenant, token)
      if ((await values.get(usedKey(name))) !== null) continue
      const value: ImportedSession = { user_id: userId, epoch: account.credentialEpoch, expires_at: expiresAt }
      await values.put(name, value, expiresAt - now())
      count++
    }
    return count
  }
}
