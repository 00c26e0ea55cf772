import { Problem } from '../base/problem.js'
import type { BaseUser } from '../users/user.js'
import type { Method, Route } from './route.js'

export interface Match<User extends BaseUser> {
  readonly route: Route<User>
  readonly params: Readonly<Record<string, string>>
}

/** Finds the route of a method and a path; null when the path is none of ours. Throws `method_not_allowed`. */
export type Router<User extends BaseUser> = (method: string, path: string) => Match<User> | null

/** The routes of one path: of one text, or of all texts with the same segments but for those named `:name`. */
interface Place<User extends BaseUser> {
  readonly segments: readonly string[]
  readonly methods: Map<Method, Route<User>>
}

const NO_PARAMS = Object.freeze({})

function isPattern(path: string): boolean {
  return path.includes('/:')
}

/** True for the path whose segments these are. A named one is never empty. */
function fits(segments: readonly string[], path: readonly string[]): boolean {
  if (segments.length !== path.length) return false
  return segments.every((segment, index) => (segment.startsWith(':') ? path[index] !== '' : segment === path[index]))
}

function paramsOf(route: string, path: readonly string[]): Readonly<Record<string, string>> {
  if (!isPattern(route)) return NO_PARAMS
  const named = route.split('/').map((segment, index) => [segment, path[index] ?? ''] as const)
  return Object.fromEntries(
    named.filter(([name]) => name.startsWith(':')).map(([name, value]) => [name.slice(1), value]),
  )
}

/** One table of routes by path, each path with its methods. Throws `TypeError` for two routes in one place. */
export function createRouteTable<User extends BaseUser>(
  basePath: string,
  routes: readonly Route<User>[],
): Router<User> {
  const places = new Map<string, Place<User>>()
  for (const route of routes) {
    const path = route.path.replace(/:\w+/g, ':')
    const place = places.get(path) ?? { segments: path.split('/'), methods: new Map<Method, Route<User>>() }
    if (place.methods.has(route.method)) throw new TypeError(`two routes answer ${route.method} ${route.path}`)
    place.methods.set(route.method, route)
    places.set(path, place)
  }
  const patterns = [...places].filter(([path]) => isPattern(path)).map(([, place]) => place)

  return (method, target) => {
    if (!target.startsWith(`${basePath}/`)) return null
    const path = target.slice(basePath.length, target.endsWith('/') ? -1 : undefined)
    const segments = path.split('/')
    const place =
      (path.includes(':') ? undefined : places.get(path)) ?? patterns.find(each => fits(each.segments, segments))
    if (!place) return null
    const route = place.methods.get((method === 'HEAD' ? 'GET' : method) as Method)
    if (route) return { route, params: paramsOf(route.path, segments) }
    const allow = [...place.methods.keys()]
    throw new Problem('method_not_allowed', { allow: allow.includes('GET') ? ['HEAD', ...allow] : allow })
  }
}
