import { parseArgs } from 'node:util'
import { milliseconds } from '../../base/duration.js'
import { MAPPED, type Mapping } from './prepare.js'
import { authjs } from './sources/authjs.js'
import { betterAuth } from './sources/better-auth.js'
import { csv } from './sources/csv.js'
import { devise } from './sources/devise.js'
import { firebase } from './sources/firebase.js'
import { phoenix } from './sources/phoenix.js'
import { pow } from './sources/pow.js'
import type { Source } from './sources/source.js'
import { supabase } from './sources/supabase.js'

export const SOURCES: Readonly<Record<string, Source>> = {
  pow,
  phoenix,
  'better-auth': betterAuth,
  authjs,
  supabase,
  devise,
  firebase,
  csv,
}

const OPTIONS = {
  from: { type: 'string' },
  'dry-run': { type: 'boolean' },
  report: { type: 'string' },
  checkpoint: { type: 'string' },
  tenant: { type: 'string' },
  table: { type: 'string' },
  namespace: { type: 'string' },
  'on-taken': { type: 'string' },
  locked: { type: 'string' },
  map: { type: 'string', multiple: true },
  sessions: { type: 'boolean' },
  'session-lifetime': { type: 'string' },
  yes: { type: 'boolean' },
  json: { type: 'boolean' },
  quiet: { type: 'boolean' },
} as const

export interface Flags {
  readonly from: string
  readonly source: Source
  readonly paths: readonly string[]
  readonly mapping: Mapping
  readonly isDry: boolean
  readonly report: string | null
  /** Default: beside the first file. */
  readonly checkpoint: string
  readonly tenant: string
  readonly table: string | undefined
  readonly namespace: string
  readonly onTaken: 'refuse' | 'skip'
  readonly locked: 'suspend' | 'ignore'
  readonly sessions: boolean
  readonly sessionMs: number | null
  readonly yes: boolean
  readonly output: 'text' | 'json' | 'quiet'
}

function choice<T extends string>(name: string, value: string, known: readonly T[]): T {
  const found = known.find(each => each === value)
  if (found !== undefined) return found
  throw new TypeError(`--${name} must be ${known.join(' or ')}`)
}

function mappingOf(pairs: readonly string[]): Mapping {
  const mapping = new Map<string, string>()
  for (const pair of pairs) {
    const [, column = '', field = ''] = /^([^=]+)=([^=]+)$/.exec(pair) ?? []
    if (column === '') throw new TypeError('--map must be like --map full_name=name: a column, and what it becomes')
    if (mapping.has(field)) throw new TypeError(`--map names ${field} twice`)
    mapping.set(field, column)
  }
  return mapping
}

/** Reads the arguments of `pawl import`. Throws `TypeError` for what cannot be meant. */
export function readFlags(args: readonly string[]): Flags {
  const { values, positionals: paths } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  const known = Object.keys(SOURCES)
  const from = choice('from', values.from ?? '', known)
  const [first] = paths
  if (first === undefined) throw new TypeError('name the file to import: pawl import --from=pow dump.sql')
  const lifetime = values['session-lifetime']
  const sessionMs = lifetime === undefined ? null : milliseconds(lifetime)
  if (lifetime !== undefined && !sessionMs) throw new TypeError('--session-lifetime must be a duration like 60d')
  const source = SOURCES[from] as Source
  if (values.sessions && !source.sessions) throw new TypeError(`--sessions: ${from} keeps none that can be taken over`)
  return {
    from,
    source,
    paths,
    mapping: mappingOf(values.map ?? []),
    isDry: values['dry-run'] ?? false,
    report: values.report ?? null,
    checkpoint: values.checkpoint ?? `${first}.pawl-import`,
    tenant: values.tenant ?? '',
    table: values.table,
    namespace: values.namespace ?? from,
    onTaken: choice('on-taken', values['on-taken'] ?? 'refuse', ['refuse', 'skip']),
    locked: choice('locked', values.locked ?? 'suspend', ['suspend', 'ignore']),
    sessions: values.sessions ?? false,
    sessionMs,
    yes: values.yes ?? false,
    output: values.json ? 'json' : values.quiet ? 'quiet' : 'text',
  }
}

/** Throws `TypeError` for a field that nothing keeps. */
export function checkMapping(mapping: Mapping, fields: readonly string[]): void {
  for (const field of mapping.keys()) {
    if ((MAPPED as readonly string[]).includes(field) || fields.includes(field)) continue
    const own = fields.length > 0 ? `, and the fields ${fields.join(', ')} of \`users\`` : '; `users` keep no `fields`'
    throw new TypeError(`--map: nothing keeps ${field}; known are ${MAPPED.join(', ')}${own}`)
  }
}
