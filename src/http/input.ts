import { Problem } from '../base/problem.js'
import type { Exchange } from './exchange.js'
import { type Input, nestFields, urlencodedFields } from './form.js'
import { parseMediaType } from './media-type.js'

/** More than any body of ours needs. */
const MOST_BYTES = 65_536
const MOST_LEVELS = 32

/** How a body was sent; `none` when there is none, `other` for a type that is not read. */
type Format = 'none' | 'json' | 'form' | 'multipart' | 'other'

const FORMS: Readonly<Record<string, Format>> = {
  'application/x-www-form-urlencoded': 'form',
  'multipart/form-data': 'multipart',
}

function formatOf(header: string | null): Format {
  const type = header === null ? null : parseMediaType(header)
  if (!type) return 'other'
  if (type.charset !== null && type.charset !== 'utf-8' && type.charset !== 'utf8') return 'other'
  if (type.essence === 'application/json' || type.essence.endsWith('+json')) return 'json'
  return FORMS[type.essence] ?? 'other'
}

function invalid(message: string): Problem {
  return new Problem('invalid_body', { message })
}

/** Deep nesting costs whoever walks it: count brackets outside of strings before anything is built. */
function tooDeep(text: string): boolean {
  let depth = 0
  let quoted = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (quoted) {
      if (code === 0x5c) index++
      else if (code === 0x22) quoted = false
    } else if (code === 0x22) quoted = true
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > MOST_LEVELS) return true
    } else if (code === 0x7d || code === 0x5d) depth--
  }
  return false
}

function fromJson(text: string): Input {
  if (tooDeep(text)) throw invalid('Body is nested too deep')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid('Body is not valid JSON')
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Input) : Object.create(null)
}

async function fromMultipart(bytes: Uint8Array, contentType: string): Promise<Input> {
  try {
    const body = new Response(bytes, { headers: { 'content-type': contentType } })
    return nestFields(await body.formData())
  } catch (error) {
    throw Problem.is(error) ? error : invalid('Body is not valid multipart form data')
  }
}

/** The bytes of the body: as the host read them, or read now. */
async function bytesOf(exchange: Exchange, read: string | Uint8Array | undefined): Promise<Uint8Array> {
  if (read === undefined) return exchange.readBody(MOST_BYTES)
  const bytes = typeof read === 'string' ? new TextEncoder().encode(read) : read
  if (bytes.length > MOST_BYTES) throw new Problem('body_too_large')
  return bytes
}

/** True for what a host gives where there was no body, or none with members. */
function isEmpty(parsed: unknown): boolean {
  return typeof parsed !== 'object' || parsed === null || Object.keys(parsed).length === 0
}

/** Throws for a value whose objects lie too deep in one another, or that no body of ours can have been. */
function checkParsed(value: unknown): void {
  let level: unknown[] = [value]
  // Counted, since a length may be left out, and is another before a host has unpacked.
  let size = 0
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MOST_LEVELS) throw invalid('Body is nested too deep')
    for (const each of level) size += typeof each === 'string' ? each.length : 1
    if (size > MOST_BYTES) throw new Problem('body_too_large')
    level = level.flatMap(each => (typeof each === 'object' && each !== null ? Object.values(each) : []))
  }
}

/** What a host parsed, held to the rules of what we parse. A form may be flat still: `user[email]`. */
function fromHost(parsed: object, format: Format): Input {
  checkParsed(parsed)
  if (Array.isArray(parsed)) return Object.create(null)
  return format === 'json' ? (parsed as Input) : nestFields(Object.entries(parsed))
}

/**
 * Reads the body: JSON, a form or multipart form data, in UTF-8, at most 64 KB. Never the query string.
 * Throws `invalid_body`, `body_too_large`. A type that is not read is `unsupported_media_type` where the route needs
 * input, and no input where it does not.
 */
export async function readInput(exchange: Exchange, needed: boolean): Promise<Input> {
  const encoding = exchange.header('content-encoding')
  const parsed = exchange.parsedBody?.()
  const isRaw = parsed === undefined || typeof parsed === 'string' || parsed instanceof Uint8Array
  if (!isRaw && Number(exchange.header('content-length') ?? 0) > MOST_BYTES) throw new Problem('body_too_large')
  const bytes = isRaw ? await bytesOf(exchange, parsed) : null
  if (bytes?.length === 0 || (!bytes && isEmpty(parsed))) return Object.create(null)
  const contentType = exchange.header('content-type')
  // What a host parsed it has unpacked.
  const isPlain = !bytes || encoding === null || encoding.toLowerCase() === 'identity'
  const format = isPlain ? formatOf(contentType) : 'other'
  if (format === 'other') {
    if (needed) throw new Problem('unsupported_media_type')
    return Object.create(null)
  }
  if (!bytes) return fromHost(parsed as object, format)

  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid('Body is not valid UTF-8')
  }
  if (format === 'json') return fromJson(text)
  if (format === 'form') return nestFields(urlencodedFields(text))
  return fromMultipart(bytes, contentType as string)
}

/** An own member of an object from a body, whatever its prototype says. */
function own(input: Input, name: string): unknown {
  return Object.hasOwn(input, name) ? input[name] : undefined
}

/** A flag of a body: true or false, as JSON or as a form says it; false when it is not there. Throws `invalid_body`. */
export function flag(input: Input, name: string): boolean {
  const value = own(input, name)
  if (value === true || value === 'true') return true
  if (value === undefined || value === false || value === 'false') return false
  throw invalid(`\`${name}\` must be true or false`)
}

/** The `user` object of a body, with its own names only. Throws `invalid_body` when there is none. */
export function userInput(input: Input, { nullable = false }: { readonly nullable?: boolean } = {}): Input {
  const user = own(input, 'user')
  if (user === null && nullable) return Object.create(null)
  if (typeof user !== 'object' || user === null || Array.isArray(user)) throw invalid('`user` must be an object')
  return Object.assign(Object.create(null), user)
}

/** The one-time token of a body: `token`, or `user[token]` as a form of one group sends it. Of any shape. */
export function sentToken(input: Input): unknown {
  const user = own(input, 'user')
  const inUser = typeof user === 'object' && user !== null ? own(user as Input, 'token') : undefined
  return own(input, 'token') ?? inUser
}
