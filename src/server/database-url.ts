import { resolve } from 'node:path'
import { settingError } from './env.js'

/** A URL as people may see it: what is after the last `@`, so that no part of a password is left. */
export function shownUrl(url: string): string {
  const [, scheme = '', rest = ''] = /^([a-z+]*:\/\/)?(.*)$/s.exec(url) ?? []
  return scheme + rest.slice(rest.lastIndexOf('@') + 1).replace(/\?.*$/s, '')
}

/** The file of a `DATABASE_URL`; null for a database that is no file. Throws for a kind that has no store. */
export function fileOf(databaseUrl: string): string | null {
  if (/^postgres(?:ql)?:\/\//.test(databaseUrl)) return null
  const path = /^(?:sqlite|file):(?:\/\/)?(.+)$/.exec(databaseUrl)?.[1]
  if (path !== undefined) return path === ':memory:' ? path : resolve(path)
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(databaseUrl)?.[0] ?? 'a URL without a scheme'
  throw settingError(
    `DATABASE_URL must be like sqlite:path/to/pawl.db or postgres://user@host/name; this Pawl has no store for ${scheme}`,
  )
}
