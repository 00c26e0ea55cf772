import type { Accounts } from '../accounts/accounts.js'
import type { Sessions } from '../sessions/sessions.js'
import type { Identifier } from '../users/fields.js'
import type { BaseUser, UserRepository } from '../users/user.js'
import { openApi } from './openapi.js'
import { registrationRoutes } from './registration.js'
import type { Route } from './route.js'
import { sessionRoutes } from './session.js'
import { ownSessionsRoutes } from './sessions.js'

/** What the routes work with. */
export interface Rooms<User extends BaseUser> {
  readonly accounts: Accounts<User>
  readonly sessions: Sessions<User>
  readonly users: UserRepository<User>
  readonly identifiers: readonly Identifier[]
}

/** Every route that is mounted: ours, the extensions', and the description of them all. */
export function allRoutes<User extends BaseUser>(
  rooms: Rooms<User>,
  extensions: readonly Route<User>[],
  options: { readonly basePath: string; readonly errors: 'guide' | 'problem'; readonly routes: boolean },
): readonly Route<User>[] {
  if (!options.routes) return extensions
  const routes = [...registrationRoutes(rooms), ...sessionRoutes(rooms), ...ownSessionsRoutes(rooms), ...extensions]
  const described: Route<User> = {
    method: 'GET',
    path: '/openapi.json',
    description: { summary: 'This description', answers: 'Anything' },
    handle: () => ({ status: 200, headers: { 'content-type': 'application/json; charset=utf-8' }, body: document }),
  }
  const document = JSON.stringify(openApi([...routes, described], { ...options, cookie: rooms.sessions.cookie }))
  return [...routes, described]
}
