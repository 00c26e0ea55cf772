import type { Awaitable } from '../base/awaitable.js'
import type { Json } from '../base/json.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'
import type { Answer, Exchange } from './exchange.js'
import type { Input } from './form.js'
import type { Guard } from './guards.js'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What a request and its answer hold, for `GET /openapi.json`. */
export interface RouteDescription {
  readonly summary: string
  /** Names in the `user` object of the body; a trailing `?` marks one that may be left out. */
  readonly user?: readonly string[]
  /** Names of texts in the body beside `user`, with a trailing `?` as there. */
  readonly texts?: readonly string[]
  /** Names of flags in the body: true or false, and false when left out. */
  readonly flags?: readonly string[]
  /** The schema of the answer's `data`: one of those in `openapi.ts`. Default: an empty object. */
  readonly answers?: 'Tokens' | 'Account' | 'Profile' | 'SessionList' | 'Anything'
  /** The token the route needs. Default: an access token where there is a guard, none otherwise. */
  readonly token?: 'access' | 'renewal' | 'either'
  /** Statuses of refusals besides those that every route has. */
  readonly refusals?: readonly number[]
}

export interface Route<User extends BaseUser = BaseUser> {
  readonly method: Method
  /** Below the base path; `:name` stands for one segment. */
  readonly path: `/${string}`
  readonly guard?: Guard
  /** True when the body must be of a type that is read. Default: false. */
  readonly needsInput?: boolean
  readonly description: RouteDescription
  /** Returns the answer's `data`, or nothing to let the presenter answer: the new tokens if there are any. */
  readonly handle: (ctx: Context<User, Exchange>, input: Input) => Awaitable<Json | Answer | undefined>
}

/** Tells an answer a route made itself from data to present. */
export function isAnswer(value: Json | Answer | undefined): value is Answer {
  return typeof value === 'object' && value !== null && 'status' in value && 'headers' in value && 'body' in value
}
