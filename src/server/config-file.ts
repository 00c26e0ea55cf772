import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { OPTIONS } from '../config.js'
import { SERVER_OPTIONS, type ServeConfig, settingError } from './env.js'

const KNOWN: readonly string[] = [...SERVER_OPTIONS, ...OPTIONS]
const NAMES = ['pawl.config.ts', 'pawl.config.js', 'pawl.config.mjs']

/** Imports TypeScript where Node strips its types, and through `jiti` where it does not and that is installed. */
async function importTypeScript(path: string): Promise<{ default?: unknown }> {
  if ('typescript' in process.features && process.features.typescript) return import(pathToFileURL(path).href)
  const loader = await import('jiti').catch(() => null)
  if (!loader) {
    throw settingError(`${path} needs Node 22.18 or newer: rename it to pawl.config.js, or run \`npm install jiti\``)
  }
  return loader.createJiti(import.meta.url).import(path)
}

/** The default export of the project's `pawl.config.ts` or `.js`; an empty configuration when there is none. */
export async function readConfigFile(folder: string): Promise<ServeConfig> {
  const found = NAMES.map(name => resolve(folder, name)).filter(path => existsSync(path))
  const [path, other] = found
  if (path === undefined) return {}
  if (other !== undefined) throw settingError(`there are two configuration files, ${path} and ${other}: keep one`)
  const module = path.endsWith('.ts') ? await importTypeScript(path) : await import(pathToFileURL(path).href)
  if (typeof module.default !== 'object' || module.default === null) {
    throw settingError(`${path} must export its settings as \`export default { … }\``)
  }
  const unknown = Object.keys(module.default).find(name => !KNOWN.includes(name))
  if (unknown !== undefined)
    throw settingError(`${path}: unknown setting \`${unknown}\`; known are ${KNOWN.join(', ')}`)
  return module.default
}
