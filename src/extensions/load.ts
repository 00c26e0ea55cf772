import type { Hooks } from '../accounts/hooks.js'
import type { Route } from '../http/route.js'
import type { BaseUser } from '../users/user.js'
import type { Extension, ExtensionTools } from './extension.js'

/** Throws `TypeError` for two extensions of one name, and for one whose `requires` does not come before it. */
export function checkExtensions<User extends BaseUser>(extensions: readonly Extension<User>[]): void {
  const earlier = new Set<string>()
  for (const { name, requires = [] } of extensions) {
    if (earlier.has(name)) throw new TypeError(`\`extensions\` lists ${name} twice`)
    const missing = requires.find(required => !earlier.has(required))
    if (missing !== undefined) throw new TypeError(`extension ${name} needs ${missing} earlier in \`extensions\``)
    earlier.add(name)
  }
}

/** Sets the extensions up in order: their routes together, their hooks added to `hooks`. */
export function setUpExtensions<User extends BaseUser>(
  extensions: readonly Extension<User>[],
  tools: ExtensionTools<User>,
  hooks: Hooks<User>[],
): readonly Route<User>[] {
  return extensions.flatMap(extension => {
    const { routes = [], hooks: added } = extension.setup(tools)
    if (added) hooks.push(added)
    return routes
  })
}
