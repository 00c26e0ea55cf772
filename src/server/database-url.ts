import { resolve } from 'node:path'
import { settingError } from './env.js'

/** A URL as people may see it: without user and password. */
export function shownUrl(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//').replace(/\?.*$/, '')
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
