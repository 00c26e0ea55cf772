import type { Auth } from '../auth.js'
import type { Awaitable } from '../base/awaitable.js'
import type { Exchange } from '../http/exchange.js'
import type { Presenter } from '../http/presenter.js'
import type { Context } from '../sessions/context.js'
import type { BaseUser } from '../users/user.js'

/** What a controller answers. */
export interface HostAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Text, or parts of a stream. Left out where the response has no body. */
  readonly body?: string | readonly string[]
}

export interface HostGuard {
  readonly auth: Auth
  readonly who: 'authenticated' | 'not_authenticated' | readonly string[]
  readonly presenter?: Presenter
  /** True for a guard before the handler, false for one around it. A host that has one of the two uses that. */
  readonly alone: boolean
}

export interface HostController {
  readonly method: 'GET' | 'POST'
  readonly path: `/${string}`
  readonly guard?: HostGuard
  /** True where the host's own body parser, if it has one, reads the body before. */
  readonly parsed?: boolean
  /**
   * Gets what the request holds as its `auth`, and a function that sets a header on the response before it is given, on
   * hosts that know such a thing.
   */
  run(ctx: Context<BaseUser, Exchange>, setHeader: (name: string, value: string) => void): Awaitable<HostAnswer>
}

/** An app in no host's words. */
export interface HostApp {
  /** Mounted in this order. A controller without a guard gets the context of the first. */
  readonly auths: readonly [Auth, ...Auth[]]
  readonly controllers: readonly HostController[]
  /** True where the host's own body parser, if it has one that can, stands before the auths. */
  readonly parserFirst: boolean
  /** For the problem handler of the first auth. With `pass` the app's own handler answers 500 and the text `own`. */
  readonly unknown: 'present' | 'pass'
}

/** The app as it runs. */
export interface Host {
  /** Sends a request as a client does. `path` has the query as well. */
  fetch(path: string, init: RequestInit): Promise<Response>
  close(): Awaitable<unknown>
}

/** Builds a real app of the host's. */
export type MakeHost = (app: HostApp) => Awaitable<Host>
