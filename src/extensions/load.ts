import type { Hooks } from '../accounts/hooks.js'
import type { PasswordRules } from '../users/fields.js'
import type { BaseUser } from '../users/user.js'
import type { Added, Extension, ExtensionTools } from './extension.js'

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

/** The rules of passwords, as strict as the strictest extension. Throws `TypeError` where no password could keep them. */
export function strictestRules<User extends BaseUser>(
  rules: PasswordRules,
  extensions: readonly Extension<User>[],
): PasswordRules {
  const minLength = Math.max(rules.minLength, ...extensions.map(({ minPasswordLength = 0 }) => minPasswordLength))
  if (minLength > rules.maxLength)
    throw new TypeError('`password.maxLength` is less than an extension asks for at least')
  return { ...rules, minLength }
}

/** Sets the extensions up in order: what each adds, its hooks in `hooks`. */
export function setUpExtensions<User extends BaseUser>(
  extensions: readonly Extension<User>[],
  tools: ExtensionTools<User>,
  hooks: Hooks<User>[],
): ReadonlyMap<string, Added<User>> {
  return new Map(
    extensions.map(extension => {
      const added = extension.setup(tools)
      if (added.hooks) hooks.push(added.hooks)
      return [extension.name, added]
    }),
  )
}
