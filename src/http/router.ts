import { addRoute, createRouter, findRoute } from 'rou3'
import { Problem } from '../base/problem.js'
import type { BaseUser } from '../users/user.js'
import type { Method, Route } from './route.js'

export interface Match<User extends BaseUser> {
  readonly route: Route<User>
  readonly params: Readonly<Record<string, string>>
}

/** Finds the route of a method and a path; null when the path is none of ours. Throws `method_not_allowed`. */
export type Router<User extends BaseUser> = (method: string, path: string) => Match<User> | null

/** One table of routes by path, each path with its methods. Throws `TypeError` for two routes in one place. */
export function createRouteTable<User extends BaseUser>(
  basePath: string,
  routes: readonly Route<User>[],
): Router<User> {
  const table = createRouter<Map<Method, Route<User>>>()
  const byPath = new Map<string, Map<Method, Route<User>>>()
  for (const route of routes) {
    let count = 0
    const place = route.path.replace(/:\w+/g, () => `:p${count++}`)
    const methods = byPath.get(place) ?? new Map<Method, Route<User>>()
    if (methods.has(route.method)) throw new TypeError(`two routes answer ${route.method} ${route.path}`)
    methods.set(route.method, route)
    if (!byPath.has(place)) addRoute(table, '', basePath + place, methods)
    byPath.set(place, methods)
  }

  return (method, path) => {
    // The router would fold slashes and dots; another spelling of a path is another path.
    if (!path.startsWith(`${basePath}/`) || path.includes('//') || path.includes('/.')) return null
    const found = findRoute(table, '', path)
    if (!found) return null
    const route = found.data.get((method === 'HEAD' ? 'GET' : method) as Method)
    if (route) {
      const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name as string)
      return { route, params: Object.fromEntries(names.map((name, i) => [name, found.params?.[`p${i}`] ?? ''])) }
    }
    const allow = [...found.data.keys()]
    throw new Problem('method_not_allowed', { allow: allow.includes('GET') ? ['HEAD', ...allow] : allow })
  }
}
