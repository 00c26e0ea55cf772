import type { JsonObject } from '../base/json.js'
import type { KeyValueStore } from '../stores/key-value-store.js'
import { newOneTimeToken, oneTimeHash } from '../tokens/one-time.js'

/** Tokens for one use, each with what it stands for. Only their hashes are stored. */
export interface OneTimeTokens<Value extends JsonObject> {
  /** A new token. It lives for `ttlMs`, among the users of a tenant. */
  issue(tenant: string, value: Value): Promise<string>
  /** What a token stands for, without using it up; null for one that is none, over, or used. */
  look(tenant: string, token: unknown): Promise<Value | null>
  /** The same, and uses it up: of fifty callers one gets the value. */
  take(tenant: string, token: unknown): Promise<Value | null>
  /** Makes a token good again whose use came to nothing: what it was used for could not be done. */
  giveBack(tenant: string, token: string, value: Value): Promise<void>
}

/** `purpose` keeps kinds of tokens apart: one of another purpose is none here. */
export function oneTimeTokens<Value extends JsonObject>(
  values: KeyValueStore,
  purpose: string,
  ttlMs: number,
): OneTimeTokens<Value> {
  function keyOf(tenant: string, token: unknown): string | null {
    const hash = oneTimeHash(token)
    return hash === null ? null : `${purpose}:${tenant === '' ? '' : `${tenant}:`}${hash}`
  }

  return {
    async issue(tenant, value) {
      const token = newOneTimeToken()
      await values.put(keyOf(tenant, token) as string, value, ttlMs)
      return token
    },
    async look(tenant, token) {
      const key = keyOf(tenant, token)
      return key === null ? null : ((await values.get(key)) as Value | null)
    },
    async take(tenant, token) {
      const key = keyOf(tenant, token)
      return key === null ? null : ((await values.take(key)) as Value | null)
    },
    async giveBack(tenant, token, value) {
      const key = keyOf(tenant, token)
      if (key !== null) await values.put(key, value, ttlMs)
    },
  }
}
